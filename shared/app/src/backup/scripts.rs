//! Scripts and VSS: runs what a phase of a backup is to run, on instances and as functions.
//!
//! A run is written down before anything is sent, and again with the command's id. So a step that died finds its command
//! by the comment that it was sent with, and no script runs twice unless nobody can tell that it ran.

mod command;
mod function;

use std::collections::BTreeMap;

use cpm_contracts::backup::Running;
use cpm_domain::{
    account::Account,
    app_aware::AppAware,
    aws::{AwsError, Refusal},
    backup::Backup,
    kind::InstanceId,
    policy::Policy,
    script::{Script, ScriptKind, ScriptPhase, ScriptRun, ScriptState},
    unit::Fault,
};
use cpm_ports::{Deadline, Place};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use jiff::{SignedDuration, Timestamp};

use super::{FUNCTION, Steps, place};
use crate::Result;

/// Scripts that are sent and followed at a time.
const AT_ONCE: usize = 40;
/// A command waits so long for its agent, in seconds: the least that AWS takes.
const DELIVERY: u32 = 30;
/// So long after its time a command is given up that AWS has not ended.
const GRACE: SignedDuration = SignedDuration::from_secs(10);
/// VSS freezes and thaws writers by itself, and may take that long for it, in seconds.
const VSS_TIMEOUT: u32 = 180;
/// Nothing is begun when less than this is left of the step.
const LEFT: SignedDuration = SignedDuration::from_secs(5);

/// What runs in a phase, and for what.
pub(super) struct Phase<'a> {
    pub(super) running: &'a Running,
    pub(super) policy: &'a Policy,
    pub(super) account: &'a Account,
    pub(super) of: ScriptPhase,
    /// 1 or 0 for those that are told how it went.
    pub(super) argument: Option<bool>,
    /// Of the instances whose backup goes through VSS.
    pub(super) app_aware: &'a BTreeMap<InstanceId, AppAware>,
    pub(super) deadline: Deadline,
}

impl Phase<'_> {
    fn place(&self, run: &ScriptRun) -> Option<Place> {
        run.region.as_ref().map(|region| place(self.account, region))
    }

    fn timeout(&self, run: &ScriptRun) -> u32 {
        match run.kind {
            ScriptKind::Script => self.policy.scripts.timeout.seconds(),
            ScriptKind::Vss => VSS_TIMEOUT,
        }
    }

    /// When a command that has not ended is given up.
    fn given_up(&self, run: &ScriptRun) -> Timestamp {
        let patience = i64::from(self.timeout(run)) + i64::from(DELIVERY);
        run.started.unwrap_or(Timestamp::MIN) + SignedDuration::from_secs(patience) + GRACE
    }
}

/// Whether every run of `phase` ended well, of the scripts alone or of all.
pub(super) fn went_well(runs: &[ScriptRun], phase: ScriptPhase, kind: Option<ScriptKind>) -> bool {
    let of_phase = runs.iter().filter(|run| run.phase == phase && kind.is_none_or(|kind| run.kind == kind));
    of_phase.into_iter().all(ScriptRun::succeeded)
}

/// Whether scripts may hold something still: one of `before` began, and not all of `after` have ended.
pub(crate) fn is_frozen(runs: &[ScriptRun]) -> bool {
    let mut after = runs.iter().filter(|run| run.kind == ScriptKind::Script && run.phase == ScriptPhase::After);
    has_frozen(runs) && after.any(|run| !run.is_ended())
}

/// Whether scripts may hold something still, or have held it: one of `before` began. That all of `after` have ended does
/// not tell that this was written down: what AWS is asked for from then on is late.
pub(crate) fn has_frozen(runs: &[ScriptRun]) -> bool {
    let mut before = runs.iter().filter(|run| run.kind == ScriptKind::Script && run.phase == ScriptPhase::Before);
    before.any(|run| run.state > ScriptState::Planned)
}

/// Whether there are scripts that may hold something still, as opposed to VSS, which thaws by itself.
pub(super) fn may_freeze(runs: &[ScriptRun]) -> bool {
    runs.iter().any(|run| run.kind == ScriptKind::Script && run.phase != ScriptPhase::Complete)
}

impl Steps<'_> {
    /// Runs what a phase has left to run, until all has ended or the step's time is over. Says whether all has ended.
    ///
    /// VSS comes first: it may take minutes, and thaws by itself. What scripts freeze is not kept waiting for it.
    pub(super) async fn run_phase(&self, phase: &Phase<'_>, runs: &mut [ScriptRun]) -> Result<bool> {
        Ok(self.run_kind(phase, ScriptKind::Vss, runs).await?
            && self.run_kind(phase, ScriptKind::Script, runs).await?)
    }

    async fn run_kind(&self, phase: &Phase<'_>, kind: ScriptKind, runs: &mut [ScriptRun]) -> Result<bool> {
        let mut open: Vec<BoxFuture<'_, Result<bool>>> = Vec::new();
        for run in runs.iter_mut().filter(|run| run.phase == phase.of && run.kind == kind && !run.is_ended()) {
            open.push(self.run(phase, run).boxed());
        }
        let outcomes: Vec<Result<bool>> = stream::iter(open).buffer_unordered(AT_ONCE).collect().await;
        outcomes.into_iter().try_fold(true, |all, ended| Ok(all && ended?))
    }

    async fn run(&self, phase: &Phase<'_>, run: &mut ScriptRun) -> Result<bool> {
        let began = run.started.is_some();
        if !began {
            if !phase.deadline.allows(self.clock.now(), LEFT) {
                return Ok(false);
            }
            run.state = ScriptState::Running;
            run.started = Some(self.clock.now());
            self.keep_run(phase, run).await?;
        }
        match (run.kind, phase.policy.scripts.of(phase.of), run.instance.clone()) {
            (ScriptKind::Script, Some(Script::Lambda(_)), _) => self.call(phase, run).await,
            (_, _, Some(instance)) => self.command(phase, run, &instance, began).await,
            _ => {
                let fault = Fault::new("NoScript", "the policy has no such script any more")
                    .advise("a policy with scripts enabled has all three: before, after, complete");
                self.end(phase, run, ScriptState::Failed, Some(fault)).await
            }
        }
    }

    /// Sees runs of a kind to their end that began in a step that died, and begins none. Says whether all have ended.
    pub(super) async fn settle_phase(
        &self,
        phase: &Phase<'_>,
        kind: ScriptKind,
        runs: &mut [ScriptRun],
    ) -> Result<bool> {
        let mut open: Vec<BoxFuture<'_, Result<bool>>> = Vec::new();
        let begun =
            |run: &&mut ScriptRun| run.phase == phase.of && run.kind == kind && run.state == ScriptState::Running;
        for run in runs.iter_mut().filter(begun) {
            open.push(self.settle(phase, run).boxed());
        }
        let outcomes: Vec<Result<bool>> = stream::iter(open).buffer_unordered(AT_ONCE).collect().await;
        outcomes.into_iter().try_fold(true, |all, ended| Ok(all && ended?))
    }

    async fn settle(&self, phase: &Phase<'_>, run: &mut ScriptRun) -> Result<bool> {
        if let (Some(place), Some(instance)) = (phase.place(run), run.instance.clone()) {
            if run.command.is_none() {
                match self.sent_before(phase, run, &place, &instance).await {
                    Ok(found) => run.command = found,
                    Err(error) if error.is_retryable() && self.clock.now() < phase.given_up(run) => return Ok(false),
                    Err(error) => return self.refused(phase, run, &error).await,
                }
            }
            if run.command.is_some() {
                return self.follow(phase, run, &place, &instance).await;
            }
        }
        let message =
            format!("the step that ran the {} script on {} died; nobody knows its end", run.phase, run.target);
        let fault = Fault::new("ScriptInterrupted", message).advise("look at the log of the function backup");
        self.end(phase, run, ScriptState::Failed, Some(fault)).await
    }

    async fn keep_run(&self, phase: &Phase<'_>, run: &mut ScriptRun) -> Result<()> {
        self.store.put_run(&phase.running.owner, phase.running.backup, run).await?;
        run.version += 1;
        Ok(())
    }

    async fn end(
        &self,
        phase: &Phase<'_>,
        run: &mut ScriptRun,
        state: ScriptState,
        fault: Option<Fault>,
    ) -> Result<bool> {
        run.state = state;
        run.error = fault;
        run.ended.get_or_insert(self.clock.now());
        self.keep_run(phase, run).await?;
        Ok(true)
    }

    async fn refused(&self, phase: &Phase<'_>, run: &mut ScriptRun, error: &AwsError) -> Result<bool> {
        let whom = phase.place(run).map(|place| place.access.whom(FUNCTION)).unwrap_or_default();
        let fault = match (error.refusal, &run.instance) {
            (Refusal::NotFound, Some(instance)) if error.action == "ssm:SendCommand" => {
                Fault::new(&error.code, format!("Systems Manager cannot run it on {instance}: {}", error.message))
                    .advise("the instance is stopped, or its agent is not online, or the document is not there: see `cpm agent list`")
            }
            _ => error.to_fault(&whom),
        };
        self.end(phase, run, ScriptState::Failed, Some(fault)).await
    }

    /// The VSS settings of the policy's instances; nothing is asked when no run is of VSS.
    pub(super) async fn app_aware(
        &self,
        running: &Running,
        runs: &[ScriptRun],
    ) -> Result<BTreeMap<InstanceId, AppAware>> {
        if runs.iter().all(|run| run.kind != ScriptKind::Vss) {
            return Ok(BTreeMap::new());
        }
        let targets = self.store.targets(&running.owner, &running.policy).await?;
        let of = targets.into_iter().filter_map(|target| match (target.resource, target.app_aware) {
            (cpm_domain::kind::Resource::Instance(id), Some(settings)) => Some((id, settings)),
            _ => None,
        });
        Ok(of.collect())
    }

    /// The policy and the account of a backup's scripts. None: the policy was deleted, and its scripts with it, so what
    /// has not ended has failed.
    pub(super) async fn policy_and_account(
        &self,
        running: &Running,
        backup: &Backup,
        runs: &mut [ScriptRun],
    ) -> Result<Option<(Policy, Account)>> {
        if let Some(policy) = self.store.policy(&running.owner, &running.policy).await? {
            return Ok(Some((policy, self.account(running, backup).await?)));
        }
        let thaw = is_frozen(runs);
        for run in runs.iter_mut().filter(|run| !run.is_ended()) {
            let message =
                format!("policy `{}` was deleted while the backup ran, and its scripts with it", running.policy);
            let fault = Fault::new("NoPolicy", message);
            let advice = "let go by hand of what its script `before` holds on the instances that it ran on";
            run.error = Some(if thaw { fault.advise(advice) } else { fault });
            run.state = ScriptState::Failed;
            self.store.put_run(&running.owner, running.backup, run).await?;
            run.version += 1;
        }
        Ok(None)
    }
}
