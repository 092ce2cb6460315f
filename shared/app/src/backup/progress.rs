//! Progress: asks AWS how the units are, when no event came.

use std::collections::BTreeSet;

use cpm_contracts::backup::{Progress, Running};
use cpm_domain::{
    account::Account,
    backup::Backup,
    id::Region,
    progress, resume,
    unit::{Fault, UnitKind, UnitReport, UnitSet, UnitState},
};
use jiff::Timestamp;

use super::{Steps, document::Document, place};
use crate::{Result, unit::keep_set};

impl Steps<'_> {
    /// Polls, once a Region and kind of unit.
    pub async fn progress(&self, running: &Running, polls: u32) -> Result<Progress> {
        let backup = self.backup(running).await?;
        let account = self.account(running, &backup).await?;
        let mut sets = self.store.sets(&running.owner, running.backup).await?;
        for (region, kind) in places_of(sets.iter().filter(|set| !set.is_settled())) {
            let of_place = |set: &&mut UnitSet| set.region == region && set.kind() == Some(kind) && !set.is_settled();
            match self.made(running, &backup, &account, &region, kind).await {
                Ok(made) => {
                    for set in sets.iter_mut().filter(of_place) {
                        let reports =
                            made.get(&(set.number, set.target.clone())).map(Vec::as_slice).unwrap_or_default();
                        self.poll(running, &backup, &account, set, reports).await?;
                    }
                }
                Err(error) if progress::given_up(backup.started, self.clock.now()) => {
                    let fault = error.to_fault(&place(&account, &region).access.whom(super::FUNCTION));
                    for set in sets.iter_mut().filter(of_place) {
                        self.fail_open(running, set, &fault).await?;
                    }
                }
                // It may be different at the next poll; the units stay open, and the status says so.
                Err(error) => tracing::warn!(%region, %error, backup = %running.backup, "cannot poll"),
            }
        }
        self.renew(running).await?;
        let open = sets.iter().flat_map(|set| &set.units).filter(|unit| !unit.state.is_settled()).count();
        Ok(Progress {
            open: u32::try_from(open).unwrap_or(u32::MAX),
            wait: progress::poll_wait(polls + 1),
            polls: polls + 1,
        })
    }

    async fn poll(
        &self,
        running: &Running,
        backup: &Backup,
        account: &Account,
        set: &mut UnitSet,
        reports: &[UnitReport],
    ) -> Result<()> {
        let now = self.clock.now();
        let given_up = progress::given_up(backup.started, now);
        let is_lacking = set.units.iter().any(|unit| unit.id.is_none());
        let document = if is_lacking { self.look_at_document(&place(account, &set.region), set).await } else { None };
        keep_set(self.store, &running.owner, running.backup, set, |set| {
            let mut changed = set.take_in(reports, now);
            match &document {
                Some(Document::Waits) => {}
                Some(Document::Failed(fault)) => {
                    set.fail_planned(now, fault);
                    changed = true;
                }
                None if now.duration_since(backup.started) <= progress::LISTED_AFTER => {}
                Some(Document::Over) | None => changed |= fail_lost(set, reports, now),
            }
            if given_up {
                let fault = Fault::new("TimedOut", "it was pending for two weeks and is no longer waited for")
                    .advise("ask AWS Support what became of it; it is deleted with its backup");
                set.units.iter_mut().for_each(|unit| unit.fail(now, fault.clone()));
                changed = true;
            }
            changed
        })
        .await
    }

    async fn fail_open(&self, running: &Running, set: &mut UnitSet, fault: &Fault) -> Result<()> {
        let now = self.clock.now();
        keep_set(self.store, &running.owner, running.backup, set, |set| {
            set.units.iter_mut().for_each(|unit| unit.fail(now, fault.clone()));
            true
        })
        .await
    }

    /// Puts the end of the lease off to so long from now, or closer.
    pub(super) async fn hold(&self, running: &Running, time: jiff::SignedDuration) -> Result<()> {
        let Some(lease) = self.store.lease(&running.owner, &running.policy).await? else { return Ok(()) };
        if lease.holder == running.holder {
            self.store.renew(&running.owner, &lease, self.clock.now() + time).await?;
        }
        Ok(())
    }

    async fn renew(&self, running: &Running) -> Result<()> {
        let now = self.clock.now();
        let Some(lease) = self.store.lease(&running.owner, &running.policy).await? else { return Ok(()) };
        if lease.holder == running.holder && lease.expires.duration_since(now) < resume::RENEW_BELOW {
            self.store.renew(&running.owner, &lease, now + resume::LEASE).await?;
        }
        Ok(())
    }
}

/// The Regions of sets, with the kinds of units that they have there.
pub(super) fn places_of<'a>(sets: impl Iterator<Item = &'a UnitSet>) -> BTreeSet<(Region, UnitKind)> {
    sets.filter_map(|set| Some((set.region.clone(), set.kind()?))).collect()
}

/// Fails what AWS was never asked for, and what AWS no longer knows.
fn fail_lost(set: &mut UnitSet, reports: &[UnitReport], now: Timestamp) -> bool {
    let mut changed = false;
    for unit in &mut set.units {
        let fault = match (unit.state, &unit.id) {
            (UnitState::Planned, _) => {
                Fault::new("NotMade", format!("AWS has no {} of it for this backup", unit.kind.noun()))
                    .advise("it was detached or deleted, or the snapshot step died; the retry makes it")
            }
            (UnitState::Pending, Some(id)) if reports.iter().all(|report| report.id != *id) => {
                Fault::new("SnapshotGone", format!("the {} was deleted before it was completed", unit.kind.noun()))
                    .advise("find out who deleted it; the retry makes a new one")
            }
            _ => continue,
        };
        unit.fail(now, fault);
        changed = true;
    }
    changed
}
