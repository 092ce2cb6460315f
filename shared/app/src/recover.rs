//! What people ask of recoveries: what is in a backup, what a plan comes to, a recovery now, and how it stands.
//!
//! The plan is held against AWS by the function that recovers ([`Planner`]). A recovery is on record, with all of its plan,
//! before its execution starts: a start that was lost is repeated under the same name, by the dispatcher if need be, and one
//! that failed for good leaves a recovery that says so.

mod panel;

use cpm_contracts::{
    api::{AnswerRequest, PanelView, RecoveryList, RecoveryView},
    recovery::StartRecovery,
};
use cpm_domain::{
    audit::{Actor, Event},
    backup::{Backup, Log},
    document::Problem,
    id::BackupId,
    name::OwnerName,
    policy::Policy,
    recovery::{
        Approval, Purpose, Recovery, RecoveryId, State,
        approval::{Secret, is_needed},
        course::{Course, TAKE_OVER},
        image::{ImagesFound, ImagesLike},
        plan::{Checked, Plan, PlanProblem},
    },
    unit::Fault,
};
use cpm_ports::{Clock, Execution, Executions, Machine, Planner, RecoveryQuery, Started, Store, StoreError};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream, try_join};

use crate::{
    Error, Result,
    recovery::{approval::Approvals, execution_name},
    run,
};

/// How many recoveries are read at a time with their works.
const AT_ONCE: usize = 16;
/// Recoveries of a policy among which those of a backup are looked for.
const RECENT: usize = 50;

/// An owner's recoveries, as somebody asks for them.
pub struct RecoveryDesk<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// The state machines.
    pub executions: &'a dyn Executions,
    /// What holds plans against AWS.
    pub planner: &'a dyn Planner,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Whose.
    pub owner: &'a OwnerName,
    /// Who asks.
    pub actor: &'a Actor,
}

impl RecoveryDesk<'_> {
    /// What is in a backup, and what can be made of it.
    pub async fn panel(&self, id: BackupId) -> Result<PanelView> {
        let backup = self.backup(id).await?;
        let query = RecoveryQuery { policy: Some(backup.policy.clone()), limit: RECENT, before: None };
        let (sets, runs, origins, images, page) = try_join!(
            self.store.sets(self.owner, id),
            self.store.runs(self.owner, id),
            self.store.origins(self.owner, id),
            self.store.images(self.owner),
            self.store.recoveries(self.owner, &query),
        )?;
        let of_backup = page.recoveries.into_iter().filter(|recovery| recovery.backup == id);
        let recoveries = try_join_all(of_backup.map(|recovery| self.listed(recovery))).await?;
        let sources = panel::sources(&backup, sets, origins, &images);
        Ok(PanelView {
            backup: backup.id,
            policy: backup.policy,
            account: backup.account,
            started: backup.started,
            sources,
            scripts: runs.iter().map(Into::into).collect(),
            recoveries,
        })
    }

    /// Fills a plan in and holds it against AWS. Nothing is made.
    pub async fn plan(&self, plan: &Plan) -> Result<Checked> {
        self.recoverable(plan.backup).await?;
        Ok(self.planner.plan(self.owner, plan).await?)
    }

    /// Images like the one that an instance of a backup was launched from.
    pub async fn images(&self, like: &ImagesLike) -> Result<ImagesFound> {
        self.backup(like.backup).await?;
        if let Some(account) = &like.account
            && self.store.account(self.owner, account).await?.is_none()
        {
            return Err(Error::not_found("account", account));
        }
        Ok(self.planner.images(self.owner, like).await?)
    }

    /// Recovers. All that is wrong with the plan is told at once, and then nothing is made.
    pub async fn start(&self, plan: &Plan, purpose: Purpose) -> Result<RecoveryView> {
        let backup = self.recoverable(plan.backup).await?;
        let Checked { plan, problems, warnings } = self.planner.plan(self.owner, plan).await?;
        if !problems.is_empty() {
            return Err(Error::Problems(problems.into_iter().map(placed).collect()));
        }
        let policy = self.store.policy(self.owner, &backup.policy).await?;
        let id = self.store.next_recovery(self.owner).await?;
        let recovery = self.drafted(id, &backup, plan, purpose, policy.as_ref())?;
        let recovery = Recovery { log: self.first_lines(&recovery, &warnings), ..recovery };
        self.record(&recovery).await?;
        self.store.put_recovery(self.owner, &recovery).await?;
        self.begin(Recovery { version: recovery.version + 1, ..recovery }).await
    }

    /// Recoveries, newest first, without their logs.
    pub async fn list(&self, query: &RecoveryQuery) -> Result<RecoveryList> {
        let page = self.store.recoveries(self.owner, query).await?;
        let reading = stream::iter(page.recoveries).map(|recovery| self.listed(recovery));
        Ok(RecoveryList { recoveries: reading.buffered(AT_ONCE).try_collect().await?, next: page.next })
    }

    /// One recovery with all it made, and its log.
    pub async fn show(&self, id: RecoveryId) -> Result<RecoveryView> {
        let (found, works) = try_join!(self.store.recovery(self.owner, id), self.store.works(self.owner, id))?;
        let recovery = found.ok_or_else(|| Error::not_found("recovery", id))?;
        Ok(RecoveryView::new(recovery, &works))
    }

    /// Says yes or no to a recovery that waits for somebody else than who asked.
    pub async fn answer(&self, id: RecoveryId, request: &AnswerRequest) -> Result<RecoveryView> {
        let Self { store, executions, clock, owner, actor, .. } = *self;
        let recovery = Approvals { store, executions, clock }.answer(owner, id, actor, request).await?;
        Ok(RecoveryView::new(recovery, &[]))
    }

    async fn listed(&self, recovery: Recovery) -> Result<RecoveryView> {
        let works = self.store.works(self.owner, recovery.id).await?;
        Ok(RecoveryView::new(Recovery { log: Vec::new(), ..recovery }, &works))
    }

    async fn backup(&self, id: BackupId) -> Result<Backup> {
        self.store.backup(self.owner, id).await?.ok_or_else(|| Error::not_found("backup", id))
    }

    /// A backup that is there still.
    async fn recoverable(&self, id: BackupId) -> Result<Backup> {
        let backup = self.backup(id).await?;
        if backup.is_kept() {
            return Ok(backup);
        }
        Err(Error::conflict(
            format!("backup {id} is deleted or being deleted: there is nothing to recover from"),
            format!("take another: `cpm backup list --policy {}`", backup.policy),
        ))
    }

    fn drafted(
        &self,
        id: RecoveryId,
        backup: &Backup,
        plan: Plan,
        purpose: Purpose,
        policy: Option<&Policy>,
    ) -> Result<Recovery> {
        let unfilled = || Error::bad_input("the plan names no Region", "write one into it: `region: eu-west-1`");
        let now = self.clock.now();
        let has_to_wait = policy.is_some_and(|policy| is_needed(policy.recovery, &purpose));
        let approval = has_to_wait.then(|| Approval::asked(now, Secret::new(self.clock.secret())));
        let account = plan.account.clone().unwrap_or_else(|| backup.account.clone());
        let place = (account, plan.region.clone().ok_or_else(unfilled)?);
        let recovery = Recovery {
            purpose,
            asked_by: self.actor.to_string(),
            execution: Some(execution_name(self.owner, id, 0)),
            // Should whoever asks die before the start, the dispatcher starts it.
            course: Course { watch: Some(now + TAKE_OVER), ..Course::default() },
            ..Recovery::new(id, backup.policy.clone(), place, plan, now)
        };
        Ok(recovery.held_by(approval))
    }

    fn first_lines(&self, recovery: &Recovery, warnings: &[String]) -> Vec<cpm_domain::backup::LogLine> {
        let (mut log, now) = (Log::default(), self.clock.now());
        log.info(now, format!("{}, asked for by {}", told(recovery), recovery.asked_by));
        for warning in warnings {
            log.warning(now, warning);
        }
        if let Some(approval) = &recovery.approval {
            log.info(now, format!("somebody else has to say yes, until {}", approval.expires));
        }
        log.into_lines()
    }

    /// Written before the start: nothing is ever done that the trail lacks.
    async fn record(&self, recovery: &Recovery) -> Result<()> {
        let event = Event {
            time: self.clock.now(),
            actor: self.actor.clone(),
            action: "recovery.run".to_owned(),
            subject: recovery.id.to_string(),
            details: told(recovery),
        };
        Ok(self.store.record(self.owner, &event).await?)
    }

    /// Starts the execution of a recovery that is on record. What is not known to have started has failed, and is no
    /// longer running: an execution that runs after all writes the record first, or finds it ended.
    async fn begin(&self, recovery: Recovery) -> Result<RecoveryView> {
        let name = execution_name(self.owner, recovery.id, 0);
        let start = StartRecovery { owner: self.owner.clone(), recovery: recovery.id };
        let started = run::start(self.executions, self.clock, Machine::Recovery, &name, &start).await;
        let fault = match started {
            Ok(Started::Now) => return Ok(RecoveryView::new(recovery, &[])),
            _ if self.runs(&name).await => return Ok(RecoveryView::new(recovery, &[])),
            Ok(Started::Already) => {
                Error::conflict(format!("an execution `{name}` ran before"), "ask for the recovery again")
            }
            Err(error) => error,
        };
        let words = Fault::new(fault.code().name, format!("its execution could not be started: {fault}"));
        let view = self.fail(recovery, words.advise("nothing was made: ask for it again")).await?;
        if view.state == State::Failed { Err(fault) } else { Ok(view) }
    }

    async fn runs(&self, name: &str) -> bool {
        matches!(self.executions.look(Machine::Recovery, name).await, Ok(Execution::Running))
    }

    /// Marks a recovery that never began, unless its execution wrote it meanwhile: then it is shown as it is now.
    async fn fail(&self, recovery: Recovery, fault: Fault) -> Result<RecoveryView> {
        let (id, now) = (recovery.id, self.clock.now());
        let mut log = Log::default();
        log.error(now, fault.to_string());
        let mut failed = Recovery { state: State::Failed, ended: Some(now), ..recovery };
        failed.course.watch = None;
        failed.errors.push(fault);
        failed.log.extend(log.into_lines());
        match self.store.put_recovery(self.owner, &failed).await {
            Ok(()) => Ok(RecoveryView::new(failed, &[])),
            Err(StoreError::LostRace(_)) => {
                let (found, works) =
                    try_join!(self.store.recovery(self.owner, id), self.store.works(self.owner, id))?;
                Ok(RecoveryView::new(found.ok_or_else(|| Error::not_found("recovery", id))?, &works))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What is recovered into where, in one line.
fn told(recovery: &Recovery) -> String {
    let source = recovery.plan.source.as_ref().map(|source| format!(" of {source}")).unwrap_or_default();
    let Recovery { backup, policy, account, region, .. } = recovery;
    let what = recovery.plan.wanted.kind();
    format!("{what}{source} from backup {backup} of policy `{policy}` into account `{account}`, {region}")
}

/// A problem of a plan as one of a file.
fn placed(problem: PlanProblem) -> Problem {
    Problem::new(problem.field, problem.message, problem.advice)
}
