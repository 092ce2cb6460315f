//! Who gains and who loses protection.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Held, Protected, Protection};
use crate::{
    id::Region,
    name::{AccountName, PolicyName, ScheduleName},
    schedule::Schedule,
};

type Key = (AccountName, Region, String);
type Holders = BTreeMap<Key, BTreeSet<PolicyName>>;

/// What is configured at one time.
pub(super) struct World<'a> {
    pub(super) policies: Vec<&'a Held>,
    pub(super) schedules: Vec<&'a Schedule>,
}

impl World<'_> {
    fn holders(&self, now: Timestamp) -> Holders {
        let still_run: BTreeSet<&ScheduleName> =
            self.schedules.iter().filter(|s| s.next_at_or_after(now).is_some()).map(|s| s.name()).collect();
        let mut holders = Holders::new();
        for held in &self.policies {
            let policy = &held.policy;
            if !policy.enabled || !policy.schedules.iter().any(|schedule| still_run.contains(schedule)) {
                continue;
            }
            for target in &held.targets {
                let key = (policy.account.clone(), target.region.clone(), target.resource.id().to_owned());
                holders.entry(key).or_default().insert(policy.name.clone());
            }
        }
        holders
    }
}

fn only_in(these: &Holders, others: &Holders) -> Vec<Protected> {
    these
        .iter()
        .filter(|(key, _)| !others.contains_key(key))
        .map(|((account, region, resource), policies)| Protected {
            account: account.clone(),
            region: region.clone(),
            resource: resource.clone(),
            policies: policies.iter().cloned().collect(),
        })
        .collect()
}

/// Compares who is protected, in order of account, Region and id.
pub(super) fn compare(before: &World<'_>, after: &World<'_>, now: Timestamp) -> Protection {
    let (before, after) = (before.holders(now), after.holders(now));
    Protection { gains: only_in(&after, &before), loses: only_in(&before, &after) }
}
