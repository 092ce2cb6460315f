//! Plan: takes the lease, resolves the targets, writes the backup and all its units before AWS is asked for anything.

use std::collections::BTreeMap;

use cpm_contracts::backup::{Planned, StartBackup};
use cpm_domain::{
    account::Account,
    app_aware::{self, Vss},
    audit::{Actor, Event},
    aws::{AwsError, Found, Platform},
    backup::{Backup, Log, Phase, Trigger},
    id::{BackupId, Region},
    kind::{self, InstanceId, Kind, Planned as Plan, Resource},
    pace,
    policy::{AutoTargetRemoval, Policy},
    resume, retry, script,
    status::{Status, Tally},
    target::Target,
    unit::{UnitKind, UnitSet},
};
use cpm_ports::{Access, BackupQuery, Deadline, Lease, LeaseOutcome, PolicyChange};
use futures::future::{join, join_all};

use super::{
    FUNCTION, Steps, append,
    origins::{Recording, Source},
    place,
    scripts::has_frozen,
};
use crate::{Error, Result, initial_image};

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
        Planned { go: true, backup: Some(backup), holder: self.holder(), again, frozen: false, reason: None }
    }

    fn refuse(&self, reason: String) -> Planned {
        tracing::info!(policy = %self.start.policy, reason, "no backup");
        Planned { go: false, backup: None, holder: self.holder(), again: false, frozen: false, reason: Some(reason) }
    }
}

/// What the targets came to.
#[derive(Default)]
struct Resolved {
    sets: Vec<UnitSet>,
    /// Instances that scripts may run on.
    instances: Vec<(InstanceId, Region)>,
    /// Those whose backup goes through VSS.
    vss: Vec<(InstanceId, Region)>,
    missing: usize,
    skipped: usize,
    gone: Vec<Target>,
    /// How those are that are backed up.
    sources: Vec<Source>,
    log: Log,
}

type FoundByResource = BTreeMap<Resource, Found>;

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
        let standing = self.store.backup(owner, lease.backup).await?;
        let frozen = match &standing {
            Some(backup) if backup.phase == Phase::Planned && backup.runs > 0 => {
                has_frozen(&self.store.runs(owner, lease.backup).await?)
            }
            _ => false,
        };
        if standing.is_none() {
            self.write_down(request, &policy, &lease, deadline).await?;
        }
        let resumed = request.resume().is_some();
        Ok(Planned { frozen: frozen && resumed, ..request.go(lease.backup, resumed) })
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
        let mut resolved = self.resolve(policy, &account, &targets, deadline).await;
        let sets = std::mem::take(&mut resolved.sets);
        resolved.sets = initial_image::keep_due(self.store, owner, policy, &account, sets, started).await?;
        for (number, set) in (1..).zip(&mut resolved.sets) {
            set.number = number;
        }
        self.remove_gone(request, policy, &resolved.gone).await?;
        let recording = Recording { owner, policy, account: &account, backup: lease.backup };
        let sources = std::mem::take(&mut resolved.sources);
        self.record_origins(&recording, sources, deadline, &mut resolved.log).await?;
        let retried = match request.retried {
            Some(retried) => self.store.backup(owner, retried).await?,
            None => None,
        };
        let runs = script::plan_runs(&policy.scripts, &resolved.instances, &resolved.vss);
        let mut backup = new_backup(request, retried.as_ref(), policy, lease, started, &resolved);
        backup.runs = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        self.store.create(owner, &backup, &resolved.sets, &runs).await?;
        Ok(())
    }

    async fn resolve(&self, policy: &Policy, account: &Account, targets: &[Target], deadline: Deadline) -> Resolved {
        let mut groups: BTreeMap<(&Region, Kind), Vec<&Target>> = BTreeMap::new();
        for target in targets {
            groups.entry((&target.region, target.resource.kind())).or_default().push(target);
        }
        let asked =
            groups.iter().map(|((region, kind), targets)| self.look(account, region, *kind, targets, deadline));
        let mut wanted: BTreeMap<Region, Vec<UnitKind>> = BTreeMap::new();
        for (region, kind) in groups.keys() {
            wanted.entry((*region).clone()).or_default().extend(kind.units());
        }
        let (answers, quotas) = join(join_all(asked), self.near_quotas(account, wanted)).await;
        let mut resolved = Resolved::default();
        for (((region, kind), targets), answer) in groups.iter().zip(answers) {
            match answer {
                Ok(found) => {
                    for target in targets {
                        self.take_in_target(policy, target, found.get(&target.resource), &mut resolved);
                    }
                }
                Err(error) => {
                    resolved.missing += targets.len();
                    let fault = error.to_fault(&Access::for_backup(account).whom(FUNCTION));
                    let count = targets.len();
                    let message =
                        format!("none of the {count} targets ({kind}) in {region} can be backed up: {fault}");
                    resolved.log.error(self.clock.now(), message);
                }
            }
        }
        for warning in quotas {
            resolved.log.warning(self.clock.now(), warning);
        }
        resolved
    }

    /// Describes the targets of one kind in one Region, with patience: what cannot be read must not cost the others.
    async fn look(
        &self,
        account: &Account,
        region: &Region,
        kind: Kind,
        targets: &[&Target],
        deadline: Deadline,
    ) -> std::result::Result<FoundByResource, AwsError> {
        let driver = self.drivers.of_kind(kind)?;
        let place = place(account, region);
        let resources: Vec<Resource> = targets.iter().map(|target| target.resource.clone()).collect();
        let mut tries = 0;
        loop {
            let error = match driver.describe(&place, kind, &resources).await {
                Ok(found) => return Ok(found.into_iter().map(|found| (found.resource(), found)).collect()),
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

    fn take_in_target(&self, policy: &Policy, target: &Target, found: Option<&Found>, resolved: &mut Resolved) {
        let now = self.clock.now();
        match kind::plan(target, found) {
            Plan::Sets { mut sets, warnings, notes } => {
                if let Some(Found::Instance(instance)) = found {
                    let place = (instance.id.clone(), target.region.clone());
                    let wants_vss = target.app_aware.is_some() && instance.platform == Platform::Windows;
                    match policy.vss {
                        Vss::Aws if wants_vss => {
                            if let Err(reason) = app_aware::by_document(&mut sets) {
                                resolved.missing += 1;
                                resolved.log.error(now, reason);
                                return;
                            }
                        }
                        Vss::Diskshadow if wants_vss => resolved.vss.push(place.clone()),
                        Vss::Aws | Vss::Diskshadow => {}
                    }
                    resolved.instances.push(place);
                }
                resolved.sets.extend(sets);
                resolved.sources.extend(found.and_then(|found| Source::new(target, found)));
                for warning in warnings {
                    resolved.log.warning(now, warning);
                }
                for note in notes {
                    resolved.log.info(now, note);
                }
            }
            Plan::Nothing(reason) => {
                resolved.skipped += 1;
                resolved.log.warning(now, reason);
            }
            Plan::Refused(reason) => {
                resolved.missing += 1;
                resolved.log.error(now, reason);
            }
            Plan::Gone => self.take_in_gone(policy, target, resolved),
        }
    }

    fn take_in_gone(&self, policy: &Policy, target: &Target, resolved: &mut Resolved) {
        let now = self.clock.now();
        if policy.auto_target_removal == AutoTargetRemoval::No {
            resolved.missing += 1;
            let advice = "take it out of the policy, or set auto_target_removal";
            resolved.log.error(now, format!("{} does not exist any more: {advice}", target.key()));
            return;
        }
        resolved.skipped += 1;
        resolved.gone.push(target.clone());
        let message = format!("{} does not exist any more and is removed from the policy", target.key());
        if policy.auto_target_removal == AutoTargetRemoval::YesAndAlert {
            resolved.log.warning(now, message);
        } else {
            resolved.log.info(now, message);
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
    let calls = match resolved.sets.len() {
        1 => "1 call".to_owned(),
        calls => format!("{calls} calls"),
    };
    first.info(
        started,
        format!(
            "backup {} of policy `{}` starts ({}{asked}): {} to make, in {calls}",
            lease.backup,
            policy.name,
            trigger(request).as_str(),
            tally.open,
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
        runs: 0,
        late: 0,
        frozen: None,
        max_frozen: policy.max_frozen,
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
