//! Changes of the configuration, for the audit trail.

use cpm_domain::{
    audit::{Actor, Event},
    change::{Action, Change, Kind, SlotChange},
    name::PolicyName,
    target::TargetKey,
};
use jiff::Timestamp;

pub(super) fn of(change: &Change, actor: &Actor, now: Timestamp) -> Event {
    let verb = match (change.kind, change.action) {
        (Kind::Target, Action::Create | Action::Update) => "put",
        (_, Action::Create) => "create",
        (_, Action::Update) => "update",
        (_, Action::Delete) => "remove",
    };
    let mut details: Vec<String> = change
        .fields
        .iter()
        .map(|field| match (&field.from, &field.to) {
            (None, Some(to)) => format!("{}: {to}", field.field),
            (Some(from), Some(to)) => format!("{}: {from} -> {to}", field.field),
            (from, None) => format!("{}: {} -> none", field.field, from.as_deref().unwrap_or_default()),
        })
        .collect();
    details.extend(change.note.clone());
    if change.kind == Kind::Target {
        details.insert(0, change.name.clone());
    }
    event(
        actor,
        now,
        format!("{}.{verb}", change.kind.as_str()),
        change.policy.as_ref().map_or_else(|| change.name.clone(), ToString::to_string),
        details.join("; "),
    )
}

pub(super) fn of_lost_target(policy: &PolicyName, target: &TargetKey, actor: &Actor, now: Timestamp) -> Event {
    event(actor, now, "target.remove".to_owned(), policy.to_string(), format!("{target}; its policy is removed"))
}

pub(super) fn of_slot(slot: &SlotChange, actor: &Actor, now: Timestamp) -> Event {
    let (action, policy, details) = match slot {
        SlotChange::Put(policy, schedule, Some(next)) => {
            ("policy.schedule", policy, format!("{schedule}: next run {next}"))
        }
        SlotChange::Put(policy, schedule, None) => {
            ("policy.schedule", policy, format!("{schedule}: never runs again"))
        }
        SlotChange::Remove(policy, schedule) => {
            ("policy.unschedule", policy, format!("{schedule}: no longer runs it"))
        }
    };
    event(actor, now, action.to_owned(), policy.to_string(), details)
}

pub(super) fn of_drill_slot(slot: &SlotChange, actor: &Actor, now: Timestamp) -> Event {
    let (policy, details) = match slot {
        SlotChange::Put(policy, schedule, Some(next)) => (policy, format!("{schedule}: next drill {next}")),
        SlotChange::Put(policy, schedule, None) => (policy, format!("{schedule}: never drills again")),
        SlotChange::Remove(policy, schedule) => (policy, format!("{schedule}: no longer drills it")),
    };
    event(actor, now, "policy.drills".to_owned(), policy.to_string(), details)
}

fn event(actor: &Actor, time: Timestamp, action: String, subject: String, details: String) -> Event {
    Event { time, actor: actor.clone(), action, subject, details }
}
