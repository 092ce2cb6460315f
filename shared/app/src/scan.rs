//! Tag scans: policies follow the `cpm backup` tags.

mod event;
mod look;

use std::collections::BTreeMap;

use cpm_contracts::scan::{Looked, MAX_PLACES, Place, Planned, StartScan};
use cpm_domain::{
    account::Account,
    alert::{Category, Failure, Severity},
    aws::AwsError,
    id::Region,
    name::OwnerName,
    pace,
    scan::{Scan, ScanKind},
};
use cpm_ports::{Access, Clock, Deadline, Drivers, Regions, Store};

pub use event::tag_changed;
pub(crate) use look::looked;

use crate::{Error, Result, alert};

/// The name by which faults and advice speak of the role.
const FUNCTION: &str = "tag-scanner";

/// The steps, with the world they work on.
pub struct Steps<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// Where to look.
    pub regions: &'a dyn Regions,
    /// What carries tags, and what the suite made.
    pub drivers: &'a Drivers,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The deployment's name, as in tags.
    pub deployment: &'a str,
}

impl Steps<'_> {
    /// Opens a scan and says where to look. The id is the execution's name after its instant, so that later scans sort
    /// after earlier ones.
    pub async fn plan(&self, id: &str, start: &StartScan) -> Result<Planned> {
        let owners = match &start.owner {
            Some(owner) => vec![owner.clone()],
            None => self.store.owners().await?,
        };
        let mut places = Vec::new();
        for owner in owners {
            let before = places.len();
            let mut failed = 0;
            for account in self.store.accounts(&owner).await? {
                // Snapshots are looked for wherever backups may be; tags where the account allows it.
                if start.kind == ScanKind::Tags && !account.scan.enabled {
                    continue;
                }
                match self.regions(&account, start).await {
                    Ok(regions) => places.extend(regions.into_iter().map(|region| Place {
                        owner: owner.clone(),
                        account: account.name.clone(),
                        region,
                    })),
                    Err(error) => {
                        failed += 1;
                        self.tell(&owner, &account, None, &error).await?;
                    }
                }
            }
            let scan = self.open(id, start, places.len() - before, failed);
            self.store.put_scan(&owner, &scan).await?;
        }
        if places.len() > MAX_PLACES {
            return Err(Error::bad_input(
                format!("{} accounts and Regions are more than {MAX_PLACES} for one scan", places.len()),
                "give each account the list of its Regions",
            ));
        }
        Ok(Planned { places })
    }

    fn open(&self, id: &str, start: &StartScan, places: usize, failed: u32) -> Scan {
        Scan {
            id: id.to_owned(),
            kind: start.kind,
            started: self.clock.now(),
            ended: None,
            asked_by: start.asked_by.clone().unwrap_or_else(|| "schedule".to_owned()),
            places: u32::try_from(places).unwrap_or(u32::MAX),
            failed_places: failed,
            found: 0,
            changes: 0,
            errors: 0,
            dry_run: start.dry_run,
        }
    }

    async fn regions(&self, account: &Account, start: &StartScan) -> std::result::Result<Vec<Region>, AwsError> {
        match &account.scan.regions {
            Some(regions) if start.kind == ScanKind::Tags => Ok(regions.clone()),
            _ => self.regions.regions(&Access::for_backup(account)).await,
        }
    }

    /// Closes the scan with what its places gave.
    pub async fn finish(&self, id: &str, looked: &[Looked]) -> Result<()> {
        let mut by_owner: BTreeMap<&OwnerName, Vec<&Looked>> = BTreeMap::new();
        for place in looked {
            by_owner.entry(&place.owner).or_default().push(place);
        }
        let mut owners = self.store.owners().await?;
        owners.extend(by_owner.keys().map(|owner| (*owner).clone()));
        owners.sort();
        owners.dedup();
        for owner in owners {
            let Some(mut scan) = self.store.scan(&owner, id).await? else { continue };
            if scan.ended.is_some() {
                continue;
            }
            for place in by_owner.get(&owner).into_iter().flatten() {
                scan.failed_places += u32::from(place.failed);
                scan.found += place.found;
                scan.changes += place.changes;
                scan.errors += place.errors;
            }
            scan.ended = Some(self.clock.now());
            self.store.put_scan(&owner, &scan).await?;
        }
        Ok(())
    }

    /// Asks AWS with patience.
    pub(crate) async fn patiently<T, F>(
        &self,
        deadline: Deadline,
        ask: impl Fn() -> F + Send,
    ) -> std::result::Result<T, AwsError>
    where
        F: Future<Output = std::result::Result<T, AwsError>> + Send,
    {
        let mut tries = 0;
        loop {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tries += 1;
            let pause = pace::backoff(tries, self.clock.chance());
            if !error.is_retryable() || tries > 6 || !deadline.allows(self.clock.now(), pause) {
                return Err(error);
            }
            self.clock.sleep(pause).await;
        }
    }

    async fn tell(
        &self,
        owner: &OwnerName,
        account: &Account,
        region: Option<&Region>,
        error: &AwsError,
    ) -> Result<()> {
        let whom = Access::for_backup(account).whom(FUNCTION);
        let place = subject(account, region);
        let failure = Failure {
            category: Category::Scan,
            subject: place.clone(),
            policy: None,
            severity: Severity::Error,
            title: format!("Tag Scan Failure of {place}"),
            message: format!(
                "The tags of {place} could not be read: {}. Policies stay as they are there.",
                error.to_fault(&whom)
            ),
            quiet: true,
        };
        alert::report(self.store, owner, failure, self.clock.now()).await
    }
}

fn subject(account: &Account, region: Option<&Region>) -> String {
    match region {
        Some(region) => format!("{} {region}", account.name),
        None => account.name.to_string(),
    }
}
