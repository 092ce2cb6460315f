//! Units that change: by a step, or by an event from AWS.

use cpm_domain::{
    id::{BackupId, Region},
    name::OwnerName,
    unit::{UnitReport, UnitSet},
};
use cpm_ports::{Clock, Executions, Store, StoreError};

use crate::{Error, Result};

/// How often a lost race is run again.
const RACES: u32 = 5;

/// Changes a set and writes it down if it changed. When somebody else wrote it meanwhile, it is read again and the
/// change made again: no change is lost, whoever comes first.
pub(crate) async fn keep_set(
    store: &dyn Store,
    owner: &OwnerName,
    backup: BackupId,
    set: &mut UnitSet,
    mut change: impl FnMut(&mut UnitSet) -> bool + Send,
) -> Result<()> {
    for _ in 0..RACES {
        if !change(set) {
            return Ok(());
        }
        match store.put_set(owner, backup, set).await {
            Ok(()) => {
                set.version += 1;
                return Ok(());
            }
            Err(StoreError::LostRace(_)) => {
                let sets = store.sets(owner, backup).await?;
                let found = sets.into_iter().find(|other| other.number == set.number);
                *set = found.ok_or_else(|| Error::not_found("backup", backup))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::LostRace(format!("set {}", set.id(backup))).into())
}

/// What an event on units came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// No open unit waits for it: not ours, not written down yet, or heard before. The next poll sees it.
    Nothing,
    /// Units were settled.
    Settled,
    /// They were the last: the execution is awake.
    Woken,
}

/// Takes in an event from AWS on the units of one call.
pub async fn hear(
    store: &dyn Store,
    executions: &dyn Executions,
    clock: &dyn Clock,
    region: &Region,
    reports: &[UnitReport],
) -> Result<Heard> {
    let Some(key) = reports.iter().map(|report| &report.id).min() else { return Ok(Heard::Nothing) };
    let Some((owner, backup, mut set)) = store.set_with(region, key).await? else { return Ok(Heard::Nothing) };
    let now = clock.now();
    keep_set(store, &owner, backup, &mut set, |set| set.take_in(reports, now)).await?;
    if !set.is_settled() {
        return Ok(Heard::Settled);
    }
    // Without a token nobody waits yet; who leaves one looks at the units afterwards.
    let Some(record) = store.backup(&owner, backup).await? else { return Ok(Heard::Settled) };
    let Some(token) = record.wake else { return Ok(Heard::Settled) };
    if !store.sets(&owner, backup).await?.iter().all(UnitSet::is_settled) {
        return Ok(Heard::Settled);
    }
    executions.wake(&token).await?;
    Ok(Heard::Woken)
}
