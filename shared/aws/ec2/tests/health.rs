//! How EC2's status checks are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_ec2::Ec2;
use cpm_domain::{drill::Condition, id::InstanceId};
use cpm_ports::{Access, Health, Place};
use rstest::rstest;

fn answer(instance: &str, system: &str, volumes: Option<&str>) -> (u16, String) {
    let space = "http://ec2.amazonaws.com/doc/2016-11-15/";
    let summary = |name: &str, status: &str| format!("<{name}><status>{status}</status></{name}>");
    let volumes = volumes.map(|status| summary("attachedEbsStatus", status)).unwrap_or_default();
    let body = format!(
        "<instanceStatusSet><item><instanceId>i-0123456789abcdef0</instanceId>{}{}{volumes}</item></instanceStatusSet>",
        summary("instanceStatus", instance),
        summary("systemStatus", system),
    );
    (200, format!(r#"<DescribeInstanceStatusResponse xmlns="{space}">{body}</DescribeInstanceStatusResponse>"#))
}

#[rstest]
#[case("ok", "ok", None, Condition::Well)]
#[case("ok", "ok", Some("ok"), Condition::Well)]
#[case("ok", "ok", Some("not-applicable"), Condition::Well)]
#[case("initializing", "ok", None, Condition::Open)]
#[case("ok", "insufficient-data", None, Condition::Open)]
#[case("ok", "ok", Some("initializing"), Condition::Open)]
#[case("impaired", "ok", Some("impaired"), Condition::Impaired("impaired: instance, attached EBS".into()))]
#[tokio::test]
async fn all_checks_count(
    #[case] instance: &str,
    #[case] system: &str,
    #[case] volumes: Option<&str>,
    #[case] expected: Condition,
) {
    let script = Script::of([answer(instance, system, volumes)]);
    let ec2 = Ec2::new(&script.config());
    let place = Place { access: Access::Own, region: "eu-west-1".parse().unwrap() };
    let id: InstanceId = "i-0123456789abcdef0".parse().unwrap();
    let found = ec2.health(&place, std::slice::from_ref(&id)).await.unwrap();
    assert_eq!(found, [(id, expected)]);
}
