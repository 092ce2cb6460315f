//! A tag that was set, changed or taken off: it takes effect at once; scans are the safety net.

use cpm_contracts::scan::Place;
use cpm_domain::{
    aws::Tagged,
    id::{AccountId, Region},
    scan::TagNews,
    target::Resource,
};
use cpm_ports::{Clock, Store};

use super::look::follow;
use crate::Result;

/// Brings the policies of every account of that number, which allows scans there, in line with the tag of a resource.
/// `own` is the number of the deployment's own account. Gives the number of changes.
///
/// Events come late, twice and in any order: whatever this one says, the newest that any of them told is what counts, and
/// whoever finds that something newer came while it worked goes on with that.
pub async fn tag_changed(
    store: &dyn Store,
    clock: &dyn Clock,
    own: &AccountId,
    (number, region): (&AccountId, &Region),
    resource: &Resource,
    news: &TagNews,
) -> Result<usize> {
    let mut changes = 0;
    for owner in store.owners().await? {
        for account in store.accounts(&owner).await? {
            let scanned =
                account.scan.enabled && account.scan.regions.as_ref().is_none_or(|regions| regions.contains(region));
            if !scanned || account.number().unwrap_or(own) != number {
                continue;
            }
            let place = Place { owner: owner.clone(), account: account.name, region: region.clone() };
            changes += at_place(store, clock, &place, resource, news).await?;
        }
    }
    Ok(changes)
}

async fn at_place(
    store: &dyn Store,
    clock: &dyn Clock,
    place: &Place,
    resource: &Resource,
    news: &TagNews,
) -> Result<usize> {
    let Place { owner, account, region } = place;
    let newest = async |news: &TagNews| store.keep_tag(owner, (account, region), resource, news, clock.now()).await;
    let (mut changes, mut news) = (0, newest(news).await?);
    loop {
        let value = news.value.clone();
        let found: Vec<Tagged> =
            value.map(|value| Tagged { resource: resource.clone(), value }).into_iter().collect();
        let done = follow(store, clock, place, &found, &[], Some(resource), false).await?;
        for line in &done.lines {
            tracing::info!(account = %line.account, %region, resource = resource.id(), message = line.message);
        }
        changes += done.actions.len();
        let known = newest(&news).await?;
        if known.version == news.version {
            return Ok(changes);
        }
        news = known;
    }
}
