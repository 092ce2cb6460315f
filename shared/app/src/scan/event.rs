//! A tag that was set, changed or taken off: it takes effect at once; scans are the safety net.

use cpm_contracts::scan::Place;
use cpm_domain::{
    aws::Tagged,
    id::{AccountId, Region},
    target::Resource,
};
use cpm_ports::{Clock, Store};

use super::look::follow;
use crate::Result;

/// Brings the policies of every account of that number, which allows scans there, in line with the tag of a resource.
/// `own` is the number of the deployment's own account. Gives the number of changes.
pub async fn tag_changed(
    store: &dyn Store,
    clock: &dyn Clock,
    own: &AccountId,
    (number, region): (&AccountId, &Region),
    resource: &Resource,
    value: Option<&str>,
) -> Result<usize> {
    let found: Vec<Tagged> =
        value.map(|value| Tagged { resource: resource.clone(), value: value.to_owned() }).into_iter().collect();
    let mut changes = 0;
    for owner in store.owners().await? {
        for account in store.accounts(&owner).await? {
            let scanned =
                account.scan.enabled && account.scan.regions.as_ref().is_none_or(|regions| regions.contains(region));
            if !scanned || account.number().unwrap_or(own) != number {
                continue;
            }
            let place = Place { owner: owner.clone(), account: account.name, region: region.clone() };
            let done = follow(store, clock, &place, &found, &[], Some(resource), false).await?;
            for line in &done.lines {
                tracing::info!(account = %line.account, %region, resource = resource.id(), message = line.message);
            }
            changes += done.actions.len();
        }
    }
    Ok(changes)
}
