use cpm_contracts::api::Attention;
use cpm_domain::{
    alert::Category,
    backup::{Backup, Phase},
    document::Document,
    id::BackupId,
};
use cpm_fakes::{Estate, Fate, at_each_call, at_once, sample};
use cpm_ports::{Alerts, AuditTrail, BackupQuery, Backups, Configuration, Drills, Leases, Machine, Slots};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;

struct Desk {
    estate: Estate,
    owner: OwnerName,
    actor: Actor,
    zone: Zone,
}

impl AsRef<cpm_fakes::Faults> for Desk {
    fn as_ref(&self) -> &cpm_fakes::Faults {
        &self.estate.faults
    }
}

impl Desk {
    fn new() -> Self {
        Self {
            estate: Estate::new(),
            owner: sample::root(),
            actor: Actor::Caller("arn:aws:iam::111111111111:user/ada".into()),
            zone: Zone::utc(),
        }
    }

    fn setup(&self) -> Setup<'_> {
        Setup {
            store: &self.estate.store,
            executions: &self.estate.executions,
            clock: &self.estate.clock,
            owner: &self.owner,
            actor: &self.actor,
            default_zone: &self.zone,
        }
    }

    async fn apply(&self, document: &Document, prune: bool) -> Result<Applied> {
        let request = ApplyRequest { document: document.clone(), prune, revision: None };
        self.setup().apply(&request).await
    }

    async fn plan(&self, document: &Document, prune: bool) -> PlanView {
        self.setup().plan(&PlanRequest { document: document.clone(), prune }).await.unwrap()
    }

    async fn slots(&self, policy: &str) -> Vec<(String, Option<Timestamp>)> {
        let slots = self.estate.store.slots(&self.owner, &policy.parse().unwrap()).await.unwrap();
        slots.into_iter().map(|(schedule, next)| (schedule.to_string(), next)).collect()
    }

    async fn actions(&self) -> Vec<String> {
        let mut events = self.estate.store.events(&self.owner, None, 1000).await.unwrap();
        events.retain(|event| event.actor == self.actor);
        events.reverse();
        events.into_iter().map(|event| format!("{} {}: {}", event.action, event.subject, event.details)).collect()
    }

    async fn backups(&self, policy: &str) -> Vec<Backup> {
        let query = BackupQuery { policy: Some(policy.parse().unwrap()), limit: 1000, before: None };
        self.estate.store.list(&self.owner, &query).await.unwrap().backups
    }

    async fn generations(&self, policy: &str, count: u64) {
        for id in 1..=count {
            self.estate.store.create(&self.owner, &sample::generation(id, policy), &[], &[]).await.unwrap();
        }
    }
}

fn read(value: Value) -> Document {
    serde_json::from_value(value).unwrap()
}

fn nightly() -> Value {
    json!({"name": "nightly", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00"})
}

fn main_account() -> Value {
    json!({"name": "main", "role": "own", "scan": {"enabled": true}})
}

fn web(targets: usize) -> Value {
    let targets: Vec<Value> =
        (0..targets).map(|n| json!({"volume": format!("vol-{n:08x}"), "region": "us-east-1"})).collect();
    json!({"name": "web", "account": "main", "schedules": ["nightly"], "targets": targets})
}

fn document(targets: usize) -> Document {
    read(json!({"accounts": [main_account()], "schedules": [nightly()], "policies": [web(targets)]}))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn applies_a_file_once() {
    let desk = Desk::new();
    let applied = desk.apply(&document(2), false).await.unwrap();
    assert_eq!(applied.changes.len(), 4, "a schedule, a policy, two targets");
    assert_eq!(desk.slots("web").await, [("nightly".to_owned(), Some(at("2026-01-01T02:00:00Z")))]);
    insta::assert_snapshot!(desk.actions().await.join("\n"), @r"
    policy.schedule web: nightly: next run 2026-01-01T02:00:00Z
    schedule.create nightly: repeat: every day; start: 2026-01-01T02:00; timezone: UTC
    policy.create web: account: main; enabled: true; generations: 30; schedules: nightly; auto_target_removal: no; success: no-issues; retry.count: 3; retry.wait: 10m
    target.put web: volume vol-00000000 in us-east-1
    target.put web: volume vol-00000001 in us-east-1
    ");
    assert_eq!(desk.plan(&document(2), true).await.changes, []);
    assert_eq!(desk.apply(&document(2), true).await.unwrap(), Applied::default());
    assert_eq!(desk.setup().export().await.unwrap().policies, document(2).policies);
}

#[tokio::test]
async fn a_due_run_outlives_an_apply() {
    let desk = Desk::new();
    desk.apply(&document(1), false).await.unwrap();
    desk.estate.clock.set("2026-01-01T02:00:30Z".parse().unwrap());
    desk.apply(&document(2), false).await.unwrap();
    assert_eq!(desk.slots("web").await, [("nightly".to_owned(), Some(at("2026-01-01T02:00:00Z")))]);
}

#[tokio::test]
async fn a_file_that_cannot_be_applied_changes_nothing() {
    let desk = Desk::new();
    let refused = desk.apply(&read(json!({"policies": [web(1)]})), false).await.unwrap_err();
    let Error::Problems(problems) = refused else { panic!("{refused}") };
    assert_eq!(problems[0].path, "policies[0].schedules[0]");
    assert_eq!(desk.estate.store.writes(), 0);
}

#[tokio::test]
async fn what_changed_since_the_plan_is_planned_again() {
    let desk = Desk::new();
    let revision = desk.plan(&document(2), false).await.revision;
    desk.apply(&document(1), false).await.unwrap();
    let request = ApplyRequest { document: document(2), prune: false, revision: Some(revision) };
    let refused = desk.setup().apply(&request).await.unwrap_err();
    assert_eq!(refused.code().name, "Input.Conflict");
    let revision = Some(desk.plan(&document(2), false).await.revision);
    assert_eq!(desk.setup().apply(&ApplyRequest { revision, ..request }).await.unwrap().changes.len(), 1);
}

#[tokio::test]
async fn an_apply_that_was_cut_is_finished_by_the_next() {
    for (fate, when) in [(Fate::Killed, "killed"), (Fate::Unanswered, "unanswered")] {
        let calls = at_each_call(
            fate,
            async || Desk::new(),
            async |desk: &Desk| {
                // More than a transaction.
                desk.apply(&document(120), false).await.ok();
            },
            async |desk: &Desk, crash| {
                desk.apply(&document(120), false).await.unwrap();
                assert_eq!(desk.plan(&document(120), true).await.changes, [], "{crash}");
                assert_eq!(desk.slots("web").await.len(), 1, "{crash}: no slot");
            },
        )
        .await;
        assert!(calls > 5, "{when} at {calls} calls");
    }
}

#[tokio::test]
async fn disabling_takes_the_slots_and_enabling_brings_them() {
    let desk = Desk::new();
    desk.apply(&document(1), false).await.unwrap();
    let name = "web".parse().unwrap();
    let off = desk.setup().enable(&name, false).await.unwrap();
    assert!(off.slots.is_empty() && !off.summary.enabled);
    assert_eq!(off.summary.attention, [Attention::Disabled]);
    desk.estate.clock.set("2026-01-05T12:00:00Z".parse().unwrap());
    let on = desk.setup().enable(&name, true).await.unwrap();
    assert_eq!(on.summary.next, Some(at("2026-01-06T02:00:00Z")), "nothing is made up for");
    assert_eq!(on.summary.attention, []);
    let none = desk.setup().enable(&"db".parse().unwrap(), true).await.unwrap_err();
    assert_eq!(none.code().name, "Input.NotFound");
}

#[tokio::test]
async fn a_policy_goes_with_its_backups() {
    let desk = Desk::new();
    desk.apply(&document(2), false).await.unwrap();
    desk.generations("web", 250).await;
    desk.estate.store.put_alert(&desk.owner, &sample::alert(Category::Backup, "web")).await.unwrap();

    let applied = desk.setup().remove_policy(&"web".parse().unwrap()).await.unwrap();
    assert_eq!(applied.backups, 250);
    assert_eq!(applied.changes[0].note.as_deref(), Some("its 250 backups are deleted with all their snapshots"));
    let started = desk.estate.executions.started();
    assert_eq!(started[0].machine, Machine::Cleanup);
    assert_eq!(Some(&started[0].name), applied.cleanup.as_ref().map(|cleanup| &cleanup.execution));
    assert!(desk.backups("web").await.iter().all(|backup| backup.phase == Phase::Deleting));
    assert!(desk.backups("web").await[0].log[0].message.contains("user/ada"));
    assert!(desk.estate.store.alerts(&desk.owner).await.unwrap().is_empty());
    assert!(desk.estate.store.targets(&desk.owner, &"web".parse().unwrap()).await.unwrap().is_empty());
    assert_eq!(desk.slots("web").await, []);

    // Its account is needed until the cleaner is done.
    let refused = desk.setup().remove_account(&"main".parse().unwrap()).await.unwrap_err();
    assert_eq!(refused.to_string(), "account `main` cannot be removed: backups are still to be deleted in it");
    for backup in desk.backups("web").await {
        desk.estate.store.remove(&desk.owner, backup.id).await.unwrap();
    }
    desk.setup().remove_account(&"main".parse().unwrap()).await.unwrap();
    desk.setup().remove_schedule(&"nightly".parse().unwrap()).await.unwrap();
    let again = desk.setup().remove_schedule(&"nightly".parse().unwrap()).await.unwrap_err();
    assert_eq!(again.code().name, "Input.NotFound");
}

#[tokio::test]
async fn a_policy_that_runs_stays() {
    let desk = Desk::new();
    desk.apply(&document(1), false).await.unwrap();
    desk.generations("web", 3).await;
    desk.estate.store.take(&desk.owner, &sample::lease("web", "x", 4), None).await.unwrap();
    let refused = desk.setup().remove_policy(&"web".parse().unwrap()).await.unwrap_err();
    assert_eq!(refused.to_string(), "policy `web` cannot be removed while its backup 4 runs");
    let Error::Problems(problems) = desk.apply(&Document::default(), true).await.unwrap_err() else { panic!() };
    assert_eq!(problems[0].message, "policy `web` cannot be removed while its backup 4 runs");
    assert!(desk.backups("web").await.iter().all(|backup| backup.phase == Phase::Finished));
    assert_eq!(desk.setup().policy(&"web".parse().unwrap()).await.unwrap().summary.running, Some(BackupId(4)));
}

#[tokio::test]
async fn a_backup_that_begins_meanwhile_saves_the_policy() {
    let desk = Desk::new();
    desk.apply(&document(1), false).await.unwrap();
    let (store, owner) = (desk.estate.store.beside(), desk.owner.clone());
    // Between the plan and the removal.
    desk.estate.faults.meanwhile("store:targets", move || {
        at_once(store.take(&owner, &sample::lease("web", "x", 4), None)).unwrap();
    });
    let refused = desk.setup().remove_policy(&"web".parse().unwrap()).await.unwrap_err();
    assert_eq!(refused.code().name, "Input.Conflict");
    assert!(desk.setup().policy(&"web".parse().unwrap()).await.is_ok());
}

#[tokio::test]
async fn a_removal_that_was_cut_leaves_no_backup_behind() {
    for fate in [Fate::Killed, Fate::Unanswered] {
        at_each_call(
            fate,
            async || {
                let desk = Desk::new();
                at_once(desk.estate.store.beside().change(&desk.owner, &[])).unwrap();
                let made = Desk { estate: desk.estate.beside(), ..Desk::new() };
                made.apply(&document(60), false).await.unwrap();
                made.generations("web", 5).await;
                desk
            },
            async |desk: &Desk| {
                desk.setup().remove_policy(&"web".parse().unwrap()).await.ok();
            },
            async |desk: &Desk, crash| {
                match desk.setup().remove_policy(&"web".parse().unwrap()).await {
                    Ok(_) | Err(Error::NotFound { .. }) => {}
                    Err(error) => panic!("{crash}: {error}"),
                }
                let name = "web".parse().unwrap();
                assert!(desk.estate.store.policy(&desk.owner, &name).await.unwrap().is_none(), "{crash}");
                assert!(desk.estate.store.targets(&desk.owner, &name).await.unwrap().is_empty(), "{crash}");
                assert_eq!(desk.slots("web").await, [], "{crash}");
                assert!(desk.backups("web").await.iter().all(|b| b.phase == Phase::Deleting), "{crash}");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn pruning_removes_what_people_made() {
    let desk = Desk::new();
    desk.apply(&document(1), false).await.unwrap();
    desk.generations("web", 2).await;
    let kept = desk.plan(&read(json!({"accounts": [main_account()]})), false).await;
    assert_eq!((kept.changes.len(), kept.unmanaged.len()), (0, 2));
    let applied = desk.apply(&read(json!({"accounts": [main_account()]})), true).await.unwrap();
    assert_eq!((applied.changes.len(), applied.backups), (2, 2));
    assert!(desk.setup().schedules().await.unwrap().schedules.is_empty());
}

#[tokio::test]
async fn a_cleanup_that_does_not_start_is_no_failure() {
    let desk = Desk::new();
    desk.apply(&document(1), false).await.unwrap();
    desk.generations("web", 1).await;
    desk.estate.faults.throttle_next("states:StartExecution", 100);
    let applied = desk.setup().remove_policy(&"web".parse().unwrap()).await.unwrap();
    assert_eq!((applied.backups, applied.cleanup), (1, None));
}

#[tokio::test]
async fn shows_what_needs_attention() {
    let desk = Desk::new();
    let document = read(json!({
        "accounts": [main_account()],
        "schedules": [
            nightly(),
            {"name": "over", "repeat": {"every": 1, "unit": "days"}, "start": "2025-01-01T02:00", "end": "2025-02-01T00:00"}
        ],
        "policies": [
            web(1),
            {"name": "bare", "account": "main"},
            {"name": "late", "account": "main", "schedules": ["over"],
             "targets": [{"instance": "i-1a2b3c4d", "region": "us-east-1", "option": "only-amis"}]}
        ]
    }));
    desk.apply(&document, false).await.unwrap();
    desk.generations("web", 2).await;
    let policies = desk.setup().policies().await.unwrap().policies;
    let seen: Vec<_> = policies.iter().map(|p| (p.name.as_str(), p.attention.as_slice(), p.target_count)).collect();
    assert_eq!(
        seen,
        [
            ("bare", &[Attention::NoTarget, Attention::NoSchedule][..], 0),
            ("late", &[Attention::NeverRuns], 1),
            ("web", &[], 1),
        ]
    );
    assert_eq!(policies[2].last_backup.as_ref().unwrap().id, BackupId(2));
    let schedules = desk.setup().schedules().await.unwrap().schedules;
    assert_eq!(schedules[1].warnings[0].code, "ended");
    assert_eq!(schedules[0].policies.len(), 1);
    let key = cpm_domain::target::TargetKey {
        region: "us-east-1".parse().unwrap(),
        resource: cpm_domain::target::Resource::Instance("i-1a2b3c4d".parse().unwrap()),
    };
    assert_eq!(desk.setup().policies_with(&key).await.unwrap().policies.len(), 1);
    assert_eq!(desk.setup().accounts().await.unwrap().accounts[0].policies.len(), 3);
}

#[tokio::test]
async fn a_write_that_loses_its_race_is_reported() {
    let desk = Desk::new();
    let store = desk.estate.store.beside();
    let owner = desk.owner.clone();
    desk.estate.faults.meanwhile("store:change", move || {
        let change = cpm_ports::PolicyChange::CreatePolicy(sample::policy("web"));
        at_once(store.change(&owner, &[(change, sample::event("policy.create"))])).unwrap();
    });
    let refused = desk.apply(&document(1), false).await.unwrap_err();
    assert_eq!(refused.code().name, "Store.LostRace");
    // Somebody made a policy of that name: the file goes over it, seen and in the open.
    assert!(
        desk.plan(&document(1), false).await.changes.iter().any(|change| change.action == change::Action::Update)
    );
}

#[tokio::test]
async fn drills_have_a_slot_of_their_own_and_figures() {
    let estate = Estate::new();
    let (owner, actor, zone) = (sample::root(), Actor::Caller("jo".into()), Zone::utc());
    let setup = Setup {
        store: &estate.store,
        executions: &estate.executions,
        clock: &estate.clock,
        owner: &owner,
        actor: &actor,
        default_zone: &zone,
    };
    let apply = async |drill: serde_json::Value| {
        let document = serde_json::from_value(serde_json::json!({
            "accounts": [{"name": "main", "role": "own"}],
            "schedules": [{"name": "nightly", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00"}],
            "policies": [{"name": "web", "account": "main", "schedules": ["nightly"], "drill": drill}]}))
        .unwrap();
        setup.apply(&ApplyRequest { document, prune: false, revision: None }).await.unwrap()
    };
    let web = "web".parse().unwrap();
    let slot = async || estate.beside().store.drill_slot(&owner, &web).await.unwrap();
    apply(serde_json::json!({"schedule": "nightly", "quarantine": {}})).await;
    let next: jiff::Timestamp = "2026-01-01T02:00:00Z".parse().unwrap();
    assert_eq!(slot().await, Some(("nightly".parse().unwrap(), Some(next))));
    assert_eq!(estate.beside().store.slots(&owner, &web).await.unwrap().len(), 1, "beside the one of its backups");
    let view = setup.policy(&web).await.unwrap();
    assert_eq!(view.readiness.next_drill, Some(next));
    assert_eq!((view.readiness.last_drill, view.readiness.rto), (None, None));
    let again = apply(serde_json::json!({"schedule": "nightly", "quarantine": {}})).await;
    assert_eq!(again.changes, [], "an export can be applied");
    assert_eq!(
        setup.export().await.unwrap().policies[0].drill.as_ref().unwrap().schedule.as_ref().unwrap().as_str(),
        "nightly"
    );
    let changed = apply(serde_json::json!({"quarantine": {"zone": "us-east-1a"}})).await;
    let fields: Vec<&str> = changed.changes[0].fields.iter().map(|field| field.field.as_str()).collect();
    assert_eq!(fields, ["drill.schedule", "drill.quarantine.zone"]);
    assert_eq!(slot().await, None, "it runs when it is asked for");
    apply(serde_json::json!({"schedule": "nightly", "quarantine": {}})).await;
    setup.enable(&web, false).await.unwrap();
    assert_eq!(slot().await, None, "a disabled policy does nothing by itself");
    let store = estate.beside().store;
    let drill = |id: u64, state| cpm_domain::drill::Drill {
        state,
        version: 0,
        targets: vec![],
        ..cpm_fakes::store_suite::samples::drill(id, "web")
    };
    store.put_drill(&owner, &drill(1, cpm_domain::drill::State::Succeeded)).await.unwrap();
    store.put_drill(&owner, &drill(2, cpm_domain::drill::State::Failed)).await.unwrap();
    let readiness = setup.policy(&web).await.unwrap().readiness;
    assert_eq!(readiness.last_drill.unwrap().id.to_string(), "d2");
    assert_eq!(readiness.rpo, Some(1), "of the newest that succeeded");
}
