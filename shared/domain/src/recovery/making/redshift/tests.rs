use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    kind::Kind,
    origin::{Origin, WarehouseOrigin},
    recovery::{
        facts::{Facts, Question},
        making::{
            Subject,
            managed::sample::{made, plan, problem, problems, subject, warehouse},
        },
    },
};

fn was(change: impl Fn(&mut WarehouseOrigin)) -> Subject {
    let mut origin = warehouse();
    change(&mut origin);
    Subject { origin: Some(Origin::Redshift(Box::new(origin))), ..subject(Kind::Redshift) }
}

fn dense(origin: &mut WarehouseOrigin) {
    (origin.node_type, origin.nodes) = ("dc2.large".into(), 4);
}

#[test]
fn the_plan_that_is_printed() {
    insta::assert_json_snapshot!(plan(&subject(Kind::Redshift), &json!({})));
}

#[test]
fn the_calls() {
    insta::assert_json_snapshot!(made(&subject(Kind::Redshift), &json!({"id": "dwh-test"})));
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let wanted = json!({
        "id": "Dwh", "node_type": "large", "nodes": 0, "port": 5000, "zone": "us-east-1q", "subnet_group": "",
        "security_groups": ["sg-0000000b"], "parameter_group": "gone", "roles": ["load"]
    });
    let change = |facts: &mut Facts| {
        facts.groups.clear();
        facts.names.clear();
    };
    insta::assert_snapshot!(problems(&subject(Kind::Redshift), &wanted, change).join("\n"), @"
    redshift.id: `Dwh` cannot be the name of a Redshift cluster (write 1 to 63 lower-case letters, digits and hyphens: a letter first, no hyphen last, no two in a row)
    redshift.nodes: a cluster has no 0 nodes (write 1 to 128)
    redshift.node_type: `large` is no type of nodes (write one such as `ra3.xlplus`)
    redshift.port: 5000 is no port for large (write one of 5431 to 5455 or 8191 to 8215)
    redshift.subnet_group: it was in a VPC, and AWS restores it in one only (name a subnet group: the old one was `data`)
    redshift.security_groups[0]: there is no security group sg-0000000b where the recovery goes to (write the ids of groups of the VPC that it goes to)
    redshift.zone: there is no zone `us-east-1q` (write one of us-east-1a, us-east-1b, us-east-1c)
    redshift.enhanced_vpc_routing: traffic can only go through a VPC that the cluster is in (name a `subnet_group`, or write `false`)
    redshift.parameter_group: there is no parameter group of Redshift clusters `gone` where the recovery goes to (make it first, or write the name of another)
    redshift.roles[0]: `load` is not the ARN of an IAM role (write it as `arn:aws:iam::111122223333:role/name`)
    ");
}

#[rstest]
#[case::ra3(|_: &mut WarehouseOrigin| {}, json!({"port": 8191}), None)]
#[case::ra3(|_: &mut WarehouseOrigin| {}, json!({"port": 5456}), Some("redshift.port: 5456 is no port for ra3.xlplus (write one of 5431 to 5455 or 8191 to 8215)"))]
#[case::resized(|_: &mut WarehouseOrigin| {}, json!({"node_type": "ra3.4xlarge", "nodes": 4}), None)]
#[case::dense(dense, json!({"port": 5456}), None)]
#[case::dense(dense, json!({"nodes": 2}), Some("redshift.nodes: a snapshot of 4 dc2.large nodes can only be restored to 4"))]
#[case::dense(dense, json!({"node_type": "dc2.8xlarge"}), Some("redshift.node_type: a snapshot of dc2.large nodes can only be restored to dc2.large"))]
#[case::illegal(dense, json!({"id": "Dwh"}), Some("redshift.id: `Dwh` cannot be the name of a Redshift cluster (write 1 to 63 lower-case letters"))]
fn fields(#[case] change: fn(&mut WarehouseOrigin), #[case] wanted: Value, #[case] words: Option<&str>) {
    let subject = was(change);
    match words {
        None => assert_eq!(problems(&subject, &wanted, |_| {}), Vec::<String>::new()),
        Some(words) => {
            let problem = problem(&subject, &wanted, |_| {});
            assert!(problem.contains(words), "{problem}");
        }
    }
}

#[test]
fn a_name_that_is_taken() {
    let change = |facts: &mut Facts| {
        facts.names.insert(Question::Warehouse("dwh".into()));
    };
    let problem = problem(&subject(Kind::Redshift), &json!({}), change);
    insta::assert_snapshot!(problem, @"redshift.id: the name `dwh` is taken by a Redshift cluster (write another, such as `dwh-from-17`; or rename or delete the one that has it)");
}
