//! What a change does to the due instants of drills.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{SlotChange, State};
use crate::{
    name::{PolicyName, ScheduleName},
    policy::Policy,
};

/// The slots of drills: when each policy's is next due, and by which schedule.
pub type DrillSlots = BTreeMap<PolicyName, (ScheduleName, Option<Timestamp>)>;

/// What a change of the configuration does to the slots of drills: as [`slot_changes`](super::slot_changes). A policy has
/// one; a disabled policy has none.
pub fn drill_slot_changes(before: &State, after: &State, slots: &DrillSlots, now: Timestamp) -> Vec<SlotChange> {
    let mut changes = Vec::new();
    for held in &after.policies {
        let policy = &held.policy;
        let Some(name) = wanted(policy) else { continue };
        let Some(schedule) = after.schedule(name) else { continue };
        let was_enabled = before.policy(&policy.name).is_some_and(|held| held.policy.enabled);
        let standing = slots.get(&policy.name).filter(|(standing, _)| was_enabled && standing == name);
        if standing.is_some() && before.schedule(name) == Some(schedule) {
            continue;
        }
        let from = standing.and_then(|(_, next)| *next).map_or(now, |due| due.min(now));
        changes.push(SlotChange::Put(policy.name.clone(), name.clone(), schedule.next_at_or_after(from)));
    }
    for (policy, (schedule, _)) in slots {
        if after.policy(policy).and_then(|held| wanted(&held.policy)).is_none() {
            changes.push(SlotChange::Remove(policy.clone(), schedule.clone()));
        }
    }
    changes
}

fn wanted(policy: &Policy) -> Option<&ScheduleName> {
    policy.drill_schedule().filter(|_| policy.enabled)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        change::{Context, plan},
        document::Document,
        schedule::Zone,
    };

    const NOW: &str = "2026-02-01T02:00:30Z";
    const NEXT: &str = "2026-02-02T02:00:00Z";

    fn state(every: u32, enabled: bool, drill: &Value) -> State {
        let nightly =
            |name| json!({"name": name, "repeat": {"every": every, "unit": "days"}, "start": "2026-01-01T02:00"});
        let document: Document = serde_json::from_value(json!({
            "accounts": [{"name": "main", "role": "own"}],
            "schedules": [nightly("a"), nightly("b")],
            "policies": [{"name": "web", "account": "main", "enabled": enabled, "schedules": ["a"], "drill": drill}]
        }))
        .unwrap();
        let context = Context { prune: true, now: NOW.parse().unwrap(), default_zone: Zone::utc() };
        let plan = plan(&State::default(), &document, &context);
        assert_eq!(plan.problems, []);
        State::default().after(&plan)
    }

    fn by(schedule: &str) -> Value {
        json!({"schedule": schedule, "quarantine": {}})
    }

    #[rstest]
    #[case::new((1, true, Value::Null), (1, true, by("a")), None, &[format!("put a {NEXT}")])]
    #[case::the_same((1, true, by("a")), (1, true, by("a")), Some(("a", NOW)), &[])]
    #[case::lost((1, true, by("a")), (1, true, by("a")), None, &[format!("put a {NEXT}")])]
    #[case::another((1, true, by("a")), (1, true, by("b")), Some(("a", NOW)), &[format!("put b {NEXT}")])]
    #[case::changed((1, true, by("a")), (2, true, by("a")), Some(("a", "2026-01-31T02:00:00Z")), &["put a 2026-01-31T02:00:00Z".to_owned()])]
    #[case::gone((1, true, by("a")), (1, true, Value::Null), Some(("a", NOW)), &["remove a".to_owned()])]
    #[case::disabled((1, true, by("a")), (1, false, by("a")), Some(("a", NOW)), &["remove a".to_owned()])]
    #[case::enabled((1, false, by("a")), (1, true, by("a")), None, &[format!("put a {NEXT}")])]
    #[case::by_hand((1, true, json!({"quarantine": {}})), (1, true, json!({"quarantine": {}})), None, &[])]
    fn slots(
        #[case] before: (u32, bool, Value),
        #[case] after: (u32, bool, Value),
        #[case] standing: Option<(&str, &str)>,
        #[case] expected: &[String],
    ) {
        let state = |(every, enabled, drill): (u32, bool, Value)| state(every, enabled, &drill);
        let slots: DrillSlots = standing
            .iter()
            .map(|(name, at)| ("web".parse().unwrap(), (name.parse().unwrap(), Some(at.parse().unwrap()))))
            .collect();
        let changes: Vec<String> = drill_slot_changes(&state(before), &state(after), &slots, NOW.parse().unwrap())
            .into_iter()
            .map(|change| match change {
                SlotChange::Put(_, schedule, at) => {
                    format!("put {schedule} {}", at.map_or("never".into(), |t| t.to_string()))
                }
                SlotChange::Remove(_, schedule) => format!("remove {schedule}"),
            })
            .collect();
        assert_eq!(changes, expected);
    }
}
