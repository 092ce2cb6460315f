//! A world with a generation to restore, whose recoveries a test ends as it likes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use cpm_app::{Error, drill::Undoing};
use cpm_contracts::{cleanup::Removed, recovery::Running};
use cpm_domain::{
    aws::{AwsError, Refusal},
    backup::Backup,
    drill::DrillRule,
    id::BackupId,
    kind::Kind,
    policy::Policy,
    recovery::{
        Recovery, RecoveryId, State,
        work::{Action, LaunchSpec, Made, MadeKind, MadeState, Ref, Work, WorkState},
    },
    unit::{Fault, UnitSet, UnitState},
};
use cpm_fakes::{Estate, Faults, sample};
use cpm_ports::{Backups, Clock, Deadline, Recoveries, RecoveryQuery};
use jiff::SignedDuration;
use serde_json::json;

/// The policy that is tried out.
pub const POLICY: &str = "web";
/// Its newest generation.
pub const GENERATION: BackupId = BackupId(17);

/// What becomes of a recovery.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It makes an instance.
    Succeeds,
    /// It fails.
    Fails(Fault),
    /// It goes on.
    Runs,
}

/// A world.
#[derive(Clone)]
pub struct World {
    pub estate: Estate,
    /// What becomes of the recovery of a source.
    fates: Arc<Mutex<BTreeMap<String, Fate>>>,
    pub undoing: FakeUndoing,
    /// What is launched has no agent.
    pub without_agents: Arc<Mutex<bool>>,
}

impl AsRef<Faults> for World {
    fn as_ref(&self) -> &Faults {
        &self.estate.faults
    }
}

pub fn rule() -> DrillRule {
    serde_json::from_value(json!({
        "quarantine": {"subnet": "subnet-1a2b3c4d", "security_groups": ["sg-1a2b3c4d"]},
        "checks": {"script": {"ssm": {"each_target": true, "shell": "curl -f localhost"}}}}))
    .unwrap()
}

impl World {
    /// The policy `web` with one instance, whose newest generation began two hours ago.
    pub async fn new() -> Self {
        Self::with(rule(), 1).await
    }

    pub async fn with(rule: DrillRule, instances: usize) -> Self {
        let estate = Estate::new();
        let sources: Vec<_> = (0..instances).map(|_| estate.instance("us-east-1", 2)).collect();
        let policy = Policy { drill: Some(rule), ..sample::policy(POLICY) };
        let targets: Vec<_> = sources.iter().map(|id| estate.target(id)).collect();
        estate.policy(policy, targets);
        let store = estate.beside().store;
        let sets: Vec<UnitSet> = (1..)
            .zip(&sources)
            .map(|(number, id)| {
                let volumes = estate.aws.volumes_of(id);
                let mut set = sample::set(number, "us-east-1", id, &volumes);
                for unit in &mut set.units {
                    unit.id = Some("snap-1a2b3c4d".parse().unwrap());
                    unit.state = UnitState::Completed;
                }
                set
            })
            .collect();
        for id in [9, GENERATION.0] {
            let backup = sample::generation(id, POLICY);
            store.create(&sample::root(), &backup, &sets, &[]).await.unwrap();
        }
        // A newer one, which does not count.
        let failed = Backup { counts: false, ..sample::generation(18, POLICY) };
        store.create(&sample::root(), &failed, &[], &[]).await.unwrap();
        estate.clock.advance(SignedDuration::from_hours(2));
        let undoing = FakeUndoing::new(&estate);
        Self { estate, fates: Arc::default(), undoing, without_agents: Arc::default() }
    }

    pub fn deadline(&self) -> Deadline {
        Deadline(self.estate.clock.now() + SignedDuration::from_mins(5))
    }

    /// What becomes of the recovery of a source from now on; of all, when it is empty.
    pub fn fate(&self, source: &str, fate: Fate) {
        self.fates.lock().unwrap().insert(source.to_owned(), fate);
    }

    pub async fn recoveries(&self) -> Vec<Recovery> {
        let query = RecoveryQuery { policy: None, limit: 1_000, before: None };
        self.estate.beside().store.recoveries(&sample::root(), &query).await.unwrap().recoveries
    }

    /// The machines of all recoveries that were started run to their end.
    pub async fn recover(&self) {
        let started = self.estate.executions.started();
        for recovery in self.recoveries().await {
            let name = recovery.execution.clone().unwrap();
            let is_started = started.iter().any(|execution| execution.name == name);
            if !is_started || recovery.state != State::Running {
                continue;
            }
            let source = recovery.plan.source.clone().unwrap_or_default();
            let fate = {
                let fates = self.fates.lock().unwrap();
                fates.get(&source).or_else(|| fates.get("")).cloned().unwrap_or(Fate::Succeeds)
            };
            self.end(recovery, fate).await;
        }
    }

    async fn end(&self, recovery: Recovery, fate: Fate) {
        let store = self.estate.beside().store;
        let (owner, id, now) = (sample::root(), recovery.id, self.estate.clock.now());
        let (state, work_state) = match fate {
            Fate::Runs => return,
            Fate::Succeeds => (State::Succeeded, WorkState::Done),
            Fate::Fails(_) => (State::Failed, WorkState::Failed),
        };
        let launched = self.estate.instance("us-east-1", 1);
        self.estate.clock.advance(SignedDuration::from_secs(40));
        if *self.without_agents.lock().unwrap() {
            self.estate.systems.unmanage(&launched);
        }
        let mut work = Work::planned(1, recovery.region.clone(), launch());
        work.state = work_state;
        work.made = vec![Made {
            state: MadeState::Ready,
            addresses: vec!["10.9.0.4".into()],
            ..Made::pending(MadeKind::Instance, launched.as_str())
        }];
        if let Fate::Fails(fault) = fate {
            work.error = Some(fault);
        }
        store.add_works(&owner, id, &[work]).await.unwrap();
        let ended = Recovery { state, ended: Some(now), works: 1, ..recovery };
        store.put_recovery(&owner, &ended).await.unwrap();
    }

    /// What the recoveries made that is there still.
    pub async fn left(&self) -> Vec<String> {
        let store = self.estate.beside().store;
        let mut left = Vec::new();
        for recovery in self.recoveries().await {
            let works = store.works(&sample::root(), recovery.id).await.unwrap();
            let there = works.iter().flat_map(|work| &work.made).filter(|made| made.state != MadeState::Gone);
            left.extend(there.map(|made| made.id.clone()));
        }
        left
    }
}

fn launch() -> Action {
    let spec: LaunchSpec = serde_json::from_value(json!({
        "image": Ref::Id("ami-1a2b3c4d".into()), "count": 1, "instance_type": "m5.large", "monitoring": false,
        "ebs_optimized": false, "devices": []}))
    .unwrap();
    assert_eq!(Kind::Instance.as_str(), "instance");
    Action::Launch(Box::new(spec))
}

/// What the cleaner does with recoveries.
#[derive(Clone)]
pub struct FakeUndoing {
    estate: Estate,
    script: Arc<Mutex<Vec<Undo>>>,
    pub calls: Arc<Mutex<Vec<RecoveryId>>>,
}

/// What becomes of a try; after those that are said, all succeed.
#[derive(Debug, Clone, Copy)]
pub enum Undo {
    /// Something is still there.
    Left(u32),
    /// AWS throttles.
    Throttled,
    /// AWS will not.
    Refused,
}

impl FakeUndoing {
    fn new(estate: &Estate) -> Self {
        Self { estate: estate.clone(), script: Arc::default(), calls: Arc::default() }
    }

    pub fn next(&self, tries: &[Undo]) {
        self.script.lock().unwrap().extend(tries);
    }
}

#[async_trait]
impl Undoing for FakeUndoing {
    async fn undo(&self, running: &Running, _deadline: Deadline) -> Result<Removed, Error> {
        let store = self.estate.store.beside();
        let recovery = store.recovery(&running.owner, running.recovery).await?.unwrap();
        assert!(recovery.state.is_ended(), "what runs still is not undone");
        assert_eq!(recovery.execution.as_ref(), Some(&running.execution));
        self.calls.lock().unwrap().push(recovery.id);
        let next = {
            let mut script = self.script.lock().unwrap();
            if script.is_empty() { None } else { Some(script.remove(0)) }
        };
        match next {
            Some(Undo::Left(left)) => return Ok(Removed { left, wait: 10 }),
            Some(Undo::Throttled) => {
                return Err(AwsError {
                    refusal: Refusal::Throttled,
                    action: "ec2:TerminateInstances".into(),
                    code: "RequestLimitExceeded".into(),
                    message: "slow down".into(),
                }
                .into());
            }
            Some(Undo::Refused) | None => {}
        }
        for mut work in store.works(&running.owner, recovery.id).await? {
            for made in &mut work.made {
                if next.is_some() {
                    made.cause = Some("you are not authorized".into());
                } else {
                    made.state = MadeState::Gone;
                }
            }
            store.put_work(&running.owner, recovery.id, &work).await?;
        }
        Ok(Removed { left: 0, wait: 0 })
    }
}
