//! Drills with the real thing behind them: the backup, the recovery and the cleaner, each as it runs.

use cpm_app::drill::Steps;
use cpm_contracts::drill::{Running, StartDrill};
use cpm_domain::{
    drill::{Drill, DrillRule, Figures, State},
    policy::Policy,
    recovery::work::MadeKind,
    unit::Fault,
};
use cpm_fakes::{DEPLOYMENT, Estate, sample};
use cpm_ports::{Clock, Deadline, Drills, Executions, Machine, Recoveries, RecoveryQuery};
use jiff::SignedDuration;
use serde_json::json;

use crate::{
    cleanup,
    recovery_machine::{self, Execution, back_up, own},
};

fn rule(subnet: &str) -> DrillRule {
    serde_json::from_value(json!({
        "quarantine": {"subnet": subnet, "security_groups": ["sg-0123456789abcdef0"], "db_subnet_group": "databases",
            "redshift_subnet_group": "warehouses"},
        "checks": {"script": {"ssm": {"each_target": true, "shell": "exit 0"}}}}))
    .unwrap()
}

/// An instance that is protected, tagged and has an elastic address, with two volumes; a volume alone; a database, a
/// cluster, a Redshift cluster and a table. All of it is backed up, and lives on.
async fn estate(subnet: &str) -> Estate {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", 2);
    let disk = estate.volume("us-east-1");
    estate.aws.tag(&web, "cpm backup", "web");
    estate.aws.tag(&web, "Name", "web-1");
    estate.aws.set_instance(&web, |web| web.termination_protection = true);
    let mut targets = vec![estate.target(&web), estate.target(&disk)];
    for (kind, name) in [("rds", "orders"), ("aurora", "ledger"), ("redshift", "dwh"), ("dynamodb", "sessions")] {
        let resource = estate.aws.here("us-east-1").managed(kind.parse().unwrap(), name);
        targets.push(cpm_domain::target::Target::new(
            resource,
            "us-east-1".parse().unwrap(),
            cpm_domain::target::PutBy::Person,
        ));
    }
    estate.policy(Policy { drill: Some(rule(subnet)), ..sample::policy("web") }, targets);
    back_up(&estate).await;
    estate
}

/// Runs all recoveries that were started and have not ended.
async fn recover(estate: &Estate) {
    let query = RecoveryQuery { policy: None, limit: 100, before: None };
    let recoveries = estate.beside().store.recoveries(&sample::root(), &query).await.unwrap().recoveries;
    for recovery in recoveries.into_iter().filter(|recovery| !recovery.state.is_ended()) {
        let name = recovery.execution.clone().unwrap();
        assert_eq!(
            estate.beside().executions.look(Machine::Recovery, &name).await.unwrap(),
            cpm_ports::Execution::Running,
            "it was started"
        );
        Execution::new(estate, recovery.id, &name).run().await;
    }
}

/// The drill machine, straight on.
async fn drill(estate: &Estate) -> Drill {
    let own = own();
    let recoverer = recovery_machine::steps(estate, &own);
    let steps = Steps {
        store: &estate.store,
        planner: &recoverer,
        executions: &estate.executions,
        commands: &estate.systems,
        health: &estate.health,
        clock: &estate.clock,
        deployment: DEPLOYMENT,
    };
    let deadline = || Deadline(estate.clock.now() + SignedDuration::from_mins(5));
    let start = StartDrill {
        owner: sample::root(),
        policy: "web".parse().unwrap(),
        slot: None,
        asked_by: None,
        resume: None,
    };
    let planned = steps.plan("d", &start).await.unwrap();
    let running = Running { owner: sample::root(), drill: planned.drill.unwrap(), execution: "d".to_owned() };
    assert_eq!(steps.recover(&running, deadline()).await.unwrap().open, 0);
    let mut polls = 0;
    loop {
        recover(estate).await;
        let progress = steps.watch(&running, polls, None).await.unwrap();
        estate.clock.advance(SignedDuration::from_secs(progress.wait.into()));
        polls = progress.polls;
        if progress.open == 0 {
            break;
        }
    }
    loop {
        let removed = cleanup::steps(estate).clear(&running, deadline()).await.unwrap();
        estate.clock.advance(SignedDuration::from_secs(removed.wait.into()));
        if removed.left == 0 {
            break;
        }
    }
    steps.finish(&running, None).await.unwrap();
    estate.beside().store.drill(&sample::root(), running.drill).await.unwrap().unwrap()
}

#[tokio::test]
async fn every_kind_is_restored_checked_and_removed() {
    let estate = estate("subnet-0000000000000000b").await;
    let living = estate.aws.here("us-east-1").living();
    let made = estate.aws.made().len();
    let drill = drill(&estate).await;
    assert_eq!(drill.state, State::Succeeded, "{}", drill.report.unwrap());
    assert_eq!(drill.targets.len(), 6);
    assert!(Figures::of(&drill).rto.is_some());
    let restored: Vec<MadeKind> =
        drill.targets.iter().flat_map(|target| &target.made).map(|made| made.kind).collect();
    for kind in [
        MadeKind::Instance,
        MadeKind::Volume,
        MadeKind::Database,
        MadeKind::Cluster,
        MadeKind::Warehouse,
        MadeKind::Table,
    ] {
        assert!(restored.contains(&kind), "{kind} of {restored:?}");
    }
    assert_eq!(estate.aws.recovered(), [], "all is gone again");
    assert_eq!(estate.aws.here("us-east-1").living(), living, "what runs runs on");
    assert_eq!(estate.aws.made().len(), made, "the backup is there");
    assert_eq!(estate.breaches(), Vec::<String>::new());
    let removed = estate.aws.removed();
    for target in drill.targets.iter().flat_map(|target| &target.made) {
        assert!(removed.contains(&(target.kind, target.id.clone())), "{} was removed by the cleaner", target.id);
    }
}

#[tokio::test]
async fn what_is_restored_is_no_target_of_a_scan_and_not_protected() {
    let estate = estate("subnet-0000000000000000b").await;
    drill(&estate).await;
    let query = RecoveryQuery { policy: None, limit: 100, before: None };
    for recovery in estate.beside().store.recoveries(&sample::root(), &query).await.unwrap().recoveries {
        let plan = serde_json::to_string(&recovery.plan).unwrap();
        assert!(!plan.contains("cpm backup"), "{plan}");
        assert!(!plan.contains("\"termination_protection\":true") && !plan.contains("\"deletion_protection\":true"));
    }
}

#[tokio::test]
async fn a_quarantine_that_is_gone_is_told() {
    let estate = estate("subnet-0dead0dead0dead00").await;
    let drill = drill(&estate).await;
    assert_eq!(drill.state, State::Failed);
    let of_web: Vec<&Fault> = drill.targets.iter().filter_map(|target| target.error.as_ref()).collect();
    assert_eq!(of_web.len(), 1, "the others have their own places");
    assert!(of_web[0].message.contains("subnet-0dead0dead0dead00"), "{}", of_web[0]);
    assert_eq!(estate.aws.recovered(), [], "and leave nothing");
}
