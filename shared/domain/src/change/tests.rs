use jiff::Timestamp;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{
    document::Document,
    policy::Origin,
    schedule::Zone,
    target::{PutBy, Resource},
};

fn context(prune: bool) -> Context {
    Context { prune, now: "2026-02-01T00:00:00Z".parse().unwrap(), default_zone: "Europe/Berlin".parse().unwrap() }
}

fn read(value: Value) -> Document {
    serde_json::from_value(value).unwrap()
}

fn base() -> Value {
    json!({
        "accounts": [{"name": "main", "role": "own"}],
        "schedules": [{"name": "nightly", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00"}],
        "policies": [{"name": "web", "account": "main", "schedules": ["nightly"], "targets": [
            {"instance": "i-0123456789abcdef0", "region": "us-east-1"},
            {"volume": "vol-0123456789abcdef1", "region": "eu-west-1"}
        ]}]
    })
}

fn edit(path: &str, value: Value) -> Document {
    let mut document = base();
    *document.pointer_mut(path).unwrap() = value;
    read(document)
}

/// What is deployed after a plan.
fn applied(state: &State, plan: &Plan) -> State {
    assert_eq!(plan.problems, []);
    for step in &plan.steps {
        if let Operation::CreatePolicy(policy) = &step.operation {
            assert!(state.policy(&policy.name).is_none(), "made twice");
        }
    }
    state.after(plan)
}

fn deployed() -> State {
    applied(&State::default(), &plan(&State::default(), &read(base()), &context(false)))
}

fn tagged(id: &str) -> Target {
    Target::new(Resource::of_kinds(crate::kind::Kind::ALL, id).unwrap(), "us-east-1".parse().unwrap(), PutBy::Tag)
}

fn words(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| {
            let Change { action, kind, name, fields, .. } = &step.change;
            let fields: Vec<String> = fields
                .iter()
                .map(|f| {
                    format!(" {}:{}>{}", f.field, f.from.as_deref().unwrap_or(""), f.to.as_deref().unwrap_or(""))
                })
                .collect();
            format!("{} {} {name}{}", action.as_str(), kind.as_str(), fields.concat())
        })
        .collect()
}

#[test]
fn makes_everything_in_order() {
    let plan = plan(&State::default(), &read(base()), &context(false));
    // In a workspace some crate keeps the order of JSON's fields, alone this one does not.
    let mut settings = insta::Settings::clone_current();
    settings.set_sort_maps(true);
    let _sorted = settings.bind_to_scope();
    insta::assert_json_snapshot!(json!({
        "changes": plan.steps.iter().map(|s| &s.change).collect::<Vec<_>>(),
        "protection": plan.protection,
    }));
}

#[test]
fn a_second_time_changes_nothing() {
    let again = plan(&deployed(), &read(base()), &context(true));
    assert_eq!(again, Plan::default());
}

#[rstest]
#[case("/policies/0/generations", json!(5), "update policy web generations:30>5")]
#[case("/policies/0/enabled", json!(false), "update policy web enabled:true>false")]
#[case("/policies/0/description", json!("x"), "update policy web description:>x")]
#[case("/policies/0/auto_target_removal", json!(true), "update policy web auto_target_removal:no>yes")]
#[case("/policies/0/success", json!("snapshots"), "update policy web success:no-issues>snapshots")]
#[case("/policies/0/retry", json!({"count": 1}), "update policy web retry.count:3>1")]
#[case("/policies/0/retry", json!({"wait": "1h"}), "update policy web retry.wait:10m>1h")]
#[case("/policies/0/schedules", json!([]), "update policy web schedules:nightly>")]
#[case("/policies/0/targets/0/app_aware", json!(true), "update target instance i-0123456789abcdef0 in us-east-1 app_aware:>true")]
#[case("/policies/0/targets/0/option", json!("only-amis"), "update target instance i-0123456789abcdef0 in us-east-1 option:>only-amis")]
#[case("/policies/0/targets/0/volumes", json!({"include": ["vol-1a2b3c4d"]}), "update target instance i-0123456789abcdef0 in us-east-1 volumes:>include vol-1a2b3c4d")]
#[case("/policies/0/targets/0/volumes", json!({"exclude": ["vol-1a2b3c4d"]}), "update target instance i-0123456789abcdef0 in us-east-1 volumes:>exclude vol-1a2b3c4d")]
#[case("/schedules/0/repeat/every", json!(2), "update schedule nightly repeat:every day>every 2 days")]
#[case("/schedules/0/start", json!("2026-01-01T03:00"), "update schedule nightly start:2026-01-01T02:00>2026-01-01T03:00")]
#[case("/schedules/0/end", json!("2027-01-01T03:00"), "update schedule nightly end:>2027-01-01T03:00")]
#[case("/schedules/0/timezone", json!("UTC"), "update schedule nightly timezone:Europe/Berlin>UTC")]
#[case("/schedules/0/weekdays", json!(["mon", "tue"]), "update schedule nightly weekdays:>mon, tue")]
#[case("/schedules/0/disabled", json!([{"day": "every", "from": "18:00", "to": "06:00"}]), "update schedule nightly disabled:>every 18:00-06:00")]
#[case("/accounts/0/scan", json!({"enabled": true}), "update account main scan.enabled:false>true")]
#[case("/accounts/0/scan", json!({"regions": ["us-east-1"]}), "update account main scan.regions:>us-east-1")]
#[case("/settings", json!({"record_days": 9}), "update settings settings record_days:0>9")]
#[case("/settings", json!({"initial_ami_rotation_days": 0}), "update settings settings initial_ami_rotation_days:90>0")]
#[case("/policies/0/vss", json!("aws"), "update policy web vss:>aws")]
#[case("/policies/0/max_frozen", json!("10s"), "update policy web max_frozen:>10s")]
#[case("/policies/0/recovery", json!({"approval": true}), "update policy web recovery.approval:>true")]
#[case("/policies/0/scripts", json!({"timeout": "1m"}), "update policy web scripts.timeout:>1m")]
#[case("/policies/0/scripts", json!({"collect_output": true}), "update policy web scripts.collect_output:>true")]
#[case("/policies/0/scripts", json!({"before": {"ssm": {"each_target": true, "shell": "flush"}}}), "update policy web scripts.before:>shell `flush` on each target")]
#[case("/policies/0/targets/0/app_aware", json!({"volumes": ["d:"]}), "update target instance i-0123456789abcdef0 in us-east-1 app_aware:>volumes d:")]
fn a_changed_field_is_one_change(#[case] path: &str, #[case] value: Value, #[case] expected: &str) {
    let mut document = base();
    let (parent, field) = path.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[field] = value;
    let plan = plan(&deployed(), &read(document), &context(false));
    assert_eq!(words(&plan), [expected]);
}

#[test]
fn a_changed_text_of_a_script_is_a_change() {
    let scripts = |text: &str| {
        let script = json!({"ssm": {"instance": "i-1a2b3c4d", "region": "us-east-1", "shell": text}});
        let scripts = json!({"enabled": true, "before": script, "after": script, "complete": script});
        let mut document = base();
        document["policies"][0]["scripts"] = scripts;
        document
    };
    let first = plan(&deployed(), &read(scripts("sync\nexit 0\n")), &context(false));
    let state = applied(&deployed(), &first);
    let again = plan(&state, &read(scripts("sync\nexit 0\n")), &context(false));
    assert!(again.is_empty());
    let other = plan(&state, &read(scripts("sync\nexit 1\n")), &context(false));
    let fields: Vec<&str> = other.steps[0].change.fields.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["scripts.before", "scripts.after", "scripts.complete"]);
    let wanted = read(scripts("sync\nexit 1\n")).policies[0].scripts.to_scripts().unwrap();
    assert_eq!(applied(&state, &other).policies[0].policy.scripts, wanted);
}

#[test]
fn points_out_scripts_that_run_nowhere() {
    let script = json!({"ssm": {"each_target": true, "shell": "sync"}});
    let scripts = json!({"enabled": true, "before": script, "after": script, "complete": script});
    let mut document = base();
    document["policies"][0]["scripts"] = scripts;
    assert_eq!(plan(&deployed(), &read(document.clone()), &context(false)).warnings, []);
    document["policies"][0]["targets"] = json!([{"volume": "vol-1a2b3c4d", "region": "us-east-1"}]);
    let plan = plan(&deployed(), &read(document), &context(false));
    assert_eq!(plan.warnings[0].path, "policies[0].scripts");
}

#[test]
fn the_order_of_names_is_no_change() {
    let mut document = base();
    document["schedules"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "weekly", "repeat": {"every": 1, "unit": "weeks"}, "start": "2026-01-01T02:00"}));
    document["policies"][0]["schedules"] = json!(["nightly", "weekly"]);
    let first = read(document.clone());
    let state = applied(&State::default(), &plan(&State::default(), &first, &context(false)));
    document["policies"][0]["schedules"] = json!(["weekly", "nightly"]);
    assert!(plan(&state, &read(document), &context(false)).is_empty());
}

#[test]
fn a_schedule_keeps_the_zone_it_was_made_in() {
    let later = Context { default_zone: Zone::utc(), ..context(false) };
    assert!(plan(&deployed(), &read(base()), &later).is_empty());
}

#[test]
fn what_is_in_no_file_stays_and_is_named() {
    let plan = plan(&deployed(), &Document::default(), &context(false));
    assert!(plan.is_empty());
    let names: Vec<_> = plan.unmanaged.iter().map(|u| (u.kind.as_str(), u.name.as_str())).collect();
    assert_eq!(names, [("policy", "web"), ("schedule", "nightly"), ("account", "main")]);
}

#[test]
fn pruning_removes_it_and_says_what_is_lost() {
    let state = State { backups: [("web".parse().unwrap(), 12)].into(), ..deployed() };
    let pruned = plan(&state, &Document::default(), &context(true));
    assert_eq!(words(&pruned), ["delete policy web", "delete schedule nightly"]);
    assert_eq!(pruned.steps[0].change.note.as_deref(), Some("its 12 backups are deleted with all their snapshots"));
    assert_eq!(pruned.protection.loses.len(), 2);
    assert_eq!(
        pruned.unmanaged[0].reason,
        "the backups of its policies are deleted first: prune again after the cleanup"
    );

    let without_backups = plan(&deployed(), &Document::default(), &context(true));
    assert_eq!(words(&without_backups), ["delete policy web", "delete schedule nightly", "delete account main"]);
}

fn frozen(backup: u64, policy: &str) -> freezer::Entry {
    freezer::Entry {
        backup: BackupId(backup),
        policy: policy.parse().unwrap(),
        account: "main".parse().unwrap(),
        started: context(false).now,
        frozen: freezer::Frozen {
            name: format!("Good {backup}").parse().unwrap(),
            description: None,
            time: context(false).now,
        },
    }
}

#[test]
fn what_is_frozen_outlives_its_policy_and_holds_its_account() {
    let state = State {
        backups: [("web".parse().unwrap(), 1)].into(),
        frozen: vec![frozen(3, "web"), frozen(4, "web"), frozen(5, "gone")],
        ..deployed()
    };
    let pruned = plan(&state, &Document::default(), &context(true));
    assert_eq!(words(&pruned), ["delete policy web", "delete schedule nightly"]);
    assert_eq!(
        pruned.steps[0].change.note.as_deref(),
        Some("its backup is deleted with all its snapshots; its 2 backups in the freezer stay")
    );
    assert_eq!(pruned.unmanaged[0].reason, "backup 3 is in it, frozen as `Good 3`");

    // Only the freezer is left of the policy.
    let after = State { frozen: vec![frozen(3, "web")], ..state.after(&pruned) };
    let refused = remove_account(&after, &"main".parse().unwrap(), &context(false));
    assert_eq!(
        refused.problems[0].message,
        "account `main` cannot be removed: backup 3 is in it, frozen as `Good 3`"
    );
    let another = read(json!({"accounts": [{"name": "main", "role": {"account": "111122223333", "name": "x"}}]}));
    let moved = plan(&after, &another, &context(false));
    assert!(moved.problems[0].message.ends_with("backup 3, in the freezer as `Good 3`, is there"), "{moved:?}");

    let free = State { frozen: vec![], ..after };
    assert_eq!(words(&remove_account(&free, &"main".parse().unwrap(), &context(false))), ["delete account main"]);
}

#[test]
fn pruning_leaves_what_tags_made_and_what_it_rests_on() {
    let mut state = deployed();
    state.policies[0].policy.origin = Origin::TagScan { template: "gold".parse().unwrap() };
    let plan = plan(&state, &Document::default(), &context(true));
    assert!(plan.is_empty());
    let reasons: Vec<_> = plan.unmanaged.iter().map(|u| u.reason.as_str()).collect();
    assert_eq!(reasons, ["made by a tag scan", "policy `web` uses it", "policy `web`, made by a tag scan, is in it"]);
}

#[test]
fn pruning_what_a_file_rests_on_is_a_problem() {
    let only_policies = read(json!({"policies": base()["policies"]}));
    assert!(plan(&deployed(), &only_policies, &context(false)).is_empty());
    let plan = plan(&deployed(), &only_policies, &context(true));
    let paths: Vec<_> = plan.problems.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["policies[0].schedules[0]", "policies[0].account"]);
}

#[test]
fn a_policy_that_runs_is_not_pruned() {
    let state = State { running: [("web".parse().unwrap(), BackupId(17))].into(), ..deployed() };
    let plan = plan(&state, &Document::default(), &context(true));
    assert!(plan.is_empty());
    assert_eq!(plan.problems[0].message, "policy `web` cannot be removed while its backup 17 runs");
}

#[test]
fn a_policys_account_never_changes() {
    let mut document = base();
    document["accounts"].as_array_mut().unwrap().push(json!({"name": "other", "role": "own"}));
    document["policies"][0]["account"] = json!("other");
    let plan = plan(&deployed(), &read(document), &context(false));
    assert_eq!(plan.problems[0].path, "policies[0].account");
    assert_eq!(plan.problems[0].message, "policy `web` is in account `main`, and a policy's account never changes");
}

#[rstest]
#[case("/policies/0/account", json!("mian"), "there is no account `mian`", "add it to the files: there is `main`")]
#[case("/policies/0/schedules", json!(["daily"]), "there is no schedule `daily`", "add it to the files: there is `nightly`")]
#[case("/accounts/0/type", json!("dr"), "account `main` holds copies for disaster recovery, and no policies", "name an account of type backup")]
fn what_it_rests_on_must_be_there(
    #[case] path: &str,
    #[case] value: Value,
    #[case] message: &str,
    #[case] help: &str,
) {
    let mut document = base();
    let (parent, field) = path.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[field] = value;
    let plan = plan(&State::default(), &read(document), &context(false));
    assert_eq!((plan.problems[0].message.as_str(), plan.problems[0].help.as_str()), (message, help));
}

#[test]
fn an_account_in_use_keeps_its_number() {
    let role = json!({"account": "111122223333", "name": "cpm-backup"});
    let plan = plan(&deployed(), &edit("/accounts/0/role", role), &context(false));
    assert_eq!(plan.problems[0].path, "accounts[0].role");
}

#[test]
fn a_document_with_problems_plans_nothing() {
    let plan = plan(
        &State::default(),
        &read(json!({"policies": [{"name": "w", "account": "m", "generations": 0}]})),
        &context(false),
    );
    assert!(plan.is_empty() && plan.problems.len() == 1);
}

#[test]
fn what_tags_put_in_stays_until_a_file_names_it() {
    let mut state = deployed();
    state.policies[0].targets.push(tagged("i-1a2b3c4d"));
    assert!(plan(&state, &read(base()), &context(true)).is_empty());

    let mut document = base();
    document["policies"][0]["targets"]
        .as_array_mut()
        .unwrap()
        .push(json!({"instance": "i-1a2b3c4d", "region": "us-east-1"}));
    let taken = plan(&state, &read(document), &context(false));
    assert_eq!(words(&taken), ["update target instance i-1a2b3c4d in us-east-1 put_by:tag>"]);

    assert_eq!(Document::from_state(&state).policies[0].targets.len(), 2, "tags' targets are not exported");
}

#[test]
fn a_file_takes_a_policy_over_that_a_tag_made() {
    let mut state = deployed();
    state.policies[0].policy.origin = Origin::TagScan { template: "gold".parse().unwrap() };
    assert_eq!(Document::from_state(&state).policies, []);
    let taken = plan(&state, &read(base()), &context(false));
    assert_eq!(words(&taken), ["update policy web template:gold>"]);
}

#[test]
fn disabling_loses_protection_and_another_policy_keeps_it() {
    let off = plan(
        &deployed(),
        &edit(
            "/policies/0",
            json!({"name": "web", "account": "main", "enabled": false, "schedules": ["nightly"],
        "targets": base()["policies"][0]["targets"]}),
        ),
        &context(false),
    );
    assert_eq!(off.protection.loses.len(), 2);

    let mut two = base();
    let mut second = two["policies"][0].clone();
    second["name"] = json!("web2");
    two["policies"][0]["enabled"] = json!(false);
    two["policies"].as_array_mut().unwrap().push(second);
    let plan = plan(&deployed(), &read(two), &context(false));
    assert_eq!(plan.protection, Protection::default());
}

#[test]
fn a_schedule_that_is_over_protects_nothing() {
    let mut document = base();
    document["schedules"][0]["end"] = json!("2026-01-15T00:00");
    let plan = plan(&deployed(), &read(document), &context(false));
    assert_eq!(plan.protection.loses.len(), 2);
    assert_eq!(plan.warnings[0].path, "schedules[0]");
}

#[test]
fn points_out_what_will_back_up_nothing() {
    let document = read(json!({"accounts": base()["accounts"], "policies": [{"name": "web", "account": "main"}]}));
    let plan = plan(&State::default(), &document, &context(false));
    let messages: Vec<_> = plan.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "policy `web` has no target: it backs nothing up",
            "policy `web` has no schedule: it runs only when asked to"
        ]
    );
}

#[test]
fn single_removals_heed_what_rests_on_them() {
    let (state, context) = (deployed(), context(false));
    let schedule = remove_schedule(&state, &"nightly".parse().unwrap(), &context);
    assert_eq!(schedule.problems[0].message, "schedule `nightly` cannot be removed: policy `web` uses it");
    let account = remove_account(&state, &"main".parse().unwrap(), &context);
    assert_eq!(account.problems[0].message, "account `main` cannot be removed: policy `web` is in it");
    let policy = remove_policy(&state, &"web".parse().unwrap(), &context);
    assert_eq!(words(&policy), ["delete policy web"]);
    let after = applied(&state, &policy);
    assert_eq!(words(&remove_schedule(&after, &"nightly".parse().unwrap(), &context)), ["delete schedule nightly"]);
    let deleting = State { deleting: ["main".parse().unwrap()].into(), ..after.clone() };
    assert_eq!(remove_account(&deleting, &"main".parse().unwrap(), &context).problems.len(), 1);
    assert_eq!(words(&remove_account(&after, &"main".parse().unwrap(), &context)), ["delete account main"]);
    assert!(remove_policy(&after, &"web".parse().unwrap(), &context).is_empty());
}

#[test]
fn enabling_twice_is_once() {
    let (state, context) = (deployed(), context(false));
    let name = "web".parse().unwrap();
    assert!(enable_policy(&state, &name, true, &context).is_empty());
    let off = enable_policy(&state, &name, false, &context);
    assert_eq!(words(&off), ["update policy web enabled:true>false"]);
    assert_eq!(off.protection.loses.len(), 2);
}

fn documents() -> impl Strategy<Value = Document> {
    let zones = prop::sample::select(vec![None, Some("UTC"), Some("Asia/Tokyo")]);
    let schedule = ("[ab]", 1u32..4, zones).prop_map(|(name, every, zone)| {
        json!({"name": name, "repeat": {"every": every, "unit": "hours"}, "start": "2026-01-01T02:00", "timezone": zone})
    });
    let target = (0u32..4, any::<bool>(), any::<bool>()).prop_map(|(n, instance, region)| {
        let region = if region { "us-east-1" } else { "eu-west-1" };
        if instance {
            json!({"instance": format!("i-0000000{n}"), "region": region, "app_aware": n == 1})
        } else {
            json!({"volume": format!("vol-0000000{n}"), "region": region})
        }
    });
    let policy = ("[pqr]", 1u32..4, any::<bool>(), prop::collection::vec(target, 0..4), any::<bool>()).prop_map(
        |(name, generations, enabled, targets, scheduled)| {
            let schedules = if scheduled { json!(["a"]) } else { json!([]) };
            json!({"name": name, "account": "main", "generations": generations, "enabled": enabled,
                   "schedules": schedules, "targets": targets})
        },
    );
    (prop::collection::vec(schedule, 0..3), prop::collection::vec(policy, 0..4))
        .prop_map(|(mut schedules, policies)| {
            schedules.push(json!({"name": "a", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00"}));
            read(json!({"accounts": [{"name": "main", "role": "own"}], "schedules": schedules, "policies": policies}))
        })
        .prop_filter("names and targets once", |document| document.check().is_empty())
}

proptest! {
    #[test]
    fn after_a_plan_the_plan_is_empty(first in documents(), second in documents(), prune in any::<bool>()) {
        let state = applied(&State::default(), &plan(&State::default(), &first, &context(prune)));
        let state = applied(&state, &plan(&state, &second, &context(prune)));
        let rest = plan(&state, &second, &context(prune));
        prop_assert!(rest.is_empty());
        prop_assert_eq!(rest.protection, Protection::default());
    }

    #[test]
    fn an_export_is_complete_and_in_one_order(first in documents(), second in documents()) {
        let state = applied(&State::default(), &plan(&State::default(), &first, &context(false)));
        let state = applied(&state, &plan(&state, &second, &context(false)));
        let export = Document::from_state(&state);
        prop_assert!(plan(&state, &export, &context(true)).is_empty());
        let copy = applied(&State::default(), &plan(&State::default(), &export, &context(true)));
        prop_assert_eq!(Document::from_state(&copy), export);
    }

    #[test]
    fn gains_and_losses_are_two_sides(first in documents(), second in documents()) {
        let a = applied(&State::default(), &plan(&State::default(), &first, &context(true)));
        let forth = plan(&a, &second, &context(true));
        let b = applied(&a, &forth);
        let back = plan(&b, &first, &context(true));
        prop_assert_eq!(forth.protection.gains, back.protection.loses);
        prop_assert_eq!(forth.protection.loses, back.protection.gains);
    }
}

#[test]
fn the_plan_is_made_for_its_moment() {
    let early = Context { now: Timestamp::UNIX_EPOCH, ..context(false) };
    assert!(plan(&deployed(), &read(base()), &early).is_empty());
}
