use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::{
    proposals,
    sample::{KEY, found, lines, made, plan, problem, problems, shared, subject, world},
};
use crate::{
    kind::{Kind, Resource},
    recovery::{
        RecoveryId,
        facts::Facts,
        making::{check, fill, works},
    },
    unit::UnitState,
};

const KINDS: [Kind; 4] = [Kind::Rds, Kind::Aurora, Kind::Redshift, Kind::Dynamodb];

#[rstest]
fn what_the_source_was_can_be_made_again(
    #[values(Kind::Rds, Kind::Aurora, Kind::Redshift, Kind::Dynamodb)] kind: Kind,
) {
    let findings = found(&subject(kind), &json!({}), |_| {});
    assert_eq!((findings.problems, findings.warnings), (vec![], vec![]));
}

/// What is filled in is a plan of its own: run from a file, it is the same.
#[rstest]
fn a_plan_that_is_filled_in_stays_as_it_is(
    #[values(Kind::Rds, Kind::Aurora, Kind::Redshift, Kind::Dynamodb)] kind: Kind,
    #[values(true, false)] on_record: bool,
) {
    let mut subject = subject(kind);
    if !on_record {
        subject.origin = None;
    }
    let once = plan(&subject, &json!({}));
    let mut twice = serde_json::from_value(serde_json::to_value(&once).unwrap()).unwrap();
    fill(&mut twice, &subject);
    assert_eq!(once, twice);
    let facts = world(&once, &subject);
    assert_eq!(works(RecoveryId(3), &once, &subject, &facts), works(RecoveryId(3), &twice, &subject, &facts));
}

#[rstest]
#[case::gone(|facts: &mut Facts| facts.managed.clear(), "is gone from AWS (recover from another backup")]
#[case::failed(|facts: &mut Facts| status(facts, "failed"), "is failed and not available (recover from another backup")]
#[case::not_yet(|facts: &mut Facts| status(facts, "creating"), "is creating and not available (wait until")]
fn a_snapshot_that_cannot_be_used(
    #[values(Kind::Rds, Kind::Aurora, Kind::Redshift, Kind::Dynamodb)] kind: Kind,
    #[case] change: fn(&mut Facts),
    #[case] words: &str,
) {
    let problem = problem(&subject(kind), &json!({}), change);
    assert!(problem.starts_with("backup: ") && problem.contains(words), "{problem}");
}

fn status(facts: &mut Facts, status: &str) {
    facts.managed.values_mut().for_each(|fact| status.clone_into(&mut fact.status));
}

#[rstest]
fn a_backup_without_a_unit_says_so(#[values(Kind::Rds, Kind::Aurora, Kind::Redshift, Kind::Dynamodb)] kind: Kind) {
    let mut subject = subject(kind);
    subject.units.clear();
    let problem = problem(&subject, &json!({}), |_| {});
    assert!(problem.contains("backup 17 has no"), "{problem}");
    assert_eq!(made(&subject, &json!({})), vec![]);
}

#[test]
fn the_unit_that_is_complete_is_taken() {
    let mut subject = subject(Kind::Rds);
    let mut failed = subject.units[0].clone();
    failed.state = UnitState::Failed;
    failed.id = Some(crate::id::UnitId::new("cpm-db-orders-17-0"));
    subject.units.insert(0, failed);
    assert_eq!(made(&subject, &json!({}))[0].from, subject.units[1].id);
}

#[rstest]
#[case("Disabled", "is Disabled, and what was backed up is encrypted with it (enable it in KMS)")]
#[case("PendingDeletion", "(cancel its deletion")]
fn a_key_that_cannot_be_used(
    #[values(Kind::Rds, Kind::Aurora, Kind::Redshift)] kind: Kind,
    #[case] state: &str,
    #[case] words: &str,
) {
    let change = |facts: &mut Facts| drop(facts.keys.insert(KEY.to_owned(), state.to_owned()));
    let problem = problem(&subject(kind), &json!({}), change);
    assert!(problem.contains(words), "{problem}");
}

#[rstest]
fn a_key_that_is_not_there(#[values(Kind::Aurora, Kind::Dynamodb)] kind: Kind) {
    let wanted = json!({"kms_key": "alias/mine"});
    let problem = problem(&subject(kind), &wanted, |facts| drop(facts.keys.remove("alias/mine")));
    assert!(problem.contains(".kms_key: there is no KMS key alias/mine"), "{problem}");
}

#[rstest]
fn into_another_region_only_with_a_copy(
    #[values(Kind::Rds, Kind::Aurora, Kind::Redshift, Kind::Dynamodb)] kind: Kind,
) {
    let subject = subject(kind);
    let mut plan = plan(&subject, &json!({}));
    plan.region = Some("eu-west-1".parse().unwrap());
    let problems = check(&plan, &subject, &world(&plan, &subject)).problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].to_string().contains("DR copy in eu-west-1"), "{}", problems[0]);
}

/// §14.4.2: what an account shares, it takes back, and nothing else happens in it.
#[test]
fn into_another_account() {
    let wanted = json!({});
    insta::assert_debug_snapshot!(lines(&made(&shared(Kind::Rds), &wanted)), @r#"
    [
        "1 [] share at source",
        "2 [1] restore-database",
        "3 [2] protect-managed",
        "4 [2] unshare at source",
    ]
    "#);
    insta::assert_debug_snapshot!(lines(&made(&shared(Kind::Redshift), &wanted)), @r#"
    [
        "1 [] share at source",
        "2 [1] restore-warehouse",
        "3 [2] unshare at source",
    ]
    "#);
    let works = serde_json::to_value(made(&shared(Kind::Rds), &wanted)).unwrap();
    assert_eq!(works[1]["what"]["snapshot"], "arn:aws:rds:us-east-1:111122223333:snapshot:cpm-db-orders-17-1");
    let works = serde_json::to_value(made(&shared(Kind::Aurora), &wanted)).unwrap();
    assert_eq!(
        works[1]["what"]["snapshot"],
        "arn:aws:rds:us-east-1:111122223333:cluster-snapshot:cpm-db-ledger-17-1"
    );
    let works = serde_json::to_value(made(&shared(Kind::Redshift), &wanted)).unwrap();
    assert_eq!(works[1]["what"]["snapshot"], "arn:aws:redshift:us-east-1:111122223333:snapshot:dwh/cpm-db-dwh-17-1");
}

#[rstest]
#[case(Kind::Rds, false, true, Some("AWS restores no encrypted snapshot of another account"))]
#[case(Kind::Rds, true, true, Some("a key of AWS's own"))]
#[case(Kind::Rds, true, false, None)]
#[case(Kind::Aurora, false, true, Some("AWS restores no encrypted snapshot of another account"))]
#[case(Kind::Aurora, true, true, Some("a key of AWS's own"))]
#[case(Kind::Redshift, false, true, None)]
#[case(Kind::Redshift, true, true, Some("a key of AWS's own"))]
#[case(Kind::Dynamodb, false, false, Some("AWS shares no backup of a table"))]
fn what_cannot_be_shared_is_refused(
    #[case] kind: Kind,
    #[case] aws_key: bool,
    #[case] encrypted: bool,
    #[case] words: Option<&str>,
) {
    let problems = problems(&shared(kind), &json!({}), |facts| {
        facts.managed.values_mut().for_each(|fact| fact.encrypted = encrypted);
        facts.aws_keys.extend(aws_key.then(|| KEY.to_owned()));
    });
    match words {
        None => assert_eq!(problems, Vec::<String>::new()),
        Some(words) => {
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with("account: ") && problems[0].contains(words), "{problems:?}");
        }
    }
}

#[rstest]
fn tags_are_kept_but_not_those_of_aws_and_ours(
    #[values(Kind::Rds, Kind::Aurora, Kind::Redshift, Kind::Dynamodb)] kind: Kind,
) {
    let plan = serde_json::to_value(plan(&subject(kind), &json!({}))).unwrap();
    let wanted = ["rds", "aurora", "redshift", "dynamodb"].map(|key| plan[key]["tags"].clone());
    assert_eq!(wanted.into_iter().find(|tags| !tags.is_null()).unwrap(), json!({"Name": "shop"}));
}

#[test]
fn tags_that_aws_does_not_take() {
    let problems =
        problems(&subject(Kind::Rds), &json!({"tags": {"aws:x": "1", "cpm:recovery": "r1", "": "2"}}), |_| {});
    assert_eq!(problems.len(), 3, "{problems:?}");
    let many: serde_json::Map<_, _> = (0..48).map(|n| (format!("t{n}"), json!("v"))).collect();
    let findings = found(&subject(Kind::Rds), &json!({"tags": many}), |_| {});
    assert_eq!(findings.problems, vec![]);
    let [warning] = findings.warnings.as_slice() else { panic!("{findings:?}") };
    assert!(warning.starts_with("rds.tags: of 48 tags 3 are left out"), "{warning}");
    let works = serde_json::to_value(made(&subject(Kind::Rds), &json!({"tags": many}))).unwrap();
    assert_eq!(works[0]["what"]["plan"]["tags"].as_object().unwrap().len(), 45);
}

/// What is not on record is said, and what AWS itself keeps is enough for all but the members of a cluster.
#[rstest]
fn a_source_that_is_not_on_record(#[values(Kind::Rds, Kind::Aurora, Kind::Redshift, Kind::Dynamodb)] kind: Kind) {
    let mut subject = subject(kind);
    subject.origin = None;
    let findings = found(&subject, &json!({}), |_| {});
    assert!(findings.warnings[0].contains("is not on record"), "{findings:?}");
    let fields: Vec<&str> = findings.problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, if kind == Kind::Aurora { vec!["aurora.members"] } else { vec![] });
}

proptest! {
    /// A name that is proposed is legal.
    #[test]
    fn proposals_are_legal(
        kind in prop::sample::select(KINDS.to_vec()),
        name in "[a-z]([a-z0-9]|-[a-z0-9]){0,130}",
    ) {
        let longest = super::longest(kind);
        let name = name.get(..longest.min(name.len())).unwrap().trim_end_matches('-');
        prop_assume!(Resource::new(kind, name).is_ok());
        for proposal in proposals(name, &subject(kind), longest) {
            prop_assert!(Resource::new(kind, &proposal).is_ok(), "{}", proposal);
        }
    }

    /// Works are numbered from 1, and need only what comes before them: they come to an end.
    #[test]
    fn works_are_in_order(
        kind in prop::sample::select(KINDS.to_vec()),
        is_shared: bool,
        protected: bool,
        members in 0usize..6,
    ) {
        let subject = if is_shared { shared(kind) } else { subject(kind) };
        let mut wanted = json!({});
        if kind != Kind::Redshift {
            wanted["deletion_protection"] = json!(protected);
        }
        if kind == Kind::Aurora {
            let member = |n| json!({"id": format!("m{n}"), "class": "db.r6g.large"});
            wanted["members"] = (0..members).map(member).collect();
        }
        let works = made(&subject, &wanted);
        for (at, work) in works.iter().enumerate() {
            prop_assert_eq!(work.number as usize, at + 1);
            prop_assert!(work.needs.iter().all(|need| *need < work.number));
        }
        let lines = lines(&works);
        let protects = lines.iter().filter(|line| line.ends_with("protect-managed")).count();
        prop_assert_eq!(protects, usize::from(protected && kind != Kind::Redshift));
        // What is protected is protected last: all else is needed for it, or is taken back.
        let shares = usize::from(is_shared && kind != Kind::Dynamodb);
        prop_assert_eq!(works.iter().filter(|work| work.at_source).count(), 2 * shares);
    }
}
