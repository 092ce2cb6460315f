//! What a change does to the due instants of policies.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::State;
use crate::{
    name::{PolicyName, ScheduleName},
    policy::Policy,
    schedule::Schedule,
};

/// The slots of policies: when each of their schedules is next due; none: never again.
pub type Slots = BTreeMap<PolicyName, BTreeMap<ScheduleName, Option<Timestamp>>>;

/// What becomes of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotChange {
    /// It is due then; none: never.
    Put(PolicyName, ScheduleName, Option<Timestamp>),
    /// It goes: the policy is disabled, gone, or has lost the schedule.
    Remove(PolicyName, ScheduleName),
}

/// What a change of the configuration does to slots.
///
/// A slot whose schedule stays as it is stays as it is, so that no due run is lost. One whose schedule changes is due at
/// the first run of the new schedule from where the old one stood. What is newly scheduled, or enabled again, is due at
/// the first run from now: nothing is made up for.
pub fn slot_changes(before: &State, after: &State, slots: &Slots, now: Timestamp) -> Vec<SlotChange> {
    let mut changes = Vec::new();
    for held in &after.policies {
        let policy = &held.policy;
        let standing = slots.get(&policy.name);
        let was_enabled = before.policy(&policy.name).is_some_and(|held| held.policy.enabled);
        for name in wanted(policy) {
            let Some(schedule) = find(after, name) else { continue };
            let slot = standing.and_then(|slots| slots.get(name)).filter(|_| was_enabled);
            if slot.is_some() && find(before, name) == Some(schedule) {
                continue;
            }
            let from = slot.copied().flatten().map_or(now, |due| due.min(now));
            changes.push(SlotChange::Put(policy.name.clone(), name.clone(), schedule.next_at_or_after(from)));
        }
    }
    for (policy, standing) in slots {
        let held = after.policy(policy).map(|held| &held.policy);
        for schedule in standing.keys() {
            if held.is_none_or(|policy| !wanted(policy).contains(schedule)) {
                changes.push(SlotChange::Remove(policy.clone(), schedule.clone()));
            }
        }
    }
    changes
}

fn wanted(policy: &Policy) -> &[ScheduleName] {
    if policy.enabled { &policy.schedules } else { &[] }
}

fn find<'a>(state: &'a State, name: &ScheduleName) -> Option<&'a Schedule> {
    state.schedules.iter().find(|schedule| schedule.name() == name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        change::{Context, plan},
        document::Document,
        schedule::Zone,
    };

    const NOW: &str = "2026-02-01T02:00:30Z";

    fn state(value: Value) -> State {
        let document: Document = serde_json::from_value(value).unwrap();
        let context = Context { prune: true, now: NOW.parse().unwrap(), default_zone: Zone::utc() };
        let plan = plan(&State::default(), &document, &context);
        assert_eq!(plan.problems, []);
        State::default().after(&plan)
    }

    fn world(every: u32, enabled: bool, schedules: &[&str]) -> State {
        let nightly =
            |name| json!({"name": name, "repeat": {"every": every, "unit": "days"}, "start": "2026-01-01T02:00"});
        state(json!({
            "accounts": [{"name": "main", "role": "own"}],
            "schedules": [nightly("a"), nightly("b")],
            "policies": [{"name": "web", "account": "main", "enabled": enabled, "schedules": schedules}]
        }))
    }

    fn slots(slots: &[(&str, Option<&str>)]) -> Slots {
        let slots =
            slots.iter().map(|(name, at)| (name.parse().unwrap(), at.map(|at| at.parse().unwrap()))).collect();
        [("web".parse().unwrap(), slots)].into()
    }

    fn changes(before: &State, after: &State, standing: &[(&str, Option<&str>)]) -> Vec<String> {
        slot_changes(before, after, &slots(standing), NOW.parse().unwrap())
            .into_iter()
            .map(|change| match change {
                SlotChange::Put(_, schedule, at) => {
                    format!("{schedule} {}", at.map_or("never".into(), |t| t.to_string()))
                }
                SlotChange::Remove(_, schedule) => format!("{schedule} removed"),
            })
            .collect()
    }

    #[test]
    fn a_new_policy_is_due_at_its_first_run_from_now() {
        assert_eq!(changes(&State::default(), &world(1, true, &["a"]), &[]), ["a 2026-02-02T02:00:00Z"]);
    }

    #[test]
    fn a_due_run_is_not_lost_to_a_change_of_something_else() {
        let (before, after) = (world(1, true, &["a"]), world(1, true, &["a", "b"]));
        let due = [("a", Some("2026-02-01T02:00:00Z"))];
        assert_eq!(changes(&before, &after, &due), ["b 2026-02-02T02:00:00Z"]);
    }

    #[test]
    fn a_changed_schedule_goes_on_from_where_the_slot_stood() {
        // Every second day from 1 January: 31 January and 2 February are runs, 1 February is not.
        let (before, after) = (world(1, true, &["a"]), world(2, true, &["a"]));
        let due = |at| [("a", Some(at))];
        assert_eq!(changes(&before, &after, &due("2026-02-01T02:00:00Z")), ["a 2026-02-02T02:00:00Z"]);
        assert_eq!(changes(&before, &after, &due("2026-01-31T02:00:00Z")), ["a 2026-01-31T02:00:00Z"]);
        assert_eq!(changes(&before, &after, &due("2026-02-02T02:00:00Z")), ["a 2026-02-02T02:00:00Z"]);
        assert_eq!(changes(&before, &after, &[("a", None)]), ["a 2026-02-02T02:00:00Z"], "it had ended");
    }

    #[test]
    fn disabled_and_unscheduled_slots_go() {
        let on = world(1, true, &["a", "b"]);
        let both = [("a", Some("2026-02-01T02:00:00Z")), ("b", None)];
        assert_eq!(changes(&on, &world(1, false, &["a", "b"]), &both), ["a removed", "b removed"]);
        assert_eq!(changes(&on, &world(1, true, &["b"]), &both), ["a removed"]);
        assert_eq!(changes(&on, &State::default(), &both), ["a removed", "b removed"]);
    }

    #[test]
    fn enabling_makes_up_for_nothing() {
        let (off, on) = (world(1, false, &["a"]), world(1, true, &["a"]));
        assert_eq!(changes(&off, &on, &[]), ["a 2026-02-02T02:00:00Z"]);
        // A slot that was left behind counts for nothing either.
        assert_eq!(changes(&off, &on, &[("a", Some("2026-01-01T02:00:00Z"))]), ["a 2026-02-02T02:00:00Z"]);
    }

    #[test]
    fn a_lost_slot_is_found_again() {
        let same = world(1, true, &["a"]);
        assert_eq!(changes(&same, &same, &[]), ["a 2026-02-02T02:00:00Z"]);
    }
}
