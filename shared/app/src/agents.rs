//! Which instances need an agent of Systems Manager, and whether theirs can do what is needed.

use std::collections::{BTreeMap, BTreeSet};

use cpm_contracts::api::{AgentList, AgentView, MissingView};
use cpm_domain::{
    account::Account,
    agents::{self, Known, Need},
    aws::{AwsError, Found, Instance},
    command::Agent,
    id::{InstanceId, Region},
    kind::{Kind, Resource},
    name::{AccountName, OwnerName, PolicyName},
    policy::Policy,
    unit::Fault,
};
use cpm_ports::{Access, Agents, Drivers, Place, Store};
use futures::{StreamExt, TryStreamExt, future::join, stream};

use crate::{Error, Result};

/// How many policies or places are read at a time.
const AT_ONCE: usize = 16;

/// The name by which advice speaks of the function's own role.
const FUNCTION: &str = "api";

/// Who asks, and of whom.
pub struct AgentDesk<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// What describes instances.
    pub drivers: &'a Drivers,
    /// What looks after agents.
    pub agents: &'a dyn Agents,
    /// Whose policies.
    pub owner: &'a OwnerName,
}

/// What an instance is needed for, and by whom.
#[derive(Default)]
struct Needed {
    policies: BTreeSet<PolicyName>,
    needs: BTreeSet<Need>,
}

type Spot = (AccountName, Region);
type ByInstance = BTreeMap<InstanceId, Needed>;

impl AgentDesk<'_> {
    /// The instances that need an agent: of all policies or of one. A place is asked once, and one that cannot be read
    /// costs no other.
    pub async fn list(&self, policy: Option<&PolicyName>) -> Result<AgentList> {
        let places = self.needed(policy).await?;
        if places.is_empty() {
            return Ok(AgentList { agents: Vec::new() });
        }
        let accounts = self.store.accounts(self.owner).await?;
        let reading = places.into_iter().map(|((name, region), needed)| {
            let account = accounts.iter().find(|account| account.name == name).cloned();
            async move { self.look(&name, account.as_ref(), &region, &needed).await }
        });
        let views: Vec<Vec<AgentView>> = stream::iter(reading).buffered(AT_ONCE).collect().await;
        Ok(AgentList { agents: views.into_iter().flatten().collect() })
    }

    async fn needed(&self, only: Option<&PolicyName>) -> Result<BTreeMap<Spot, ByInstance>> {
        let policies = match only {
            Some(name) => {
                let policy = self.store.policy(self.owner, name).await?;
                vec![policy.ok_or_else(|| Error::not_found("policy", name))?]
            }
            None => self.store.policies(self.owner).await?,
        };
        let reading = stream::iter(policies).map(|policy| self.of_policy(policy));
        let found: Vec<_> = reading.buffered(AT_ONCE).try_collect().await?;
        let mut places: BTreeMap<Spot, ByInstance> = BTreeMap::new();
        for (policy, needs) in found {
            for ((region, instance), needs) in needs {
                let place = places.entry((policy.account.clone(), region)).or_default();
                let needed = place.entry(instance).or_default();
                needed.policies.insert(policy.name.clone());
                needed.needs.extend(needs);
            }
        }
        Ok(places)
    }

    async fn of_policy(&self, policy: Policy) -> Result<(Policy, BTreeMap<(Region, InstanceId), BTreeSet<Need>>)> {
        let targets = self.store.targets(self.owner, &policy.name).await?;
        let needs = agents::needs(&policy, &targets);
        Ok((policy, needs))
    }

    /// What AWS says of the instances of a place.
    async fn look(
        &self,
        name: &AccountName,
        account: Option<&Account>,
        region: &Region,
        needed: &ByInstance,
    ) -> Vec<AgentView> {
        let (instances, agents) = if let Some(account) = account {
            self.ask(account, region, needed).await
        } else {
            let fault = Fault::new("Input.NotFound", format!("there is no account `{name}`"));
            (Err(fault.clone()), Err(fault))
        };
        let rows = needed.iter().map(|(id, needed)| {
            let known = Known {
                instance: instances.as_ref().map(|all| all.iter().find(|instance| instance.id == *id)),
                agent: agents.as_ref().map(|all| all.iter().find(|agent| agent.instance == *id)),
            };
            view(name, region, id, needed, known)
        });
        rows.collect()
    }

    async fn ask(
        &self,
        account: &Account,
        region: &Region,
        needed: &ByInstance,
    ) -> (std::result::Result<Vec<Instance>, Fault>, std::result::Result<Vec<Agent>, Fault>) {
        let place = Place { access: Access::for_reading(account), region: region.clone() };
        let ids: Vec<InstanceId> = needed.keys().cloned().collect();
        let fault = |error: AwsError| error.to_fault(&place.access.whom(FUNCTION));
        let (instances, agents) = join(self.describe(&place, &ids), self.agents.agents(&place, &ids)).await;
        (instances.map_err(fault), agents.map_err(fault))
    }

    async fn describe(&self, place: &Place, ids: &[InstanceId]) -> std::result::Result<Vec<Instance>, AwsError> {
        let resources: Vec<Resource> = ids.iter().cloned().map(Resource::Instance).collect();
        let found = self.drivers.of_kind(Kind::Instance)?.describe(place, Kind::Instance, &resources).await?;
        let instances = found.into_iter().filter_map(|found| match found {
            Found::Instance(instance) => Some(instance),
            _ => None,
        });
        Ok(instances.collect())
    }
}

fn view(name: &AccountName, region: &Region, id: &InstanceId, needed: &Needed, known: Known<'_>) -> AgentView {
    let agent = known.agent.ok().flatten();
    AgentView {
        account: name.clone(),
        region: region.clone(),
        instance: id.clone(),
        policies: needed.policies.iter().cloned().collect(),
        needed_for: needed.needs.iter().copied().collect(),
        platform: known.platform(),
        ping: agent.map(|agent| agent.ping),
        version: agent.and_then(|agent| agent.version.clone()),
        last_seen: agent.and_then(|agent| agent.last_seen),
        missing: known.obstacles(&needed.needs).iter().map(MissingView::from).collect(),
    }
}
