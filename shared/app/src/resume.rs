//! Takes up backups whose execution died.

use cpm_contracts::backup::StartBackup;
use cpm_domain::{
    alert::{Category, Failure, Severity},
    backup::{Backup, Log, Phase, Trigger},
    name::{OwnerName, PolicyName},
    resume::{self, Holder, Resume},
    script::ScriptPhase,
    unit::Fault,
};
use cpm_ports::{BackupQuery, Deadline, Execution, Lease, Machine, Started, Store, StoreError};
use jiff::SignedDuration;

use crate::{
    Result, alert,
    backup::{append, close, is_frozen, of_policy},
    initial_image,
    schedule::{Dispatcher, resume_name},
    unit::keep_set,
};

/// How long an execution has to take a lease over before it is looked at.
const TAKE_OVER: SignedDuration = SignedDuration::from_mins(10);

/// Deals with a lease that ran out.
pub(crate) async fn resume(dispatcher: &Dispatcher<'_>, owner: &OwnerName, lease: &Lease) -> Result<()> {
    let now = dispatcher.clock.now();
    let holder = match dispatcher.executions.look(Machine::Backup, &lease.execution).await? {
        Execution::Running => Holder::Lives,
        Execution::Succeeded | Execution::Dead | Execution::Unknown => Holder::Dead,
    };
    match resume::resume(holder, lease.resumed) {
        Resume::Extend => match dispatcher.store.renew(owner, lease, now + resume::LEASE).await {
            Ok(()) | Err(StoreError::LostRace(_)) => Ok(()),
            Err(error) => Err(error.into()),
        },
        Resume::Restart(number) => restart(dispatcher, owner, lease, number).await,
        Resume::GiveUp => give_up(dispatcher, owner, lease).await,
    }
}

/// Starts an execution that takes the backup up again. One of the number that is dead already died before it could take
/// the lease: the next one tries.
async fn restart(dispatcher: &Dispatcher<'_>, owner: &OwnerName, lease: &Lease, number: u32) -> Result<()> {
    let now = dispatcher.clock.now();
    let start = StartBackup {
        owner: owner.clone(),
        policy: lease.policy.clone(),
        trigger: Trigger::Schedule,
        slot: None,
        asked_by: None,
        resume: Some(lease.backup),
    };
    for number in number..=resume::MOST_RESUMES {
        let name = resume_name(owner, &lease.policy, lease.backup, number);
        let started = dispatcher.start_backup(&name, &start, Deadline(now + resume::RENEW_BELOW)).await?;
        if started == Started::Already
            && dispatcher.executions.look(Machine::Backup, &name).await? != Execution::Running
        {
            continue;
        }
        note(dispatcher, owner, lease, number).await;
        // The new execution takes the lease over; should it die before that, this comes round again.
        return match dispatcher.store.renew(owner, lease, now + TAKE_OVER).await {
            Ok(()) | Err(StoreError::LostRace(_)) => Ok(()),
            Err(error) => Err(error.into()),
        };
    }
    give_up(dispatcher, owner, lease).await
}

async fn note(dispatcher: &Dispatcher<'_>, owner: &OwnerName, lease: &Lease, number: u32) {
    let Ok(Some(mut backup)) = dispatcher.store.backup(owner, lease.backup).await else { return };
    let mut log = Log::default();
    let message = format!("the execution {} died; the backup is taken up again (time {number})", lease.execution);
    log.warning(dispatcher.clock.now(), message);
    append(&mut backup, log.into_lines());
    let phase = backup.phase;
    // The line is worth less than the race it may lose.
    dispatcher.store.put(owner, &backup, phase).await.ok();
}

/// Fails what is open, tells people, and gives the policy free for its next backup.
async fn give_up(dispatcher: &Dispatcher<'_>, owner: &OwnerName, lease: &Lease) -> Result<()> {
    let (store, now) = (dispatcher.store, dispatcher.clock.now());
    if let Some(mut backup) = store.backup(owner, lease.backup).await? {
        if backup.phase < Phase::Finished {
            fail_open(store, owner, &mut backup, now).await?;
        }
        let backups = of_policy(store, owner, &backup).await?;
        alert::tell(store, owner, &backup, &backups).await?;
    } else {
        alert::report(store, owner, not_begun(&lease.policy, &lease.execution), now).await?;
    }
    Ok(store.release(owner, lease).await?)
}

async fn fail_open(store: &dyn Store, owner: &OwnerName, backup: &mut Backup, now: jiff::Timestamp) -> Result<()> {
    let fault = Fault::new("ExecutionDied", format!("its execution died {} times", resume::MOST_RESUMES + 1))
        .advise("look at the log of the function backup and at the execution in Step Functions");
    let mut sets = store.sets(owner, backup.id).await?;
    for set in &mut sets {
        keep_set(store, owner, backup.id, set, |set| {
            let open = !set.is_settled();
            set.units.iter_mut().for_each(|unit| unit.fail(now, fault.clone()));
            open
        })
        .await?;
    }
    let phase = backup.phase;
    let runs = if backup.runs > 0 { store.runs(owner, backup.id).await? } else { Vec::new() };
    if is_frozen(&runs) {
        let places: Vec<&str> =
            runs.iter().filter(|run| run.phase == ScriptPhase::Before).map(|run| run.target.as_str()).collect();
        let mut log = Log::default();
        let message = "its `after` scripts did not run: let go by hand of what `before` holds on";
        log.error(now, format!("{message} {}", places.join(", ")));
        append(backup, log.into_lines());
    }
    close(backup, &sets, &runs, now);
    initial_image::adopt(store, owner, backup, &sets).await?;
    Ok(store.put(owner, backup, phase).await?)
}

fn not_begun(policy: &PolicyName, execution: &str) -> Failure {
    Failure {
        category: Category::Backup,
        subject: policy.to_string(),
        policy: Some(policy.clone()),
        severity: Severity::Error,
        title: format!("Policy {policy} Backup Not Begun"),
        message: format!(
            "Policy {policy}: the execution {execution} died before its backup could begin; nothing was backed up. Look at \
             the execution in Step Functions and at the log of the function backup. The next scheduled backup tries \
             again; `cpm backup run {policy}` does so now."
        ),
        quiet: false,
    }
}

/// An execution of the backup machine ended badly: its lease is due now, and the next tick deals with it.
pub async fn execution_died(
    store: &dyn Store,
    owner: &OwnerName,
    policy: &PolicyName,
    execution: &str,
    now: jiff::Timestamp,
) -> Result<bool> {
    let Some(lease) = store.lease(owner, policy).await? else {
        // Nobody has the policy: it died before its backup began, unless that is on record and over.
        let query = BackupQuery { policy: Some(policy.clone()), limit: 1, before: None };
        let newest = store.list(owner, &query).await?.backups.into_iter().next();
        if newest.is_none_or(|backup| backup.execution != execution) {
            alert::report(store, owner, not_begun(policy, execution), now).await?;
        }
        return Ok(false);
    };
    if lease.execution != execution {
        return Ok(false);
    }
    match store.renew(owner, &lease, now).await {
        Ok(()) => Ok(true),
        Err(StoreError::LostRace(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
