//! Recoveries that the suite asks for itself, for drills and scenarios: planned, written down and started as if somebody had
//! asked. The number is known, and on record elsewhere, before the recovery is: a step that died finds it again.

use cpm_contracts::recovery::StartRecovery;
use cpm_domain::{
    audit::{Actor, Event},
    backup::{Backup, Log},
    name::OwnerName,
    recovery::{
        Approval, Purpose, Recovery, RecoveryId, State,
        course::{Course, WATCH},
        plan::Plan,
        work::{MadeKind, MadeState, Work, WorkState},
    },
    unit::Fault,
};
use cpm_ports::{Clock, Executions, Machine, Planner, Store, StoreError};

use crate::{Result, recovery::execution_name, run};

/// Problems of a plan that a fault names.
const NAMED: usize = 10;

/// Who asks for recoveries, and of what.
pub(crate) struct Commission<'a> {
    /// The table.
    pub(crate) store: &'a dyn Store,
    /// What holds plans against AWS.
    pub(crate) planner: &'a dyn Planner,
    /// The state machines.
    pub(crate) executions: &'a dyn Executions,
    /// Time.
    pub(crate) clock: &'a dyn Clock,
    /// Whose.
    pub(crate) owner: &'a OwnerName,
    /// In whose name.
    pub(crate) asked_by: String,
}

impl Commission<'_> {
    /// Fills a plan in and holds it against AWS. What is wrong with it is a fault; what AWS may say differently in a moment
    /// is an error.
    pub(crate) async fn plan(&self, plan: &Plan) -> Result<std::result::Result<Plan, Fault>> {
        let checked = match self.planner.plan(self.owner, plan).await {
            Ok(checked) => checked,
            Err(error) if error.is_retryable() => return Err(error.into()),
            Err(error) => return Ok(Err(error.to_fault("the role of the function recoverer"))),
        };
        if checked.problems.is_empty() {
            return Ok(Ok(checked.plan));
        }
        let named: Vec<String> = checked.problems.iter().take(NAMED).map(ToString::to_string).collect();
        let more = checked.problems.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        Ok(Err(Fault::new("BadPlan", format!("{}{more}", named.join("; ")))))
    }

    /// Writes a recovery down that is not there yet, and starts it. Repeated, it finds what was done.
    pub(crate) async fn begin(
        &self,
        id: RecoveryId,
        backup: &Backup,
        plan: &Plan,
        purpose: Purpose,
        approval: Option<Approval>,
    ) -> Result<std::result::Result<(), Fault>> {
        let now = self.clock.now();
        let Some(region) = plan.region.clone() else {
            return Ok(Err(Fault::new("BadPlan", "the plan names no Region")));
        };
        let account = plan.account.clone().unwrap_or_else(|| backup.account.clone());
        let mut log = Log::default();
        log.info(now, format!("asked for by {}", self.asked_by));
        let recovery = Recovery {
            purpose,
            asked_by: self.asked_by.clone(),
            execution: Some(execution_name(self.owner, id, 0)),
            // Should its start be lost, the dispatcher makes up for it.
            course: Course { watch: Some(now + WATCH), ..Course::default() },
            log: log.into_lines(),
            ..Recovery::new(id, backup.policy.clone(), (account, region), plan.clone(), now)
        }
        .held_by(approval);
        self.record(&recovery).await?;
        match self.store.put_recovery(self.owner, &recovery).await {
            Ok(()) | Err(StoreError::LostRace(_)) => {}
            Err(error) => return Err(error.into()),
        }
        self.start(id).await
    }

    /// Starts a recovery that is on record. One that runs or ran is no error.
    pub(crate) async fn start(&self, id: RecoveryId) -> Result<std::result::Result<(), Fault>> {
        let start = StartRecovery { owner: self.owner.clone(), recovery: id };
        let name = execution_name(self.owner, id, 0);
        match run::start(self.executions, self.clock, Machine::Recovery, &name, &start).await {
            Ok(_) => Ok(Ok(())),
            Err(error) if error.code().retryable => Err(error),
            Err(error) => {
                let fault = Fault::new(error.code().name, format!("recovery {id} could not be started: {error}"));
                self.never_begun(id, &fault).await?;
                Ok(Err(fault))
            }
        }
    }

    /// Ends a recovery whose execution never began.
    async fn never_begun(&self, id: RecoveryId, fault: &Fault) -> Result<()> {
        let Some(mut recovery) = self.store.recovery(self.owner, id).await? else { return Ok(()) };
        if recovery.state.is_ended() || recovery.works > 0 {
            return Ok(());
        }
        recovery.state = State::Failed;
        recovery.ended = Some(self.clock.now());
        recovery.course.watch = None;
        recovery.errors.push(fault.clone());
        match self.store.put_recovery(self.owner, &recovery).await {
            // Its execution runs after all.
            Ok(()) | Err(StoreError::LostRace(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Written before the start: nothing is ever done that the trail lacks.
    async fn record(&self, recovery: &Recovery) -> Result<()> {
        let Recovery { id, backup, policy, account, region, plan, .. } = recovery;
        let (kind, source) = (plan.wanted.kind(), plan.source.as_deref().unwrap_or("its only target"));
        let event = Event {
            time: self.clock.now(),
            actor: Actor::Suite(self.asked_by.clone()),
            action: "recovery.run".to_owned(),
            subject: id.to_string(),
            details: format!(
                "{kind} of {source} from backup {backup} of policy `{policy}` into account `{account}`, {region}"
            ),
        };
        Ok(self.store.record(self.owner, &event).await?)
    }
}

/// What a recovery that succeeded made, without what it made for the while only.
pub(crate) fn makings(works: &[Work]) -> Vec<(MadeKind, String, Vec<String>)> {
    let done = works.iter().filter(|work| work.state == WorkState::Done && work.what.makes().is_some());
    let made = done.flat_map(|work| &work.made).filter(|made| made.state != MadeState::Gone);
    made.filter(|made| made.kind != MadeKind::Image)
        .map(|made| (made.kind, made.id.clone(), made.addresses.clone()))
        .collect()
}

/// Why a recovery did not succeed.
pub(crate) fn fault_of(recovery: &Recovery, works: &[Work]) -> Fault {
    let of_works = works.iter().filter_map(|work| work.error.as_ref());
    let first = recovery.errors.iter().chain(of_works).next();
    let id = recovery.id;
    match first {
        Some(fault) => Fault { message: format!("recovery {id}: {}", fault.message), ..fault.clone() },
        None => Fault::new("RecoveryFailed", format!("recovery {id} {}", recovery.state)),
    }
    .advise_if_silent(format!("see `cpm recover show {id}`"))
}
