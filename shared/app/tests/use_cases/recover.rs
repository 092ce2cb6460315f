//! What people ask of recoveries, on the day that things break.

use cpm_app::{recover::RecoveryDesk, recovery::execution_name, schedule::Dispatcher};
use cpm_contracts::{
    api::{AnswerRequest, PanelSource, RecoveryView},
    recovery::StartRecovery,
};
use cpm_domain::{
    audit::Actor,
    aws::{AwsError, Refusal},
    backup::{Backup, Phase},
    id::{BackupId, VolumeId},
    initial_image::{InitialImage, KeptImage},
    origin::SourceRecord,
    policy::{Policy, RecoveryRule},
    recovery::{
        Purpose, Recovery, RecoveryId, State,
        course::TAKE_OVER,
        image::ImagesLike,
        plan::{Plan, PlanProblem, RecoveryKind},
        work::{Action, Made, MadeKind, Work, WorkState},
    },
    unit::{Image, Unit, UnitKind, UnitSet, UnitState},
};
use cpm_fakes::{Estate, Fate, Whom, at_each_call, at_once, sample};
use cpm_ports::{
    AuditTrail, Backups, Clock as _, Deadline, Execution, Images, Machine, Origins, Recoveries, RecoveryQuery,
};
use jiff::SignedDuration;
use rstest::rstest;
use serde_json::json;

const HERE: &str = "us-east-1";
const WEB: &str = "i-0123456789abcdef0";
const ADA: &str = "arn:aws:iam::111111111111:user/ada";
const BEN: &str = "arn:aws:iam::111111111111:user/ben";

fn volumes() -> [VolumeId; 2] {
    ["vol-0000000a", "vol-0000000b"].map(|id| id.parse().unwrap())
}

fn completed(unit: &Unit, id: &str) -> Unit {
    Unit { id: Some(id.parse().unwrap()), state: UnitState::Completed, ..unit.clone() }
}

/// Backup 17 of `web`: an instance with two volumes, and a volume alone.
fn sets() -> Vec<UnitSet> {
    let mut instance = sample::set(1, HERE, WEB, &volumes());
    instance.units =
        vec![completed(&instance.units[0], "snap-0000000a"), completed(&instance.units[1], "snap-0000000b")];
    let alone: VolumeId = "vol-0000000c".parse().unwrap();
    let mut volume = sample::set(2, HERE, &alone, std::slice::from_ref(&alone));
    volume.units = vec![completed(&volume.units[0], "snap-0000000c")];
    let units = vec![completed(&Unit::planned(UnitKind::Ami, sample::resource(WEB)), "ami-00000001")];
    let image = Some(Image { initial: true, reboot: false, left_out: vec![] });
    vec![instance, volume, UnitSet { units, image, ..sample::set(3, HERE, WEB, &[]) }]
}

fn origin() -> SourceRecord {
    let [root, data] = volumes();
    let volume = |id: &VolumeId, device: &str| json!({"id": id, "zone": "us-east-1a", "size": 8, "volume_type": "gp3", "device": device});
    let origin = json!({"kind": "instance", "id": WEB, "instance_type": "m5.large", "architecture": "x86_64",
        "platform": "linux", "image": {"id": "ami-00000000", "known": false}, "zone": "us-east-1a",
        "volumes": [volume(&root, "/dev/xvda"), volume(&data, "/dev/sdf")], "tags": {"Name": "web-1"}});
    SourceRecord {
        region: HERE.parse().unwrap(),
        resource: sample::resource(WEB),
        origin: serde_json::from_value(origin).unwrap(),
    }
}

fn estate() -> Estate {
    with(sample::generation(17, "web"))
}

fn with(backup: Backup) -> Estate {
    let estate = Estate::new();
    estate.policy(sample::policy("web"), []);
    let store = estate.beside().store;
    at_once(store.put_origins(&sample::root(), backup.id, &[origin()])).unwrap();
    at_once(store.create(&sample::root(), &Backup { sets: 3, ..backup }, &sets(), &[])).unwrap();
    estate
}

/// Asks for something as somebody.
async fn desk<T>(estate: &Estate, who: &str, what: impl AsyncFnOnce(RecoveryDesk<'_>) -> T) -> T {
    let (owner, actor) = (sample::root(), Actor::Caller(who.to_owned()));
    let Estate { store, executions, planner, clock, .. } = estate;
    what(RecoveryDesk { store, executions, planner, clock, owner: &owner, actor: &actor }).await
}

fn wanted() -> Plan {
    Plan { source: Some(WEB.into()), ..Plan::new(BackupId(17), RecoveryKind::Instance) }
}

async fn start(estate: &Estate) -> cpm_app::Result<RecoveryView> {
    desk(estate, ADA, async |desk| desk.start(&wanted(), Purpose::Manual).await).await
}

async fn show(estate: &Estate, id: u64) -> RecoveryView {
    desk(estate, ADA, async |desk| desk.show(RecoveryId(id)).await).await.unwrap()
}

fn read(estate: &Estate, id: u64) -> Option<Recovery> {
    at_once(estate.beside().store.recovery(&sample::root(), RecoveryId(id))).unwrap()
}

/// What the dispatcher does every minute.
async fn tick(estate: &Estate) {
    let beside = estate.beside();
    let dispatcher = Dispatcher { store: &beside.store, executions: &beside.executions, clock: &beside.clock };
    dispatcher.tick(Deadline(estate.clock.now() + SignedDuration::from_secs(50))).await.unwrap();
}

fn actions(estate: &Estate) -> Vec<String> {
    let events = at_once(estate.beside().store.events(&sample::root(), None, 100)).unwrap();
    let asked = events.into_iter().filter(|event| event.action.starts_with("recovery."));
    asked
        .rev()
        .map(|event| format!("{} {} by {}: {}", event.action, event.subject, event.actor, event.details))
        .collect()
}

fn problem(field: &str) -> PlanProblem {
    PlanProblem { field: field.into(), message: "it is wrong".into(), advice: "write another".into() }
}

#[tokio::test]
async fn the_panel_says_what_is_in_it_and_what_can_be_made_of_it() {
    let estate = estate();
    let store = estate.beside().store;
    let none = InitialImage::none("main".parse().unwrap(), HERE.parse().unwrap(), WEB.parse().unwrap());
    let id = "ami-00000002".parse().unwrap();
    let current = Some(KeptImage { id, parts: vec![], made: sample::start(), backup: BackupId(16), error: None });
    store.put_image(&sample::root(), &InitialImage { current, ..none }).await.unwrap();
    start(&estate).await.unwrap();
    let panel = desk(&estate, ADA, async |desk| desk.panel(BackupId(17)).await).await.unwrap();
    let told = |source: &PanelSource| {
        let units: Vec<String> = source
            .units
            .iter()
            .map(|unit| format!("{} {} {:?} {}", unit.id.as_ref().unwrap(), unit.source, unit.device, unit.initial))
            .collect();
        (source.id.clone(), source.name.clone(), source.recover.clone(), units)
    };
    let sources: Vec<_> = panel.sources.iter().map(told).collect();
    let of_instance = vec![
        "snap-0000000a vol-0000000a Some(\"/dev/xvda\") false".to_owned(),
        "snap-0000000b vol-0000000b Some(\"/dev/sdf\") false".to_owned(),
        // The one that the instance has now, not the one that this backup made.
        format!("ami-00000002 {WEB} None true"),
    ];
    let both = vec![RecoveryKind::Instance, RecoveryKind::Volumes];
    let expected = [
        (WEB.to_owned(), Some("web-1".to_owned()), both, of_instance),
        (
            "vol-0000000c".to_owned(),
            None,
            vec![RecoveryKind::Volumes],
            vec!["snap-0000000c vol-0000000c None false".to_owned()],
        ),
    ];
    assert_eq!(sources, expected);
    assert_eq!(panel.sources[0].units[0].size, Some(8));
    assert_eq!(panel.recoveries.iter().map(|recovery| recovery.id).collect::<Vec<_>>(), [RecoveryId(1)]);
    let gone = desk(&estate, ADA, async |desk| desk.panel(BackupId(18)).await).await.unwrap_err();
    assert_eq!(gone.to_string(), "there is no backup `18`");
}

#[rstest]
// What AWS never made, or what is gone, is nothing to recover from.
#[case(UnitState::Failed, &[])]
#[case(UnitState::Pending, &[])]
#[case(UnitState::Deleted, &[])]
#[case(UnitState::Completed, &[RecoveryKind::Instance, RecoveryKind::Volumes])]
#[tokio::test]
async fn only_what_is_there_can_be_recovered(#[case] state: UnitState, #[case] recover: &[RecoveryKind]) {
    let estate = estate();
    let store = estate.beside().store;
    let mut set = store.sets(&sample::root(), BackupId(17)).await.unwrap().remove(0);
    set.units.iter_mut().for_each(|unit| unit.state = state);
    store.put_set(&sample::root(), BackupId(17), &set).await.unwrap();
    let panel = desk(&estate, ADA, async |desk| desk.panel(BackupId(17)).await).await.unwrap();
    assert_eq!(panel.sources[0].recover, recover);
}

#[tokio::test]
async fn a_recovery_is_on_record_and_in_the_trail_and_then_runs() {
    let estate = estate();
    estate.planner.finds(&[], &["the address is taken from the pool"]);
    estate.planner.fills(|plan| plan.account = Some("main".parse().unwrap()));
    let view = start(&estate).await.unwrap();
    assert_eq!((view.id, view.state, view.asked_by.as_str()), (RecoveryId(1), State::Running, ADA));
    assert_eq!((view.account.as_str(), view.region.as_str()), ("main", HERE));
    // The plan on record is the one that was checked, with its defaults.
    assert_eq!((view.plan.account.as_ref(), view.plan.region.as_ref()), (Some(&view.account), Some(&view.region)));
    let line = format!("instance of {WEB} from backup 17 of policy `web` into account `main`, {HERE}");
    assert_eq!(view.log[0].message, format!("{line}, asked for by {ADA}"));
    assert_eq!(view.log[1].message, "the address is taken from the pool");
    assert_eq!(actions(&estate), [format!("recovery.run r1 by {ADA}: {line}")]);
    let execution = &estate.executions.started()[0];
    let input: StartRecovery = serde_json::from_str(&execution.input).unwrap();
    assert_eq!(execution.machine, Machine::Recovery);
    assert_eq!((input.owner, input.recovery), (sample::root(), RecoveryId(1)));
    let recovery = read(&estate, 1).unwrap();
    assert_eq!(recovery.execution.as_deref(), Some(execution.name.as_str()));
    assert_eq!(recovery.checked, estate.clock.now());
    assert_eq!(show(&estate, 1).await, view);
    assert_eq!(start(&estate).await.unwrap().id, RecoveryId(2), "another one");
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once_and_nothing_is_made() {
    let estate = estate();
    estate.planner.finds(&[problem("instance.type"), problem("instance.volumes[1].size")], &[]);
    let checked = desk(&estate, ADA, async |desk| desk.plan(&wanted()).await).await.unwrap();
    assert_eq!(checked.problems.len(), 2);
    let refused = start(&estate).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "instance.type: it is wrong; write another\ninstance.volumes[1].size: it is wrong; write another"
    );
    assert_eq!((estate.store.writes(), estate.executions.started().len()), (0, 0));
}

#[tokio::test]
async fn an_account_that_nobody_knows_has_no_images() {
    let estate = estate();
    let account = Some("prod".parse().unwrap());
    let like = ImagesLike { backup: BackupId(17), source: None, region: None, account, fuzzy: false };
    let refused = desk(&estate, ADA, async |desk| desk.images(&like).await).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no account `prod`");
    assert_eq!(estate.planner.looked_for().len(), 0);
}

#[rstest]
#[case(Phase::Deleting)]
#[case(Phase::Deleted)]
#[tokio::test]
async fn what_goes_is_nothing_to_recover_from(#[case] phase: Phase) {
    let estate = with(Backup { phase, ..sample::generation(17, "web") });
    let refused = start(&estate).await.unwrap_err();
    assert_eq!(refused.code().name, "Input.Conflict");
    assert_eq!(refused.to_string(), "backup 17 is deleted or being deleted: there is nothing to recover from");
    let panel = desk(&estate, ADA, async |desk| desk.panel(BackupId(17)).await).await.unwrap();
    assert!(panel.sources.iter().all(|source| source.recover.is_empty()));
    assert_eq!(estate.planner.asked().len(), 0);
}

#[tokio::test]
async fn a_start_that_is_throttled_is_repeated_under_the_same_name() {
    let estate = estate();
    estate.faults.throttle_next("states:StartExecution", 3);
    assert_eq!(start(&estate).await.unwrap().state, State::Running);
    assert_eq!(estate.executions.started().len(), 1);
}

#[tokio::test]
async fn a_start_that_fails_for_good_leaves_a_recovery_that_says_so() {
    let estate = estate();
    estate.faults.deny("states:StartExecution", Whom::anybody());
    let refused = start(&estate).await.unwrap_err();
    assert_eq!(refused.code().name, "Aws.Refused");
    let shown = show(&estate, 1).await;
    assert_eq!((shown.state, shown.ended.is_some()), (State::Failed, true));
    assert!(shown.errors[0].message.contains("its execution could not be started"), "{:?}", shown.errors);
    assert!(shown.log.last().unwrap().message.contains("could not be started"));
}

/// The table was restored: a number comes again, and Step Functions knows the name.
#[tokio::test]
async fn a_number_that_was_used_before_starts_nothing() {
    let estate = estate();
    let name = execution_name(&sample::root(), RecoveryId(1), 0);
    at_once(cpm_ports::Executions::start(&estate.beside().executions, Machine::Recovery, &name, "{}")).unwrap();
    estate.executions.set(&name, Execution::Succeeded);
    let refused = start(&estate).await.unwrap_err();
    assert_eq!(refused.code().name, "Input.Conflict");
    assert_eq!(show(&estate, 1).await.state, State::Failed);
    assert_eq!(start(&estate).await.unwrap().id, RecoveryId(2));
}

/// The answer to the start is lost, and the execution is at work before it is marked as failed.
#[tokio::test]
async fn who_runs_after_all_is_not_marked_as_failed() {
    let estate = estate();
    let unanswered = AwsError {
        refusal: Refusal::Unknown,
        action: "states:StartExecution".into(),
        code: "Timeout".into(),
        message: "no answer".into(),
    };
    estate.faults.refuse_next("states:StartExecution", 4, &unanswered);
    let beside = estate.beside();
    estate.faults.meanwhile("states:DescribeExecution", move || {
        let recovery = at_once(beside.store.recovery(&sample::root(), RecoveryId(1))).unwrap().unwrap();
        at_once(beside.store.put_recovery(&sample::root(), &Recovery { works: 3, ..recovery })).unwrap();
    });
    let view = start(&estate).await.unwrap();
    assert_eq!((view.state, view.works.all), (State::Running, 3));
}

#[rstest]
#[case(Fate::Killed)]
#[case(Fate::Unanswered)]
#[tokio::test]
async fn cut_anywhere_nothing_runs_for_ever_and_nothing_runs_twice(#[case] fate: Fate) {
    let calls = Box::pin(at_each_call(
        fate,
        async || estate(),
        async |estate: &Estate| {
            start(estate).await.ok();
        },
        async |estate: &Estate, crash| {
            let started = estate.executions.started();
            assert!(started.len() <= 1, "{crash}: {started:?}");
            let Some(recovery) = read(estate, 1) else {
                assert!(started.is_empty(), "{crash}: it runs and is on no record");
                return;
            };
            assert_eq!(actions(estate).len(), 1, "{crash}");
            // The dispatcher starts what nobody started, under the same name.
            estate.clock.advance(TAKE_OVER);
            tick(estate).await;
            let names: Vec<String> = estate.executions.started().into_iter().map(|started| started.name).collect();
            let is_running = recovery.state == State::Running;
            assert_eq!(names, recovery.execution.filter(|_| is_running).into_iter().collect::<Vec<_>>(), "{crash}");
        },
    ))
    .await;
    assert!(calls >= 7, "{calls} calls");
}

#[tokio::test]
async fn a_list_has_what_was_made_and_no_logs() {
    let estate = estate();
    for _ in 0..3 {
        start(&estate).await.unwrap();
    }
    let store = estate.beside().store;
    let made = vec![Made::pending(MadeKind::Volume, "vol-0000000d")];
    let region = HERE.parse().unwrap();
    let work = Work {
        made,
        state: WorkState::Pending,
        ..Work::planned(1, region, Action::MarkReplaced { volume: volumes()[0].clone() })
    };
    store.add_works(&sample::root(), RecoveryId(2), &[work]).await.unwrap();
    let list = async |policy: Option<&str>, before: Option<u64>| {
        let query = RecoveryQuery {
            policy: policy.map(|name| name.parse().unwrap()),
            limit: 2,
            before: before.map(RecoveryId),
        };
        desk(&estate, ADA, async |desk| desk.list(&query).await).await.unwrap()
    };
    let first = list(None, None).await;
    let ids: Vec<u64> = first.recoveries.iter().map(|recovery| recovery.id.0).collect();
    assert_eq!((ids, first.next), (vec![3, 2], Some(RecoveryId(2))));
    assert!(first.recoveries.iter().all(|recovery| recovery.log.is_empty()));
    assert_eq!(list(Some("web"), Some(2)).await.recoveries.len(), 1);
    assert_eq!(list(Some("db"), None).await.recoveries, []);
    let refused = desk(&estate, ADA, async |desk| desk.show(RecoveryId(9)).await).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no recovery `r9`");
    assert_eq!(refused.advice(), "list what there is with `cpm recover list`");
}

#[test]
fn a_name_fits_step_functions_and_is_another_for_each_owner() {
    let name = execution_name(&sample::root(), RecoveryId(u64::MAX), 0);
    assert!(name.len() <= 80 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)), "{name}");
    assert_ne!(
        execution_name(&"ops".parse().unwrap(), RecoveryId(1), 0),
        execution_name(&sample::root(), RecoveryId(1), 0)
    );
}

#[tokio::test]
async fn a_policy_may_demand_that_somebody_else_says_yes() {
    let estate = estate();
    let rule = RecoveryRule { approval: true };
    estate.policy(Policy { recovery: rule, ..sample::policy("db") }, []);
    let backup = Backup { sets: 0, ..sample::generation(18, "db") };
    at_once(estate.beside().store.create(&sample::root(), &backup, &[], &[])).unwrap();
    let plan = Plan { backup: BackupId(18), ..wanted() };
    let start = async |purpose| desk(&estate, ADA, async |desk| desk.start(&plan, purpose).await).await.unwrap();
    let view = start(Purpose::Manual).await;
    assert_eq!((view.id, view.state), (RecoveryId(1), State::WaitingForApproval));
    assert_eq!(view.approve_by, Some(read(&estate, 1).unwrap().approval.unwrap().expires));
    assert_eq!(estate.executions.started().len(), 1, "it waits in its execution");
    assert_eq!(start(Purpose::Drill(1)).await.state, State::Running, "a drill goes into a quarantine");

    let yes = AnswerRequest { approved: true, reason: None };
    let refused = desk(&estate, ADA, async |desk| desk.answer(RecoveryId(1), &yes).await).await.unwrap_err();
    assert_eq!(refused.code().name, "Input.Conflict");
    let view = desk(&estate, BEN, async |desk| desk.answer(RecoveryId(1), &yes).await).await.unwrap();
    assert_eq!((view.state, view.answer.unwrap().by.as_str()), (State::Running, BEN));
}
