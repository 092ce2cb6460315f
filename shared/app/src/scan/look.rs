//! One account and Region of a scan.

use cpm_contracts::scan::{Looked, Place, StartScan};
use cpm_domain::{
    account::Account,
    alert::Category,
    audit::{Actor, Event},
    aws::{AwsError, Tagged},
    backup::Level,
    kind::Kind,
    name::{OwnerName, PolicyName},
    policy::Policy,
    scan::{Action, Known, Reconciled, ScanKind, ScanLine, reconcile},
    target::{Resource, Target},
};
use cpm_ports::{Access, Clock, Deadline, Driver, Place as AwsPlace, PolicyChange, Store, StoreError};
use futures::future::join_all;

use super::{FUNCTION, Steps, subject};
use crate::{Error, Result};

/// How often a lost race is run again.
const RACES: u32 = 5;

impl Steps<'_> {
    /// Looks at one account and Region. One that cannot be read changes nothing there, and costs no other.
    pub async fn look(&self, scan: &str, place: &Place, start: &StartScan, deadline: Deadline) -> Result<Looked> {
        let account = self.store.account(&place.owner, &place.account).await?;
        let account = account.ok_or_else(|| Error::not_found("account", &place.account))?;
        let there = AwsPlace { access: Access::for_backup(&account), region: place.region.clone() };
        let outcome = match start.kind {
            ScanKind::Tags => self.look_at_tags(place, &account, &there, start.dry_run, deadline).await?,
            ScanKind::Snapshots => self.look_at_snapshots(place, &there, start.dry_run, deadline).await?,
        };
        let (lines, looked) = match outcome {
            Ok((lines, looked)) => {
                if !looked.failed {
                    let subject = subject(&account, Some(&place.region));
                    self.store.clear_alert(&place.owner, Category::Scan, &subject).await?;
                }
                (lines, looked)
            }
            Err(error) => {
                self.tell(&place.owner, &account, Some(&place.region), &error).await?;
                (vec![unreadable(place, &account, &error)], looked(place, true, 0, 0, 0))
            }
        };
        self.store.put_scan_lines(&place.owner, scan, &place.account, &place.region, &lines).await?;
        Ok(looked)
    }

    async fn look_at_tags(
        &self,
        place: &Place,
        account: &Account,
        there: &AwsPlace,
        dry_run: bool,
        deadline: Deadline,
    ) -> Result<std::result::Result<(Vec<ScanLine>, Looked), AwsError>> {
        let mut found = Vec::new();
        let mut unread: Vec<(&[Kind], AwsError)> = Vec::new();
        let drivers: Vec<&dyn Driver> = self.drivers.iter().collect();
        let asked = drivers.iter().map(|driver| self.patiently(deadline, || driver.tagged(there)));
        for (driver, answer) in drivers.iter().zip(join_all(asked).await) {
            match answer {
                Ok(tagged) => found.extend(tagged),
                Err(error) => unread.push((driver.kinds(), error)),
            }
        }
        // Nothing could be read: the place itself is out of reach.
        if unread.len() == drivers.len()
            && let Some((_, error)) = unread.pop()
        {
            return Ok(Err(error));
        }
        let kinds: Vec<Kind> = unread.iter().flat_map(|(kinds, _)| kinds.iter().copied()).collect();
        let mut done = follow(self.store, self.clock, place, &found, &kinds, None, dry_run).await?;
        // A place is read when all of it is: people are told, and the scan says that something is missing.
        let failed = unread.first().map(|(_, error)| error.clone());
        if let Some(error) = &failed {
            self.tell(&place.owner, account, Some(&place.region), error).await?;
        }
        for (kinds, error) in unread {
            done.errors += 1;
            done.lines.push(unread_line(place, there, kinds, &error));
        }
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let looked = looked(place, failed.is_some(), count(found.len()), count(done.actions.len()), done.errors);
        Ok(Ok((done.lines, looked)))
    }
}

/// The line on kinds of resources whose tags could not be read.
fn unread_line(place: &Place, there: &AwsPlace, kinds: &[Kind], error: &AwsError) -> ScanLine {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let fault = error.to_fault(&there.access.whom(FUNCTION));
    ScanLine {
        account: place.account.clone(),
        region: place.region.clone(),
        resource: None,
        value: None,
        level: Level::Error,
        message: format!("the tags of {} could not be read, and nothing changes for them: {fault}", words.join(", ")),
    }
}

pub(crate) fn looked(place: &Place, failed: bool, found: u32, changes: u32, errors: u32) -> Looked {
    Looked { owner: place.owner.clone(), failed, found, changes, errors }
}

fn unreadable(place: &Place, account: &Account, error: &AwsError) -> ScanLine {
    ScanLine {
        account: place.account.clone(),
        region: place.region.clone(),
        resource: None,
        value: None,
        level: Level::Error,
        message: error.to_fault(&Access::for_backup(account).whom(FUNCTION)).to_string(),
    }
}

/// Brings the policies in line with the tags found at a place, and writes it down. When somebody else changes a policy
/// meanwhile, it is all looked at again.
pub(super) async fn follow(
    store: &dyn Store,
    clock: &dyn Clock,
    place: &Place,
    found: &[Tagged],
    unread: &[Kind],
    looked_at: Option<&Resource>,
    dry_run: bool,
) -> Result<Reconciled> {
    let mut last = None;
    for _ in 0..RACES {
        let policies = store.policies(&place.owner).await?;
        let targets = targets_at(store, place, &policies).await?;
        let known = Known {
            account: &place.account,
            region: &place.region,
            policies: &policies,
            targets: &targets,
            unread,
            now: clock.now(),
        };
        let done = reconcile(&known, found, looked_at);
        if dry_run || done.actions.is_empty() {
            return Ok(done);
        }
        let changes = changes(store, &place.owner, &done.actions, &known).await?;
        match store.change(&place.owner, &changes).await {
            Ok(()) => return Ok(done),
            Err(error @ StoreError::LostRace(_)) => last = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(last.unwrap_or_else(|| StoreError::LostRace("the policies".to_owned())).into())
}

async fn targets_at(store: &dyn Store, place: &Place, policies: &[Policy]) -> Result<Vec<(PolicyName, Target)>> {
    let mut all = Vec::new();
    for policy in policies.iter().filter(|policy| policy.account == place.account) {
        let targets = store.targets(&place.owner, &policy.name).await?;
        all.extend(
            targets.into_iter().filter(|t| t.region == place.region).map(|target| (policy.name.clone(), target)),
        );
    }
    Ok(all)
}

async fn changes(
    store: &dyn Store,
    owner: &OwnerName,
    actions: &[Action],
    known: &Known<'_>,
) -> Result<Vec<(PolicyChange, Event)>> {
    let mut changes = Vec::new();
    for action in actions {
        match action {
            Action::CreatePolicy(policy) => {
                let event = event(known, "policy.create", &policy.name, "made by a tag".to_owned());
                changes.push((PolicyChange::CreatePolicy((**policy).clone()), event));
                for name in &policy.schedules {
                    let Some(schedule) = store.schedule(owner, name).await? else { continue };
                    let next = schedule.next_at_or_after(known.now);
                    let event = event_of_slot(known, &policy.name, name.as_str());
                    let slot = PolicyChange::PutSlot { policy: policy.name.clone(), schedule: name.clone(), next };
                    changes.push((slot, event));
                }
            }
            Action::PutTarget(policy, target) => {
                let event = event(known, "target.put", policy, target.key().to_string());
                changes.push((PolicyChange::PutTarget(policy.clone(), target.clone()), event));
            }
            Action::RemoveTarget(policy, key) => {
                let event = event(known, "target.remove", policy, key.to_string());
                changes.push((PolicyChange::RemoveTarget(policy.clone(), key.clone()), event));
            }
        }
    }
    Ok(changes)
}

fn event(known: &Known<'_>, action: &str, policy: &PolicyName, details: String) -> Event {
    Event {
        time: known.now,
        actor: Actor::Tag(format!("a resource of {} in {}", known.account, known.region)),
        action: action.to_owned(),
        subject: policy.to_string(),
        details,
    }
}

fn event_of_slot(known: &Known<'_>, policy: &PolicyName, schedule: &str) -> Event {
    event(known, "policy.schedule", policy, format!("runs by schedule {schedule}"))
}
