use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    kind::Kind,
    origin::{ClusterOrigin, Origin},
    recovery::{
        RecoveryId,
        facts::{Facts, Question},
        making::{
            Subject,
            managed::sample::{cluster, found, lines, made, plan, problem, problems, shared, subject},
            works,
        },
        plan::Wanted,
    },
};

fn was(change: impl Fn(&mut ClusterOrigin)) -> Subject {
    let mut origin = cluster();
    change(&mut origin);
    Subject { origin: Some(Origin::Aurora(Box::new(origin))), ..subject(Kind::Aurora) }
}

#[test]
fn the_plan_that_is_printed() {
    insta::assert_json_snapshot!(plan(&subject(Kind::Aurora), &json!({})));
}

#[test]
fn the_calls() {
    insta::assert_json_snapshot!(made(&subject(Kind::Aurora), &json!({})));
}

/// The writer is the first member, whoever is listed first; readers come after it, all at once.
#[test]
fn the_order() {
    insta::assert_snapshot!(lines(&made(&shared(Kind::Aurora), &json!({}))).join("\n"), @"
    1 [] share at source
    2 [1] restore-cluster
    3 [2] create-member
    4 [2, 3] create-member
    5 [2, 3] create-member
    6 [2, 3, 4, 5] protect-managed
    7 [2] unshare at source
    ");
    let alone = lines(&made(&subject(Kind::Aurora), &json!({"members": [], "deletion_protection": false})));
    assert_eq!(alone, ["1 [] restore-cluster"]);
}

/// A cluster with a new name has members with new names: the old ones are taken as long as the old cluster is there.
#[rstest]
#[case(json!({}), &["ledger-1", "ledger-2", "reports"])]
#[case(json!({"id": "audit"}), &["audit-1", "audit-2", "audit-3"])]
#[case(json!({"members": []}), &[])]
#[case(json!({"members": [{"id": "One", "class": "db.r6g.large"}]}), &["one"])]
fn the_names_of_members(#[case] wanted: Value, #[case] names: &[&str]) {
    let plan = serde_json::to_value(plan(&subject(Kind::Aurora), &wanted)).unwrap();
    let members = plan["aurora"]["members"].as_array().unwrap();
    assert_eq!(members.iter().map(|member| member["id"].as_str().unwrap()).collect::<Vec<_>>(), names);
}

#[test]
fn a_member_that_is_named_takes_what_it_leaves_out() {
    let wanted = json!({"members": [
        {"id": "ledger-2", "class": "db.r6g.xlarge"}, {"id": "new", "class": "db.r6g.large", "public": true}
    ]});
    let subject = was(|origin| origin.members[0].parameter_group = Some("reader-16".into()));
    let Wanted::Aurora(cluster) = plan(&subject, &wanted).wanted else { panic!("it is a cluster") };
    insta::assert_json_snapshot!(cluster.members);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let member = |id: &str| json!({"id": id, "class": "db.r6g.large"});
    let wanted = json!({
        "id": "ledger-", "port": 70_000, "zones": ["us-east-1c"], "kms_key": "alias/gone", "subnet_group": "gone",
        "security_groups": ["sg-0000000b"], "parameter_group": "gone",
        "members": [
            member("taken"), member("taken"), member("no_name"),
            {"id": "a", "class": "large", "zone": "us-east-1q", "promotion_tier": 16, "parameter_group": "gone"},
            {"id": "b", "class": "db.serverless"}
        ]
    });
    let change = |facts: &mut Facts| {
        facts.groups.clear();
        facts.names = [Question::Database("taken".into())].into();
        facts.keys.remove("alias/gone");
        facts.subnet_groups.clear();
    };
    insta::assert_snapshot!(problems(&subject(Kind::Aurora), &wanted, change).join("\n"), @"
    aurora.kms_key: there is no KMS key alias/gone that can be seen, and the plan names it (write the ARN of a key of the Region; a key of another account must let this one use it)
    aurora.id: `ledger-` cannot be the name of an Aurora cluster (write 1 to 63 letters, digits and hyphens: a letter first, no hyphen last, no two in a row)
    aurora.port: 70000 is no port for aurora-postgresql (write one of 1150 to 65535)
    aurora.subnet_group: there is no subnet group of databases `gone` where the recovery goes to (make it first, or write the name of another)
    aurora.security_groups[0]: there is no security group sg-0000000b where the recovery goes to (write the ids of groups of the VPC that it goes to)
    aurora.parameter_group: there is no parameter group of clusters `gone` where the recovery goes to (make it first, or write the name of another)
    aurora.members[0].id: the name `taken` is taken by an RDS database (write another, such as `taken-from-17`; or rename or delete the one that has it)
    aurora.members[1].id: the name `taken` is given to two members (write another for one of them)
    aurora.members[2].id: `no_name` cannot be the name of an RDS database (write 1 to 63 letters, digits and hyphens: a letter first, no hyphen last, no two in a row)
    aurora.members[3].class: `large` is no class of databases (write one such as `db.m6g.large`)
    aurora.members[3].zone: there is no zone `us-east-1q` (write one of us-east-1a, us-east-1b, us-east-1c)
    aurora.members[3].parameter_group: there is no parameter group of databases `gone` where the recovery goes to (make it first, or write the name of another)
    aurora.members[3].promotion_tier: 16 is no promotion tier (write 0 to 15)
    aurora.members[4].class: the cluster had no serverless capacity that a member could take (write a class such as `db.r6g.large`)
    ");
}

#[test]
fn a_name_that_is_taken() {
    let change = |facts: &mut Facts| {
        facts.names.extend([Question::Cluster("ledger".into()), Question::Database("ledger-1".into())]);
    };
    insta::assert_snapshot!(problems(&subject(Kind::Aurora), &json!({}), change).join("\n"), @"
    aurora.id: the name `ledger` is taken by an Aurora cluster (write another, such as `ledger-from-17`; or rename or delete the one that has it)
    aurora.members[0].id: the name `ledger-1` is taken by an RDS database (write another, such as `ledger-1-from-17`; or rename or delete the one that has it)
    ");
}

#[test]
fn a_serverless_cluster_keeps_its_capacity() {
    let serverless = was(|origin| {
        origin.capacity = Some((1, 32));
        origin.members.iter_mut().for_each(|member| member.class = "db.serverless".into());
    });
    assert_eq!(problems(&serverless, &json!({}), |_| {}), Vec::<String>::new());
    let works = serde_json::to_value(made(&serverless, &json!({}))).unwrap();
    assert_eq!(works[0]["what"]["capacity"], json!([1, 32]));
    let problem = problem(&was(|origin| origin.members[0].class = "db.serverless".into()), &json!({}), |_| {});
    assert!(problem.contains("no serverless capacity"), "{problem}");
}

#[test]
fn too_many_members() {
    let members: Vec<Value> = (0..17).map(|n| json!({"id": format!("m{n}"), "class": "db.r6g.large"})).collect();
    let problem = problem(&subject(Kind::Aurora), &json!({"members": members}), |_| {});
    assert!(problem.contains("17 members are too many (a cluster has 16 at most"), "{problem}");
    let warnings = found(&subject(Kind::Aurora), &json!({"members": []}), |_| {}).warnings;
    assert!(warnings[0].contains("nothing can connect"), "{warnings:?}");
}

/// AWS wants the engine in the call; what the snapshot says goes before what is on record.
#[test]
fn the_engine_is_that_of_the_snapshot() {
    let mut gone = subject(Kind::Aurora);
    gone.origin = None;
    let plan = plan(&gone, &json!({"members": [{"id": "a", "class": "db.r6g.large"}]}));
    let mut facts = crate::recovery::making::managed::sample::world(&plan, &gone);
    facts.managed.values_mut().for_each(|fact| {
        fact.engine = Some("aurora-mysql".into());
        fact.engine_version = Some("8.0.mysql_aurora.3.05.2".into());
    });
    let works = serde_json::to_value(works(RecoveryId(3), &plan, &gone, &facts)).unwrap();
    assert_eq!(works[0]["what"]["engine"], "aurora-mysql");
    assert_eq!(works[0]["what"]["engine_version"], "8.0.mysql_aurora.3.05.2");
    assert_eq!(works[1]["what"]["engine"], "aurora-mysql");
}
