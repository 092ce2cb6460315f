//! Plan: takes the lease, resolves the targets, writes the backup and all its units before AWS is asked for anything.

use std::collections::BTreeMap;

use cpm_contracts::backup::{Planned, StartBackup};
use cpm_domain::{
    account::Account,
    audit::{Actor, Event},
    aws::{AwsError, Instance, Volume},
    backup::{Backup, Log, Phase, Trigger},
    id::{BackupId, InstanceId, Region, VolumeId},
    pace,
    policy::{AutoTargetRemoval, Policy},
    resume, retry, snapshot,
    status::{Status, Tally},
    target::{Resource, Target},
    unit::UnitSet,
};
use cpm_ports::{Access, BackupQuery, Deadline, Lease, LeaseOutcome, PolicyChange};
use futures::future::join_all;

use super::{FUNCTION, Steps, append, place};
use crate::{Error, Result};

/// What the execution told of itself.
pub struct Request {
    /// The name of the execution.
    pub execution: String,
    /// What it was started with.
    pub start: StartBackup,
    /// The backup that failed, of a retry.
    pub retried: Option<BackupId>,
}

impl Request {
    /// One execution runs a backup and then its retries: each holds the lease under a name of its own.
    fn holder(&self) -> String {
        match self.retried {
            Some(retried) => format!("{}#{retried}", self.execution),
            None => self.execution.clone(),
        }
    }

    /// The backup to take up again. An execution that did so may go on with retries.
    fn resume(&self) -> Option<BackupId> {
        self.start.resume.filter(|_| self.retried.is_none())
    }

    fn lease(&self, backup: BackupId, now: jiff::Timestamp, resumed: u32) -> Lease {
        Lease {
            policy: self.start.policy.clone(),
            holder: self.holder(),
            execution: self.execution.clone(),
            backup,
            expires: now + resume::LEASE,
            resumed,
        }
    }

    fn go(&self, backup: BackupId, again: bool) -> Planned {
        Planned { go: true, backup: Some(backup), holder: self.holder(), again, reason: None }
    }

    fn refuse(&self, reason: String) -> Planned {
        tracing::info!(policy = %self.start.policy, reason, "no backup");
        Planned { go: false, backup: None, holder: self.holder(), again: false, reason: Some(reason) }
    }
}

/// What the targets came to.
#[derive(Default)]
struct Resolved {
    sets: Vec<UnitSet>,
    missing: usize,
    skipped: usize,
    gone: Vec<Target>,
    log: Log,
}

type Found = (BTreeMap<InstanceId, Instance>, BTreeMap<VolumeId, Volume>);

impl Steps<'_> {
    /// Takes the policy and writes the backup down, or says why nothing runs.
    pub async fn plan(&self, request: &Request, deadline: Deadline) -> Result<Planned> {
        let owner = &request.start.owner;
        let Some(policy) = self.store.policy(owner, &request.start.policy).await? else {
            return Ok(request.refuse(format!("there is no policy `{}` any more", request.start.policy)));
        };
        let by_hand = request.start.trigger == Trigger::Manual;
        if !policy.enabled && !by_hand && request.resume().is_none() {
            return Ok(request.refuse(format!("policy `{}` is disabled", policy.name)));
        }
        let lease = match self.take_lease(request).await? {
            Ok(lease) => lease,
            Err(reason) => return Ok(request.refuse(reason)),
        };
        if self.store.backup(owner, lease.backup).await?.is_none() {
            self.write_down(request, &policy, &lease, deadline).await?;
        }
        Ok(request.go(lease.backup, request.resume().is_some()))
    }

    async fn take_lease(&self, request: &Request) -> Result<std::result::Result<Lease, String>> {
        let (owner, name) = (&request.start.owner, &request.start.policy);
        let now = self.clock.now();
        let standing = self.store.lease(owner, name).await?;
        if let Some(lease) = standing.as_ref().filter(|lease| lease.holder == request.holder()) {
            return Ok(Ok(lease.clone()));
        }
        let (wanted, instead_of) = match (&standing, request.resume()) {
            (Some(dead), Some(backup)) if dead.backup == backup => {
                (request.lease(backup, now, dead.resumed + 1), Some(dead))
            }
            (_, Some(backup)) => return Ok(Err(format!("backup {backup} needs no resuming any more"))),
            (Some(lease), None) => return Ok(Err(self.refuse_second(request, lease).await?)),
            (None, None) => {
                if let Some(reason) = self.superseded(request).await? {
                    return Ok(Err(reason));
                }
                (request.lease(self.store.next_id(owner).await?, now, 0), None)
            }
        };
        match self.store.take(owner, &wanted, instead_of).await? {
            LeaseOutcome::Taken => Ok(Ok(wanted)),
            LeaseOutcome::Held(lease) => Ok(Err(self.refuse_second(request, &lease).await?)),
        }
    }

    /// Refuses a second backup, with a line in the log of the one that runs.
    async fn refuse_second(&self, request: &Request, lease: &Lease) -> Result<String> {
        let owner = &request.start.owner;
        if let Some(mut backup) = self.store.backup(owner, lease.backup).await?
            && backup.phase < Phase::Finished
        {
            let mut log = Log::default();
            log.warning(
                self.clock.now(),
                format!(
                    "a second backup of the policy ({}) was refused: one at a time",
                    request.start.trigger.as_str()
                ),
            );
            append(&mut backup, log.into_lines());
            let phase = backup.phase;
            // The line is worth less than the race it may lose.
            self.store.put(owner, &backup, phase).await.ok();
        }
        Ok(format!("backup {} of policy `{}` is running: one at a time", lease.backup, lease.policy))
    }

    async fn superseded(&self, request: &Request) -> Result<Option<String>> {
        let Some(retried) = request.retried else { return Ok(None) };
        let owner = &request.start.owner;
        let query = BackupQuery { policy: Some(request.start.policy.clone()), limit: 1, before: None };
        let newest = self.store.list(owner, &query).await?.backups.into_iter().next();
        let retried = self.store.backup(owner, retried).await?;
        Ok(match (newest, retried) {
            (Some(newest), Some(retried)) if retry::is_superseded(&retried, &newest) => {
                Some(format!("backup {} is newer: the retries of {} end", newest.id, retried.id))
            }
            _ => None,
        })
    }

    async fn write_down(&self, request: &Request, policy: &Policy, lease: &Lease, deadline: Deadline) -> Result<()> {
        let owner = &request.start.owner;
        let account = self.store.account(owner, &policy.account).await?;
        let account = account.ok_or_else(|| Error::not_found("account", &policy.account))?;
        let targets = self.store.targets(owner, &policy.name).await?;
        let started = self.clock.now();
        let resolved = self.resolve(policy, &account, &targets, deadline).await;
        self.remove_gone(request, policy, &resolved.gone).await?;
        let retried = match request.retried {
            Some(retried) => self.store.backup(owner, retried).await?,
            None => None,
        };
        let backup = new_backup(request, retried.as_ref(), policy, lease, started, &resolved);
        self.store.create(owner, &backup, &resolved.sets).await?;
        Ok(())
    }

    async fn resolve(&self, policy: &Policy, account: &Account, targets: &[Target], deadline: Deadline) -> Resolved {
        let mut by_region: BTreeMap<&Region, Vec<&Target>> = BTreeMap::new();
        for target in targets {
            by_region.entry(&target.region).or_default().push(target);
        }
        let asked = by_region.iter().map(|(region, targets)| self.look(account, region, targets, deadline));
        let answers = join_all(asked).await;
        let mut resolved = Resolved::default();
        for ((region, targets), answer) in by_region.iter().zip(answers) {
            match answer {
                Ok(found) => {
                    for target in targets {
                        self.take_in_target(policy, target, &found, &mut resolved);
                    }
                }
                Err(error) => {
                    resolved.missing += targets.len();
                    let fault = error.to_fault(&Access::for_backup(account).whom(FUNCTION));
                    let message =
                        format!("none of the {} targets in {region} can be backed up: {fault}", targets.len());
                    resolved.log.error(self.clock.now(), message);
                }
            }
        }
        for (number, set) in (1..).zip(&mut resolved.sets) {
            set.number = number;
        }
        resolved
    }

    /// Describes the targets of one Region, with patience: a Region that cannot be read must not cost the others.
    async fn look(
        &self,
        account: &Account,
        region: &Region,
        targets: &[&Target],
        deadline: Deadline,
    ) -> std::result::Result<Found, AwsError> {
        let place = place(account, region);
        let (mut instances, mut volumes) = (Vec::new(), Vec::new());
        for target in targets {
            match &target.resource {
                Resource::Instance(id) => instances.push(id.clone()),
                Resource::Volume(id) => volumes.push(id.clone()),
            }
        }
        let mut tries = 0;
        loop {
            let answer = async {
                let mut found = Found::default();
                if !instances.is_empty() {
                    let list = self.resources.instances(&place, &instances).await?;
                    found.0 = list.into_iter().map(|instance| (instance.id.clone(), instance)).collect();
                }
                if !volumes.is_empty() {
                    let list = self.resources.volumes(&place, &volumes).await?;
                    found.1 = list.into_iter().map(|volume| (volume.id.clone(), volume)).collect();
                }
                Ok(found)
            };
            let error: AwsError = match answer.await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            tries += 1;
            let pause = pace::backoff(tries, self.clock.chance());
            if !error.is_retryable() || tries > 5 || !deadline.allows(self.clock.now(), pause) {
                return Err(error);
            }
            self.clock.sleep(pause).await;
        }
    }

    fn take_in_target(&self, policy: &Policy, target: &Target, found: &Found, resolved: &mut Resolved) {
        let now = self.clock.now();
        let planned = match &target.resource {
            Resource::Instance(id) => snapshot::plan_instance(target, found.0.get(id)),
            Resource::Volume(id) => snapshot::plan_volume(target, found.1.get(id)),
        };
        match planned {
            snapshot::Planned::Sets(sets, warnings) => {
                resolved.sets.extend(sets);
                for warning in warnings {
                    resolved.log.warning(now, warning);
                }
            }
            snapshot::Planned::Nothing(reason) => {
                resolved.skipped += 1;
                resolved.log.warning(now, reason);
            }
            snapshot::Planned::Gone => match policy.auto_target_removal {
                AutoTargetRemoval::No => {
                    resolved.missing += 1;
                    let advice = "take it out of the policy, or set auto_target_removal";
                    resolved.log.error(now, format!("{} does not exist any more: {advice}", target.key()));
                }
                removal => {
                    resolved.skipped += 1;
                    resolved.gone.push(target.clone());
                    let message = format!("{} does not exist any more and is removed from the policy", target.key());
                    if removal == AutoTargetRemoval::YesAndAlert {
                        resolved.log.warning(now, message);
                    } else {
                        resolved.log.info(now, message);
                    }
                }
            },
        }
    }

    async fn remove_gone(&self, request: &Request, policy: &Policy, gone: &[Target]) -> Result<()> {
        if gone.is_empty() {
            return Ok(());
        }
        let changes: Vec<(PolicyChange, Event)> = gone
            .iter()
            .map(|target| {
                let event = Event {
                    time: self.clock.now(),
                    actor: Actor::Suite("backup".to_owned()),
                    action: "target.remove".to_owned(),
                    subject: policy.name.to_string(),
                    details: format!("{} does not exist any more", target.key()),
                };
                (PolicyChange::RemoveTarget(policy.name.clone(), target.key()), event)
            })
            .collect();
        Ok(self.store.change(&request.start.owner, &changes).await?)
    }
}

fn new_backup(
    request: &Request,
    retried: Option<&Backup>,
    policy: &Policy,
    lease: &Lease,
    started: jiff::Timestamp,
    resolved: &Resolved,
) -> Backup {
    let tally = Tally { missing: resolved.missing, skipped: resolved.skipped, ..Tally::of(&resolved.sets) };
    let mut first = Log::default();
    let asked = request.start.asked_by.as_ref().map(|who| format!(", asked for by {who}")).unwrap_or_default();
    first.info(
        started,
        format!(
            "backup {} of policy `{}` starts ({}{asked}): {} snapshots in {} calls",
            lease.backup,
            policy.name,
            trigger(request).as_str(),
            tally.open,
            resolved.sets.len()
        ),
    );
    let mut backup = Backup {
        id: lease.backup,
        policy: policy.name.clone(),
        account: policy.account.clone(),
        phase: Phase::Planned,
        status: Status::InProgress,
        counts: false,
        trigger: trigger(request),
        attempt: retried.map_or(0, |retried| retried.attempt + 1),
        slot: retried.map_or_else(|| request.start.slot.clone(), |retried| retried.slot.clone()),
        started,
        ended: None,
        frozen_ms: None,
        success: policy.success,
        retry: policy.retry,
        sets: u32::try_from(resolved.sets.len()).unwrap_or(u32::MAX),
        tally,
        execution: request.execution.clone(),
        wake: None,
        log: Vec::new(),
    };
    append(&mut backup, first.into_lines());
    append(&mut backup, resolved.log.clone().into_lines());
    backup
}

fn trigger(request: &Request) -> Trigger {
    if request.retried.is_some() { Trigger::Retry } else { request.start.trigger }
}
