//! What recoveries that are not over hold: their backups are not deleted under them, and what they share stays shared.

use std::collections::BTreeSet;

use cpm_domain::{
    id::{BackupId, UnitId},
    name::OwnerName,
    recovery::{Recovery, State, course::LONGEST, plan::Wanted},
};
use cpm_ports::{RecoveryQuery, Store};
use jiff::Timestamp;

use super::is_past;
use crate::Result;

/// Recoveries read at a time.
const PAGE: usize = 50;

/// What is held.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    pub(crate) backups: BTreeSet<BackupId>,
    pub(crate) images: BTreeSet<UnitId>,
}

/// Recoveries that are not over, consistently read. One that was asked for so long ago that it cannot run any more is
/// none of them, and neither are those before it.
async fn running(store: &dyn Store, owner: &OwnerName, now: Timestamp) -> Result<Vec<Recovery>> {
    let mut query = RecoveryQuery { policy: None, limit: PAGE, before: None };
    let mut running = Vec::new();
    loop {
        let page = store.recoveries(owner, &query).await?;
        let is_old = page.recoveries.iter().any(|recovery| is_past(recovery.started, LONGEST, now));
        let fresh = page.recoveries.into_iter().filter(|recovery| !is_past(recovery.started, LONGEST, now));
        running.extend(fresh.filter(|recovery| !recovery.state.is_ended()));
        query.before = page.next;
        if is_old || query.before.is_none() {
            return Ok(running);
        }
    }
}

/// What recoveries hold that are not over.
pub(crate) async fn held(store: &dyn Store, owner: &OwnerName, now: Timestamp) -> Result<Held> {
    let mut held = Held::default();
    for recovery in running(store, owner, now).await? {
        held.backups.insert(recovery.backup);
        if let Wanted::Instance(plan) = &recovery.plan.wanted {
            held.images.extend(plan.image.as_ref().map(UnitId::new));
        }
    }
    Ok(held)
}

/// Whether another recovery of the same backup into the same account has still to make something of what is shared.
pub(super) async fn is_shared_elsewhere(
    store: &dyn Store,
    owner: &OwnerName,
    of: &Recovery,
    now: Timestamp,
) -> Result<bool> {
    let is_alike = |other: &Recovery| other.id != of.id && other.backup == of.backup && other.account == of.account;
    for other in running(store, owner, now).await?.into_iter().filter(is_alike) {
        if other.state != State::Running || other.course.decided.is_some() {
            continue;
        }
        let works = store.works(owner, other.id).await?;
        if works.is_empty() || works.iter().any(|work| !work.is_aftermath() && !work.state.is_settled()) {
            return Ok(true);
        }
    }
    Ok(false)
}
