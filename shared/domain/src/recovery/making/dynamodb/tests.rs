use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    kind::Kind,
    origin::{Origin, TableOrigin},
    recovery::{
        facts::{Facts, Question},
        making::{
            Subject,
            managed::sample::{KEY, lines, made, plan, problem, problems, subject, table},
        },
    },
};

fn was(change: impl Fn(&mut TableOrigin)) -> Subject {
    let mut origin = table();
    change(&mut origin);
    Subject { origin: Some(Origin::Dynamodb(Box::new(origin))), ..subject(Kind::Dynamodb) }
}

#[test]
fn the_plan_that_is_printed() {
    insta::assert_json_snapshot!(plan(&subject(Kind::Dynamodb), &json!({})));
}

#[test]
fn the_calls() {
    insta::assert_json_snapshot!(made(&subject(Kind::Dynamodb), &json!({"name": "sessions-test"})));
}

/// A restored table has no tags, not even the suite's: it is tagged in any case.
#[test]
fn a_table_without_tags_is_tagged_all_the_same() {
    let works = made(&subject(Kind::Dynamodb), &json!({"tags": {}, "deletion_protection": false}));
    assert_eq!(lines(&works), ["1 [] restore-table", "2 [1] tag-table"]);
}

#[rstest]
#[case(json!({"name": "no"}), Some("dynamodb.name: `no` cannot be the name of a DynamoDB table (write 3 to 255 letters"))]
#[case(json!({"name": "a b"}), Some("dynamodb.name: `a b`"))]
#[case(json!({"name": "a_b.C-d"}), None)]
#[case(json!({"billing": "FREE"}), Some("dynamodb.billing: `FREE` is no way to pay"))]
#[case(json!({"billing": "PAY_PER_REQUEST"}), None)]
#[case(json!({"billing": "PAY_PER_REQUEST", "read_units": 5}), Some("dynamodb.read_units: only a provisioned table"))]
#[case(json!({"read_units": 0}), Some("dynamodb.read_units: 0 units a second are none"))]
#[case(json!({"kms_key": ""}), None)]
fn fields(#[case] wanted: Value, #[case] words: Option<&str>) {
    match words {
        None => assert_eq!(problems(&subject(Kind::Dynamodb), &wanted, |_| {}), Vec::<String>::new()),
        Some(words) => {
            let problem = problem(&subject(Kind::Dynamodb), &wanted, |_| {});
            assert!(problem.contains(words), "{problem}");
        }
    }
}

#[test]
fn a_table_that_was_on_demand_needs_units_to_be_provisioned() {
    let subject = was(|origin| {
        (origin.billing, origin.read_units, origin.write_units) = (Some("PAY_PER_REQUEST".into()), None, None);
    });
    let problems = problems(&subject, &json!({"billing": "PROVISIONED", "read_units": 3}), |_| {});
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("dynamodb.write_units: a provisioned table needs"), "{problems:?}");
}

#[test]
fn a_name_that_is_taken() {
    let change = |facts: &mut Facts| {
        facts.names.insert(Question::Table("sessions".into()));
    };
    insta::assert_snapshot!(problem(&subject(Kind::Dynamodb), &json!({}), change), @"dynamodb.name: the name `sessions` is taken by a DynamoDB table (write another, such as `sessions-from-17`; or rename or delete the one that has it)");
}

/// The key of the table when it was backed up is the key of its backup, and is needed to read it.
#[test]
fn a_table_whose_key_is_disabled() {
    let subject = was(|origin| origin.kms_key = Some(KEY.to_owned()));
    let disabled = |facts: &mut Facts| drop(facts.keys.insert(KEY.to_owned(), "Disabled".to_owned()));
    for wanted in [json!({}), json!({"kms_key": ""})] {
        let problem = problem(&subject, &wanted, disabled);
        assert!(problem.starts_with("backup: the KMS key") && problem.contains("is Disabled"), "{problem}");
    }
}
