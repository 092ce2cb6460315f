use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    kind::Kind,
    origin::{DatabaseOrigin, Origin},
    recovery::{
        facts::{Facts, Question},
        making::{
            Subject,
            managed::sample::{database, made, plan, problem, problems, subject, zones},
        },
    },
};

fn was(change: impl Fn(&mut DatabaseOrigin)) -> Subject {
    let mut origin = database();
    change(&mut origin);
    Subject { origin: Some(Origin::Rds(Box::new(origin))), ..subject(Kind::Rds) }
}

#[test]
fn the_plan_that_is_printed() {
    insta::assert_json_snapshot!(plan(&subject(Kind::Rds), &json!({})));
}

#[test]
fn the_calls() {
    insta::assert_json_snapshot!(made(&subject(Kind::Rds), &json!({"id": "Orders-New", "option_group": ""})));
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let wanted = json!({
        "id": "or--ders", "class": "m5.large", "port": 80, "zone": "us-east-1z", "subnet_group": "",
        "security_groups": ["sg-0000000b"], "parameter_group": "gone", "storage_type": "gp1",
        "log_exports": ["slowquery"], "tags": {"aws:x": ""}
    });
    let change = |facts: &mut Facts| {
        facts.groups.clear();
        facts.names.clear();
        facts.zones = zones(&["us-east-1a", "us-east-1b"]);
    };
    insta::assert_snapshot!(problems(&subject(Kind::Rds), &wanted, change).join("\n"), @"
    rds.id: `or--ders` cannot be the name of an RDS database (write 1 to 63 letters, digits and hyphens: a letter first, no hyphen last, no two in a row)
    rds.class: `m5.large` is no class of databases (write one such as `db.m6g.large`)
    rds.port: 80 is no port for postgres (write one of 1150 to 65535)
    rds.subnet_group: it was in a VPC, and AWS restores it in one only (name a subnet group: the old one was `data`)
    rds.security_groups[0]: there is no security group sg-0000000b where the recovery goes to (write the ids of groups of the VPC that it goes to)
    rds.zone: there is no zone `us-east-1z` (write one of us-east-1a, us-east-1b)
    rds.parameter_group: there is no parameter group of databases `gone` where the recovery goes to (make it first, or write the name of another)
    rds.storage_type: `gp1` is no type of storage of databases (write one of gp2, gp3, io1, io2, standard)
    rds.log_exports[0]: postgres has no log `slowquery` to export (write of iam-db-auth-error, postgresql, upgrade)
    rds.tags: the tag `aws:x` cannot be given: AWS keeps `aws:` for itself, the suite `cpm:` (leave it out)
    ");
}

#[rstest]
#[case("orders", &[], None)]
#[case("orders", &["orders"], Some("such as `orders-from-17`"))]
#[case("ORDERS", &["orders"], Some("the name `orders` is taken by an RDS database"))]
#[case("orders", &["orders", "orders-from-17"], Some("such as `orders-recovered`"))]
#[case("orders", &["orders", "orders-from-17", "orders-recovered"], Some("write one that is free;"))]
#[case("2orders", &[], Some("`2orders` cannot be the name of an RDS database"))]
#[case("orders-", &[], Some("no hyphen last"))]
#[case("", &[], Some("`` cannot be the name"))]
fn names(#[case] id: &str, #[case] taken: &[&str], #[case] words: Option<&str>) {
    let taken = taken.iter().map(|name| Question::Database((*name).to_owned()));
    let names = |facts: &mut Facts| facts.names.extend(taken.clone());
    match words {
        None => assert_eq!(problems(&subject(Kind::Rds), &json!({"id": id}), names), Vec::<String>::new()),
        Some(words) => {
            let problem = problem(&subject(Kind::Rds), &json!({"id": id}), names);
            assert!(problem.starts_with("rds.id: ") && problem.contains(words), "{problem}");
        }
    }
}

#[rstest]
#[case("postgres", json!({"port": 1149}), Some("rds.port: 1149 is no port for postgres (write one of 1150 to 65535)"))]
#[case("postgres", json!({"port": 65_536}), Some("rds.port: 65536"))]
#[case("postgres", json!({"port": 3389}), None)]
#[case("sqlserver-se", json!({"port": 3389}), Some("SQL Server keeps port 3389"))]
#[case("sqlserver-se", json!({"port": 49_153}), Some("SQL Server keeps port 49153"))]
#[case("postgres", json!({"multi_az": true, "zone": "us-east-1a"}), Some("rds.zone: a database with a standby"))]
#[case("postgres", json!({"multi_az": true}), None)]
#[case("postgres", json!({"zone": "us-east-1q"}), Some("there is no zone `us-east-1q` (write one of us-east-1a, us-east-1b, us-east-1c)"))]
#[case("postgres", json!({"zone": "us-east-1c"}), Some("the subnet group has no subnet in us-east-1c (write one of us-east-1a, us-east-1b"))]
#[case("postgres", json!({"zone": ""}), None)]
#[case("postgres", json!({"subnet_group": ""}), Some("it was in a VPC, and AWS restores it in one only (name a subnet group: the old one was `data`)"))]
#[case("postgres", json!({"class": "large"}), Some("rds.class: `large` is no class"))]
#[case("postgres", json!({"class": "db.r7g.2xlarge"}), None)]
#[case("oracle-ee", json!({"log_exports": []}), Some("rds.iam_authentication: oracle-ee lets nobody in by IAM"))]
#[case("mysql", json!({"log_exports": ["slowquery", "postgresql"]}), Some("rds.log_exports[1]: mysql has no log `postgresql`"))]
fn fields(#[case] engine: &str, #[case] wanted: Value, #[case] words: Option<&str>) {
    let subject = was(|origin| {
        engine.clone_into(&mut origin.engine);
        if engine.starts_with("sqlserver") {
            (origin.iam_authentication, origin.log_exports, origin.iops) = (false, vec![], None);
            origin.throughput = None;
        } else if engine != "postgres" {
            origin.log_exports = vec![];
        }
    });
    match words {
        None => assert_eq!(problems(&subject, &wanted, |_| {}), Vec::<String>::new()),
        Some(words) => {
            let problem = problem(&subject, &wanted, |_| {});
            assert!(problem.contains(words), "{problem}");
        }
    }
}

#[rstest]
#[case(500, json!({"storage_type": "gp2"}), None)]
#[case(500, json!({"storage_type": "gp2", "iops": 3000}), Some("rds.iops: gp2 has no operations"))]
#[case(500, json!({"storage_type": "io1"}), Some("rds.iops: io1 needs its operations a second (write `iops` from 1000 to 256000)"))]
#[case(500, json!({"storage_type": "io1", "iops": 25_000}), None)]
#[case(500, json!({"storage_type": "io1", "iops": 25_001}), Some("rds.iops: 25001 operations a second are out of range for io1 of 500 GiB (write 1000 to 25000)"))]
#[case(500, json!({"storage_type": "io2", "iops": 256_000}), None)]
#[case(500, json!({"storage_type": "io2", "iops": 999}), Some("write 1000 to 256000"))]
#[case(500, json!({"storage_type": "io2", "iops": 1000, "throughput": 500}), Some("rds.throughput: io2 has no throughput"))]
#[case(500, json!({"iops": 12_000, "throughput": 3000}), None)]
#[case(500, json!({"iops": 12_000, "throughput": 3001}), Some("rds.throughput: 3001 MiB/s are out of range"))]
#[case(500, json!({"iops": 3000}), Some("write 12000 to 64000"))]
#[case(100, json!({"iops": 3000, "throughput": 125}), None)]
#[case(100, json!({"iops": 4000}), Some("rds.iops: gp3 of less than 400 GiB has 3000 operations"))]
#[case(100, json!({"throughput": 500}), Some("rds.throughput: gp3 of less than 400 GiB has 125 MiB/s"))]
#[case(100, json!({}), None)]
#[case(500, json!({"storage_type": "aurora"}), Some("rds.storage_type: `aurora` is no type"))]
fn storage(#[case] size: i32, #[case] wanted: Value, #[case] words: Option<&str>) {
    let subject = was(|origin| origin.storage = Some(size));
    let problems = problems(&subject, &wanted, |_| {});
    match words {
        None => assert_eq!(problems, Vec::<String>::new()),
        Some(words) => {
            assert!(problems.iter().any(|problem| problem.contains(words)), "{problems:?}");
        }
    }
}

/// AWS refuses operations and throughput for a small gp3, even those that it has.
#[test]
fn a_small_gp3_goes_out_without_numbers() {
    let small = was(|origin| (origin.storage, origin.iops, origin.throughput) = (Some(100), Some(3000), Some(125)));
    for wanted in [json!({}), json!({"iops": 3000, "throughput": 125})] {
        let works = serde_json::to_value(made(&small, &wanted)).unwrap();
        let plan = &works[0]["what"]["plan"];
        assert_eq!((&plan["iops"], &plan["throughput"]), (&Value::Null, &Value::Null), "{plan}");
    }
}

/// A standby has no zone of its own; another subnet group may reach other zones.
#[rstest]
#[case(json!({}), json!("us-east-1a"))]
#[case(json!({"multi_az": true}), Value::Null)]
#[case(json!({"subnet_group": "other"}), Value::Null)]
#[case(json!({"subnet_group": "data"}), json!("us-east-1a"))]
fn the_zone_that_is_filled_in(#[case] wanted: Value, #[case] zone: Value) {
    let plan = serde_json::to_value(plan(&subject(Kind::Rds), &wanted)).unwrap();
    assert_eq!(plan["rds"]["zone"], zone);
}

#[test]
fn a_group_of_another_vpc() {
    let wanted = json!({"security_groups": ["sg-0000000a", "sg-0000000b"]});
    let other = |facts: &mut Facts| drop(facts.groups.insert("sg-0000000b".into(), "vpc-0000000b".into()));
    let problem = problem(&subject(Kind::Rds), &wanted, other);
    let words = "rds.security_groups[1]: the security group sg-0000000b is of vpc-0000000b, and the recovery goes to vpc-0000000a";
    assert!(problem.starts_with(words), "{problem}");
}

#[rstest]
#[case("subnet_group", "rds.subnet_group: there is no subnet group of databases `gone`")]
#[case("parameter_group", "rds.parameter_group: there is no parameter group of databases `gone`")]
fn what_is_not_there(#[case] field: &str, #[case] words: &str) {
    let nothing = |facts: &mut Facts| {
        facts.names.remove(&Question::DatabaseParameterGroup("gone".into()));
        facts.subnet_groups.remove(&Question::DatabaseSubnetGroup("gone".into()));
    };
    let problem = problem(&subject(Kind::Rds), &json!({field: "gone"}), nothing);
    assert!(problem.starts_with(words), "{problem}");
}

/// AWS makes default groups when they are first used: they are neither asked for nor sent.
#[test]
fn default_groups_are_left_to_aws() {
    let wanted = json!({"parameter_group": "default.postgres16"});
    assert_eq!(problems(&subject(Kind::Rds), &wanted, |facts| facts.names.clear()), Vec::<String>::new());
    let works = serde_json::to_value(made(&subject(Kind::Rds), &wanted)).unwrap();
    assert_eq!(works[0]["what"]["plan"]["parameter_group"], Value::Null);
}
