//! Which instances need an agent, and what is missing there.

use cpm_app::{Error, agents::AgentDesk};
use cpm_contracts::api::AgentView;
use cpm_domain::{
    agents::Need, app_aware::AppAware, aws::Platform, command::Ping, id::InstanceId, policy::Policy, script::Scripts,
    target::Target,
};
use cpm_fakes::{Estate, OWN_ACCOUNT, Whom, at_once, sample};
use cpm_ports::Clock as _;
use jiff::SignedDuration;
use serde_json::{Value, json};

const HERE: &str = "us-east-1";
const THERE: &str = "eu-west-1";
const PROD: &str = "222222222222";

fn list(estate: &Estate, policy: Option<&str>) -> cpm_app::Result<Vec<AgentView>> {
    let owner = sample::root();
    let desk = AgentDesk { store: &estate.store, drivers: &estate.drivers, agents: &estate.systems, owner: &owner };
    let policy = policy.map(|name| name.parse().unwrap());
    Ok(at_once(desk.list(policy.as_ref()))?.agents)
}

fn all(estate: &Estate) -> Vec<AgentView> {
    list(estate, None).unwrap()
}

/// Scripts whose `before` is this one, and the others functions.
fn scripts(enabled: bool, before: &Value) -> Scripts {
    let function = json!({"lambda": "arn:aws:lambda:us-east-1:111111111111:function:done"});
    let spec = json!({"enabled": enabled, "before": before, "after": function, "complete": function});
    serde_json::from_value(spec).unwrap()
}

fn on_each() -> Value {
    json!({"ssm": {"each_target": true, "shell": "sync"}})
}

fn on(instance: &InstanceId, region: &str) -> Value {
    json!({"ssm": {"instance": instance, "region": region, "shell": "sync"}})
}

fn with_scripts(name: &str, before: &Value) -> Policy {
    Policy { scripts: scripts(true, before), ..sample::policy(name) }
}

fn aware(target: Target) -> Target {
    Target { app_aware: Some(AppAware::default()), ..target }
}

fn missing(view: &AgentView) -> Vec<&str> {
    view.missing.iter().map(|missing| missing.what.as_str()).collect()
}

#[test]
fn those_are_listed_that_scripts_and_vss_need() {
    let estate = Estate::new();
    let (web, other) = (estate.instance(HERE, 1), estate.instance(HERE, 1));
    let (windows, named) = (estate.aws.here(HERE).windows(1), estate.instance(THERE, 1));
    let volume = estate.volume(HERE);
    estate.policy(with_scripts("each", &on_each()), [estate.target(&web), estate.target(volume)]);
    estate.policy(with_scripts("one", &on(&named, THERE)), [estate.target(&other)]);
    estate.policy(sample::policy("vss"), [aware(estate.target(&windows)), aware(estate.target(&web))]);
    let idle = Policy { scripts: scripts(false, &on_each()), ..sample::policy("idle") };
    estate.policy(idle, [estate.target(&other)]);
    estate.policy(sample::policy("plain"), [estate.target(&other)]);
    let views = all(&estate);
    let told: Vec<_> = views
        .iter()
        .map(|view| {
            let policies: Vec<_> = view.policies.iter().map(cpm_domain::name::PolicyName::as_str).collect();
            (view.region.as_str(), &view.instance, policies, view.needed_for.clone())
        })
        .collect();
    assert_eq!(
        told,
        [
            (THERE, &named, vec!["one"], vec![Need::Scripts]),
            (HERE, &web, vec!["each", "vss"], vec![Need::Scripts, Need::Vss]),
            (HERE, &windows, vec!["vss"], vec![Need::Vss]),
        ]
    );
    let of_one = list(&estate, Some("one")).unwrap();
    assert_eq!(of_one.iter().map(|view| &view.instance).collect::<Vec<_>>(), [&named]);
    assert!(matches!(list(&estate, Some("none")), Err(Error::NotFound { .. })));
}

#[test]
fn what_stands_in_the_way_is_said() {
    let estate = Estate::new();
    let site = estate.aws.here(HERE);
    let instances: Vec<_> = (0..6).map(|_| site.windows(1)).collect();
    let [good, bare, lost, stopped, gone, linux] =
        [&instances[0], &instances[1], &instances[2], &instances[3], &instances[4], &site.instance(1)];
    estate.systems.unmanage(bare);
    estate.systems.offline(lost);
    estate.aws.stop(stopped);
    let targets: Vec<_> =
        [good, bare, lost, stopped, gone, linux].map(|id| aware(estate.target(id))).into_iter().collect();
    estate.aws.forget(gone);
    estate.policy(sample::policy("vss"), targets);
    estate.clock.advance(SignedDuration::from_mins(10));
    let views = all(&estate);
    let of = |id: &InstanceId| views.iter().find(|view| view.instance == *id).unwrap();
    assert_eq!(
        (of(good).ping, of(good).platform, of(good).last_seen),
        (Some(Ping::Online), Platform::Windows, Some(estate.clock.now()))
    );
    assert!(of(good).version.is_some());
    assert_eq!(missing(of(good)), Vec::<&str>::new());
    assert_eq!(missing(of(bare)), ["Systems Manager does not manage the instance"]);
    assert!(of(bare).missing[0].advice.contains("AmazonSSMManagedInstanceCore"));
    assert_eq!(missing(of(lost)), ["its agent was last heard of at 2026-01-01T00:00:00Z"]);
    assert_eq!((missing(of(stopped)), of(stopped).ping), (vec!["the instance is stopped"], None));
    assert_eq!(missing(of(gone)), ["there is no such instance there"]);
    assert_eq!(missing(of(linux)), ["VSS is for Windows, and the instance runs Linux"]);
}

/// Instances of two accounts and two Regions.
fn spread() -> (Estate, Vec<InstanceId>) {
    let estate = Estate::new();
    estate.account(sample::member("prod", PROD));
    let mut ids = vec![];
    for (account, name) in [(OWN_ACCOUNT, "main"), (PROD, "prod")] {
        let placed: Vec<_> = [HERE, THERE, HERE]
            .map(|region| (estate.aws.site(account, region).instance(1), region))
            .into_iter()
            .collect();
        let policy = Policy { account: name.parse().unwrap(), ..with_scripts(name, &on_each()) };
        estate.policy(policy, placed.iter().map(|(id, region)| sample::target(region, id)));
        ids.extend(placed.into_iter().map(|(id, _)| id));
    }
    (estate, ids)
}

#[test]
fn a_place_is_asked_once() {
    let (estate, ids) = spread();
    estate.faults.forget_calls();
    let views = all(&estate);
    assert_eq!(views.len(), ids.len());
    assert!(views.iter().all(|view| view.missing.is_empty() && view.ping.is_some()), "{views:?}");
    let tally = estate.faults.tally();
    assert_eq!((tally["ec2:DescribeInstances"], tally["ssm:DescribeInstanceInformation"]), (4, 4));
}

#[test]
fn a_place_that_cannot_be_read_costs_no_other() {
    let (estate, _) = spread();
    estate.faults.deny("ssm:DescribeInstanceInformation", Whom::account(PROD).within(HERE));
    estate.faults.deny("ec2:DescribeInstances", Whom::account(PROD).within(THERE));
    estate.faults.deny("ssm:DescribeInstanceInformation", Whom::account(PROD).within(THERE));
    for view in all(&estate) {
        let unread = view.account.as_str() == "prod";
        assert_eq!(view.missing.len(), usize::from(unread) * if view.region.as_str() == THERE { 2 } else { 1 });
        assert_eq!(view.ping.is_none(), unread);
        // What EC2 says is shown, whatever Systems Manager says.
        let is_dark = unread && view.region.as_str() == THERE;
        assert_eq!(view.platform == Platform::Unknown, is_dark, "{view:?}");
        for missing in &view.missing {
            assert!(missing.what.contains("as the role cpm-backup-reader of account 222222222222"), "{missing:?}");
            assert!(missing.advice.starts_with("allow "), "{missing:?}");
        }
    }
}

#[test]
fn an_account_that_lets_nobody_in_is_said_once_in_each_row() {
    let (estate, _) = spread();
    estate.aws.distrust(PROD);
    let views = all(&estate);
    let shut: Vec<_> = views.iter().filter(|view| view.account.as_str() == "prod").collect();
    assert_eq!(shut.len(), 3);
    for view in shut {
        assert_eq!(view.missing.len(), 1, "{view:?}");
        assert!(view.missing[0].what.contains("sts:AssumeRole"), "{view:?}");
        assert!(view.missing[0].advice.contains("trust policy"), "{view:?}");
    }
}
