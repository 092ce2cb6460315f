//! What agents are needed for, and what stands in their way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Instance, Platform},
    command::{Agent, Ping},
    id::{InstanceId, Region},
    kind::Resource,
    policy::Policy,
    script::{Script, ScriptPhase, SsmPlace},
    target::Target,
    unit::Fault,
};

/// What an agent is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// To run backup scripts.
    Scripts,
    /// To make shadow copies of Windows.
    Vss,
}

impl Need {
    /// As JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scripts => "scripts",
            Self::Vss => "vss",
        }
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The instances that need an agent so that a policy can run as it is written, and what for: those with scripts of their
/// own, those that scripts name, and those that are app-aware. Scripts that are not enabled need none.
pub fn needs(policy: &Policy, targets: &[Target]) -> BTreeMap<(Region, InstanceId), BTreeSet<Need>> {
    let mut needs: BTreeMap<_, BTreeSet<Need>> = BTreeMap::new();
    let mut add = |region: &Region, instance: &InstanceId, need| {
        needs.entry((region.clone(), instance.clone())).or_default().insert(need);
    };
    let on_each = policy.scripts.run_on_each_target();
    for target in targets {
        let Resource::Instance(instance) = &target.resource else { continue };
        if on_each {
            add(&target.region, instance, Need::Scripts);
        }
        if target.app_aware.is_some() {
            add(&target.region, instance, Need::Vss);
        }
    }
    let scripts = ScriptPhase::ALL.into_iter().filter_map(|phase| policy.scripts.of(phase));
    for script in scripts.filter(|_| policy.scripts.enabled) {
        if let Script::Ssm(ssm) = script
            && let SsmPlace::Instance { instance, region } = &ssm.on
        {
            add(region, instance, Need::Scripts);
        }
    }
    needs
}

/// What stands in the way of running something on an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// There is no such instance, or it is terminated.
    Gone,
    /// It is stopped.
    Stopped,
    /// Systems Manager does not know it.
    NotManaged,
    /// Its agent is not heard of, since then if it ever was.
    ConnectionLost(Option<Timestamp>),
    /// Its agent is inactive.
    Inactive,
    /// It is to be backed up through VSS, and is no Windows.
    NoVss(Platform),
    /// AWS does not let it be seen.
    Unseen(Fault),
}

impl Obstacle {
    /// What is wrong.
    pub fn what(&self) -> String {
        match self {
            Self::Gone => "there is no such instance there".to_owned(),
            Self::Stopped => "the instance is stopped".to_owned(),
            Self::NotManaged => "Systems Manager does not manage the instance".to_owned(),
            Self::ConnectionLost(Some(since)) => format!("its agent was last heard of at {since}"),
            Self::ConnectionLost(None) => "its agent is not heard of".to_owned(),
            Self::Inactive => "its agent is inactive".to_owned(),
            Self::NoVss(platform) => format!("VSS is for Windows, and the instance runs {platform}"),
            Self::Unseen(fault) => format!("{}: {}", fault.code, fault.message),
        }
    }

    /// What the operator can do.
    pub fn advice(&self) -> String {
        let advice = match self {
            Self::Gone => "take it off the policy, or correct its Region",
            Self::Stopped => "start it before the backup: nothing runs on it until then",
            Self::NotManaged => {
                "install the SSM Agent, give the instance a profile with AmazonSSMManagedInstanceCore, and a network \
                 path to Systems Manager"
            }
            Self::ConnectionLost(_) | Self::Inactive => {
                "start the SSM Agent, and see that it still reaches Systems Manager"
            }
            Self::NoVss(_) => "take `app_aware` off the target, and use scripts",
            Self::Unseen(fault) => fault.advice.as_deref().unwrap_or("try again later"),
        };
        advice.to_owned()
    }
}

/// What is known of an instance; what could not be asked is a fault.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// As EC2 describes it; none: there is no such instance.
    pub instance: Result<Option<&'a Instance>, &'a Fault>,
    /// As Systems Manager does; none: it is not managed.
    pub agent: Result<Option<&'a Agent>, &'a Fault>,
}

impl Known<'_> {
    /// What it runs.
    pub fn platform(&self) -> Platform {
        let told = self.instance.ok().flatten().map(|instance| instance.platform);
        let told = told.filter(|platform| *platform != Platform::Unknown);
        told.or_else(|| Some(self.agent.ok().flatten()?.platform)).unwrap_or(Platform::Unknown)
    }

    /// All that stands in the way. Of what is gone or stopped nothing more is said: its agent cannot be there.
    pub fn obstacles(&self, needs: &BTreeSet<Need>) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        let state = match self.instance {
            Ok(None) => Some(Obstacle::Gone),
            Ok(Some(instance)) if instance.is_gone => Some(Obstacle::Gone),
            Ok(Some(instance)) if instance.is_stopped => Some(Obstacle::Stopped),
            Ok(Some(_)) => None,
            Err(fault) => Some(Obstacle::Unseen(fault.clone())),
        };
        let is_down = matches!(state, Some(Obstacle::Gone | Obstacle::Stopped));
        obstacles.extend(state);
        let platform = self.platform();
        if needs.contains(&Need::Vss) && platform == Platform::Linux {
            obstacles.push(Obstacle::NoVss(platform));
        }
        if !is_down {
            obstacles.extend(self.of_agent().filter(|found| !obstacles.contains(found)));
        }
        obstacles
    }

    fn of_agent(&self) -> Option<Obstacle> {
        match self.agent {
            Err(fault) => Some(Obstacle::Unseen(fault.clone())),
            Ok(None) => Some(Obstacle::NotManaged),
            Ok(Some(agent)) => match agent.ping {
                Ping::Online => None,
                Ping::ConnectionLost => Some(Obstacle::ConnectionLost(agent.last_seen)),
                Ping::Inactive => Some(Obstacle::Inactive),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ID: &str = "i-0123456789abcdef0";

    fn instance(platform: Platform) -> Instance {
        let (id, volumes, tags) = (ID.parse().unwrap(), vec![], crate::aws::Tags::new());
        Instance { id, is_gone: false, is_stopped: false, platform, volumes, tags, origin: None }
    }

    fn agent(ping: Ping) -> Agent {
        Agent { instance: ID.parse().unwrap(), ping, version: None, last_seen: None, platform: Platform::Windows }
    }

    fn denied() -> Fault {
        Fault::new("UnauthorizedOperation", "no").advise("allow it")
    }

    #[rstest]
    #[case(Ping::Online, &[])]
    #[case(Ping::ConnectionLost, &[Obstacle::ConnectionLost(None)])]
    #[case(Ping::Inactive, &[Obstacle::Inactive])]
    fn agents_answer_or_not(#[case] ping: Ping, #[case] expected: &[Obstacle]) {
        let (instance, agent) = (instance(Platform::Windows), agent(ping));
        let known = Known { instance: Ok(Some(&instance)), agent: Ok(Some(&agent)) };
        assert_eq!(known.obstacles(&BTreeSet::from([Need::Vss])), expected);
    }

    #[test]
    fn of_what_is_down_no_agent_is_asked_for() {
        let needs = BTreeSet::from([Need::Scripts]);
        let stopped = Instance { is_stopped: true, ..instance(Platform::Linux) };
        let gone = Instance { is_gone: true, ..instance(Platform::Linux) };
        let of = |instance| Known { instance: Ok(instance), agent: Ok(None) }.obstacles(&needs);
        assert_eq!(of(Some(&stopped)), [Obstacle::Stopped]);
        assert_eq!(of(Some(&gone)), [Obstacle::Gone]);
        assert_eq!(of(None), [Obstacle::Gone]);
        assert_eq!(of(Some(&instance(Platform::Linux))), [Obstacle::NotManaged]);
    }

    #[rstest]
    #[case(Platform::Linux, Need::Vss, 1)]
    #[case(Platform::Linux, Need::Scripts, 0)]
    #[case(Platform::Windows, Need::Vss, 0)]
    // The agent knows what EC2 does not tell.
    #[case(Platform::Unknown, Need::Vss, 0)]
    fn vss_is_for_windows(#[case] platform: Platform, #[case] need: Need, #[case] expected: usize) {
        let (instance, agent) = (instance(platform), agent(Ping::Online));
        let known = Known { instance: Ok(Some(&instance)), agent: Ok(Some(&agent)) };
        assert_eq!(known.obstacles(&BTreeSet::from([need])).len(), expected);
    }

    #[test]
    fn what_cannot_be_seen_is_said_once() {
        let fault = denied();
        let agent = agent(Ping::Inactive);
        let needs = BTreeSet::from([Need::Scripts]);
        let unseen = Obstacle::Unseen(fault.clone());
        let known = Known { instance: Err(&fault), agent: Err(&fault) };
        assert_eq!(known.obstacles(&needs), std::slice::from_ref(&unseen));
        let known = Known { instance: Err(&fault), agent: Ok(Some(&agent)) };
        assert_eq!(known.obstacles(&needs), [unseen.clone(), Obstacle::Inactive]);
        assert_eq!((unseen.what().as_str(), unseen.advice().as_str()), ("UnauthorizedOperation: no", "allow it"));
    }
}
