use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::policy::{Origin, Wait};

/// The example that scripts rely on.
pub(crate) fn example() -> Value {
    json!({
        "accounts": [
            {"name": "main", "type": "backup", "role": "own",
             "scan": {"enabled": true, "regions": ["us-east-1", "eu-west-1"]}},
            {"name": "prod", "type": "backup",
             "role": {"account": "111122223333", "name": "cpm-backup", "external_id": "x7"}, "scan": {"enabled": false}}
        ],
        "schedules": [{
            "name": "nightly", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00",
            "timezone": "Europe/Berlin", "end": "2027-01-01T00:00", "weekdays": ["mon", "tue", "wed", "thu", "fri"],
            "disabled": [{"day": "tue", "from": "13:00", "to": "15:00"}, {"day": "every", "from": "18:00", "to": "06:00"}]
        }],
        "policies": [{
            "name": "web", "description": "front ends", "account": "main", "enabled": true, "generations": 30,
            "schedules": ["nightly"], "auto_target_removal": "yes-and-alert", "success": "no-issues",
            "retry": {"count": 3, "wait": "10m"},
            "scripts": {
                "enabled": true, "timeout": "1m", "collect_output": true,
                "before": {"ssm": {"instance": "i-0123456789abcdef0", "region": "us-east-1", "shell": "flush.sh"}},
                "after": {"ssm": {"each_target": true, "document": "thaw-db"}},
                "complete": {"lambda": "arn:aws:lambda:us-east-1:111122223333:function:truncate-logs"}
            },
            "vss": "aws", "max_frozen": "10s", "recovery": {"approval": true},
            "targets": [
                {"instance": "i-0123456789abcdef0", "region": "us-east-1",
                 "volumes": {"exclude": ["vol-0123456789abcdef0"]}, "option": "only-snaps",
                 "app_aware": {"volumes": ["d:", "e:"], "exclude_writers": ["{4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f}"]}},
                {"volume": "vol-0123456789abcdef1", "region": "eu-west-1"}
            ]
        }]
    })
}

fn read(value: Value) -> Document {
    serde_json::from_value(value).unwrap()
}

fn policy(value: &Value) -> Value {
    let mut policy = json!({"name": "web", "account": "main"});
    policy.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
    json!({"policies": [policy]})
}

#[test]
fn the_example_is_right_and_reads_back() {
    let document = read(example());
    assert_eq!(document.check(), []);
    assert_eq!(read(serde_json::to_value(&document).unwrap()), document);
}

#[test]
fn what_is_left_out_has_its_default() {
    let document = read(policy(&json!({})));
    let policy = &document.policies[0];
    assert!(policy.enabled && policy.targets.is_empty() && policy.schedules.is_empty());
    assert_eq!(policy.generations, 30);
    assert_eq!(policy.auto_target_removal, AutoTargetRemoval::No);
    assert_eq!(policy.success, SuccessRule::NoIssues);
    assert_eq!(policy.retry, RetryRule { count: 3, wait: Wait::from_seconds(600) });
    assert_eq!((policy.vss, policy.max_frozen, policy.recovery.approval), (Vss::Diskshadow, None, false));
    assert!(policy.scripts.is_default());
}

#[rstest]
#[case(json!(false), AutoTargetRemoval::No)]
#[case(json!(true), AutoTargetRemoval::Yes)]
#[case(json!("no"), AutoTargetRemoval::No)]
#[case(json!("yes"), AutoTargetRemoval::Yes)]
#[case(json!("yes-and-alert"), AutoTargetRemoval::YesAndAlert)]
fn no_and_yes_are_words_or_booleans(#[case] value: Value, #[case] removal: AutoTargetRemoval) {
    assert_eq!(read(policy(&json!({"auto_target_removal": value}))).policies[0].auto_target_removal, removal);
}

#[rstest]
#[case(json!({"policy": []}), "unknown field `policy`")]
#[case(policy(&json!({"generation": 3})), "unknown field `generation`")]
#[case(policy(&json!({"retry": {"count": 3, "wai": "10m"}})), "unknown field `wai`")]
#[case(policy(&json!({"targets": [{"instance": "i-1a2b3c4d", "regoin": "us-east-1"}]})), "unknown field `regoin`")]
#[case(policy(&json!({"targets": [{"instance": "vol-1a2b3c4d", "region": "us-east-1"}]})), "is not the id of an instance")]
#[case(policy(&json!({"targets": [{"volume": "vol-1a2b3c4d"}]})), "missing field `region`")]
#[case(policy(&json!({"targets": [{"instance": "i-1a2b3c4d", "region": "us-east-1", "volumes": {"only": []}}]})), "unknown variant `only`")]
#[case(policy(&json!({"auto_target_removal": "maybe"})), "unknown variant `maybe`, expected one of `no`, `yes`, `yes-and-alert`")]
#[case(policy(&json!({"auto_target_removal": 1})), "expected `no`, `yes` or `yes-and-alert`")]
#[case(policy(&json!({"retry": {"wait": "10"}})), "`10` is not a wait of whole seconds")]
#[case(json!({"policies": [{"name": "web"}]}), "missing field `account`")]
#[case(json!({"policies": [{"name": "a b", "account": "main"}]}), "a name is made of letters")]
#[case(json!({"accounts": [{"name": "main"}]}), "missing field `role`")]
#[case(json!({"settings": {"days": 1}}), "unknown field `days`")]
#[case(policy(&json!({"scripts": {"befor": {}}})), "unknown field `befor`")]
#[case(policy(&json!({"vss": "agent"})), "unknown variant `agent`, expected `diskshadow` or `aws`")]
#[case(policy(&json!({"targets": [{"instance": "i-1a2b3c4d", "region": "us-east-1", "app_aware": {"volumes": ["d"]}}]})), "`d` is not a drive letter")]
fn refuses_what_is_malformed(#[case] value: Value, #[case] message: &str) {
    let error = serde_json::from_value::<Document>(value).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
}

#[test]
fn finds_everything_at_once_with_its_place() {
    let document = read(json!({
        "accounts": [
            {"name": "main", "role": "own", "scan": {"enabled": true, "regions": []}},
            {"name": "main", "role": {"account": "111122223333", "name": "arn:aws:iam::111122223333:role/x"}}
        ],
        "schedules": [
            {"name": "nightly", "repeat": {"every": 0, "unit": "days"}, "start": "2026-01-01T02:00"},
            {"name": "late", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00", "end": "2025-01-01T00:00"},
            {"name": "", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00"},
            {"name": "odd", "repeat": {"every": 1, "unit": "days"}, "start": "2026-01-01T02:00",
             "disabled": [{"day": "tue", "from": "13:00", "to": "13:00"}]}
        ],
        "policies": [
            {"name": "web", "account": "main", "generations": 0},
            {"name": "db", "account": "main", "retry": {"count": 21}},
            {"name": "app", "account": "main", "max_frozen": "0s", "scripts": {
                "enabled": true, "timeout": "2h",
                "before": {"ssm": {"each_target": true, "shell": "a\nCPM_SCRIPT\n"}},
                "after": {"ssm": {"instance": "i-1a2b3c4d", "document": "thaw-db"}}
            }, "targets": [{"region": "us-east-1", "instance": "i-1a2b3c4d", "app_aware": {
                "exclude_writers": ["all"], "verify_writers": ["{4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f}"]}}]},
            {"name": "db", "account": "main", "schedules": ["nightly", "nightly"], "targets": [
                {"region": "us-east-1"},
                {"region": "us-east-1", "instance": "i-1a2b3c4d", "volume": "vol-1a2b3c4d"},
                {"region": "us-east-1", "volume": "vol-1a2b3c4d", "option": "only-amis"},
                {"region": "us-east-1", "instance": "i-1a2b3c4d", "volumes": {"include": []}},
                {"region": "us-east-1", "instance": "i-1a2b3c4d", "option": "app-aware"},
                {"region": "us-east-1", "instance": "i-1a2b3c4d"},
                {"region": "eu-west-1", "instance": "i-1a2b3c4d"},
                {"region": "us-east-1", "instance": "i-1a2b3c4d"}
            ]}
        ]
    }));
    let found: Vec<String> = document.check().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn settings_have_their_defaults() {
    let settings = |value: Value| read(json!({"settings": value})).settings.unwrap();
    assert_eq!(settings(json!({})), Settings::default());
    assert_eq!(settings(json!({})).initial_ami_rotation_days, 90);
    assert_eq!(settings(json!({"initial_ami_rotation_days": 0})).initial_ami_rotation_days, 0);
}

#[test]
fn a_policy_made_of_a_template_takes_its_scripts() {
    let template = read(example()).policies[0].to_policy(Origin::Person, jiff::Timestamp::UNIX_EPOCH);
    let made = template.from_template("made".parse().unwrap(), template.account.clone(), jiff::Timestamp::UNIX_EPOCH);
    assert!(made.scripts.enabled);
    assert_eq!((&made.scripts, made.vss, made.max_frozen), (&template.scripts, Vss::Aws, template.max_frozen));
    let stored: crate::policy::Policy = serde_json::from_value(serde_json::to_value(&made).unwrap()).unwrap();
    assert_eq!(stored, made);
}

#[test]
fn a_place_of_several_files_is_found_again() {
    let settings = |days: u32| json!({"settings": {"record_days": days}});
    let merged = Document::merge([read(policy(&json!({}))), read(settings(1)), read(example()), read(settings(2))]);
    let place = |path: &str| merged.locate(path).map(|place| (place.part, place.path));
    assert_eq!(place("policies[0].name"), Some((0, "policies[0].name".into())));
    assert_eq!(place("policies[1].targets[0]"), Some((2, "policies[0].targets[0]".into())));
    assert_eq!(place("accounts[1]"), Some((2, "accounts[1]".into())));
    assert_eq!(place("settings.record_days"), Some((3, "settings.record_days".into())));
    assert_eq!(place("policies[2]"), None);
    assert_eq!(place(""), None);
    assert_eq!(merged.problems.len(), 1);
    assert_eq!(merged.document.check()[0].path, "policies[1].name", "the name is in both files");
}
