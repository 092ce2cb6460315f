//! Things as rows of fields, in the words of the policy file, and what differs between two of them.

use super::FieldChange;
use crate::{
    account::{Account, Role},
    drill::DrillRule,
    policy::{Origin, Policy},
    schedule::{Schedule, ScheduleSpec, WindowSpec},
    script::{Script, Scripts},
    settings::Settings,
    target::{PutBy, Target, VolumeChoice},
};

/// A field and its value, if it has one. Two things are the same when their rows are.
pub(super) type Row = (&'static str, Option<String>);

/// What differs. Both have the same fields in the same order; nothing has none.
pub(super) fn diff(before: &[Row], after: &[Row]) -> Vec<FieldChange> {
    let value =
        |rows: &[Row], field: &str| rows.iter().find(|(name, _)| *name == field).and_then(|(_, value)| value.clone());
    let all = if after.is_empty() { before } else { after };
    all.iter()
        .map(|(field, _)| FieldChange {
            field: (*field).to_owned(),
            from: value(before, field),
            to: value(after, field),
        })
        .filter(|change| change.from != change.to)
        .collect()
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> Option<String> {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    (!items.is_empty()).then(|| items.join(", "))
}

/// What most have is not worth a word.
fn unless<T: PartialEq + ToString>(value: &T, default: &T) -> Option<String> {
    (value != default).then(|| value.to_string())
}

fn sorted<T: Ord + ToString>(items: &[T]) -> Option<String> {
    let mut items: Vec<&T> = items.iter().collect();
    items.sort();
    list(items.into_iter().map(ToString::to_string))
}

pub(super) fn settings(settings: &Settings) -> Vec<Row> {
    vec![
        ("record_days", Some(settings.record_days.to_string())),
        ("initial_ami_rotation_days", Some(settings.initial_ami_rotation_days.to_string())),
    ]
}

pub(super) fn account(account: &Account) -> Vec<Row> {
    let (number, role, external_id) = match &account.role {
        Role::Own(_) => (None, "own".to_owned(), None),
        Role::Assumed(role) => (Some(role.account.to_string()), role.name.clone(), role.external_id.clone()),
    };
    vec![
        ("type", Some(account.kind.as_str().to_owned())),
        ("role.account", number),
        ("role.name", Some(role)),
        ("role.external_id", external_id),
        ("scan.enabled", Some(account.scan.enabled.to_string())),
        ("scan.regions", account.scan.regions.as_deref().and_then(sorted)),
    ]
}

pub(super) fn schedule(schedule: &Schedule) -> Vec<Row> {
    let spec = ScheduleSpec::from(schedule.clone());
    let window = |window: &WindowSpec| format!("{} {}-{}", window.day, window.from, window.to);
    vec![
        ("description", spec.description),
        ("repeat", Some(schedule.repeat().to_string())),
        ("start", Some(spec.start)),
        ("timezone", spec.timezone),
        ("end", spec.end),
        ("weekdays", spec.weekdays.and_then(list)),
        ("disabled", list(spec.disabled.iter().map(window))),
    ]
}

fn drill(rule: Option<&DrillRule>) -> Vec<Row> {
    let quarantine = rule.map(|rule| &rule.quarantine);
    let script = |rule: &DrillRule| rule.script().ok().flatten().map(|script| Script::Ssm(script).to_string());
    vec![
        ("drill.schedule", rule.and_then(|rule| rule.schedule.as_ref()).map(ToString::to_string)),
        ("drill.quarantine.subnet", quarantine.and_then(|quarantine| quarantine.subnet.clone())),
        ("drill.quarantine.security_groups", quarantine.and_then(|quarantine| list(&quarantine.security_groups))),
        ("drill.quarantine.db_subnet_group", quarantine.and_then(|quarantine| quarantine.db_subnet_group.clone())),
        (
            "drill.quarantine.redshift_subnet_group",
            quarantine.and_then(|quarantine| quarantine.redshift_subnet_group.clone()),
        ),
        ("drill.quarantine.zone", quarantine.and_then(|quarantine| quarantine.zone.clone())),
        ("drill.checks.script", rule.and_then(script)),
        // Always there, so that a rule of nothing but defaults is told from none.
        ("drill.checks.timeout", rule.map(|rule| rule.checks.timeout.to_string())),
        ("drill.targets", rule.and_then(|rule| list(&rule.targets))),
    ]
}

pub(super) fn policy(policy: &Policy) -> Vec<Row> {
    let template = match &policy.origin {
        Origin::Person => None,
        Origin::TagScan { template } => Some(template.to_string()),
    };
    let mut rows = vec![
        ("description", policy.description.clone()),
        ("account", Some(policy.account.to_string())),
        ("enabled", Some(policy.enabled.to_string())),
        ("generations", Some(policy.generations.to_string())),
        ("schedules", sorted(&policy.schedules)),
        ("auto_target_removal", Some(policy.auto_target_removal.as_str().to_owned())),
        ("success", Some(policy.success.as_str().to_owned())),
        ("retry.count", Some(policy.retry.count.to_string())),
        ("retry.wait", Some(policy.retry.wait.to_string())),
        ("scripts.enabled", policy.scripts.enabled.then(|| "true".to_owned())),
        ("scripts.timeout", unless(&policy.scripts.timeout, &Scripts::DEFAULT_TIMEOUT)),
        ("scripts.collect_output", policy.scripts.collect_output.then(|| "true".to_owned())),
        ("scripts.before", policy.scripts.before.as_ref().map(ToString::to_string)),
        ("scripts.after", policy.scripts.after.as_ref().map(ToString::to_string)),
        ("scripts.complete", policy.scripts.complete.as_ref().map(ToString::to_string)),
        ("vss", (!policy.vss.is_default()).then(|| policy.vss.as_str().to_owned())),
        ("max_frozen", policy.max_frozen.map(|wait| wait.to_string())),
        ("recovery.approval", policy.recovery.approval.then(|| "true".to_owned())),
        // Made by a tag scan after that policy: a file that names it takes it over.
        ("template", template),
    ];
    rows.extend(drill(policy.drill.as_ref()));
    rows
}

pub(super) fn target(target: &Target) -> Vec<Row> {
    let volumes = match &target.volumes {
        VolumeChoice::All => None,
        VolumeChoice::Include(only) => list(only).map(|ids| format!("include {ids}")),
        VolumeChoice::Exclude(but) => list(but).map(|ids| format!("exclude {ids}")),
    };
    vec![
        ("volumes", volumes),
        ("option", target.option.map(|option| option.to_string())),
        ("app_aware", target.app_aware.as_ref().map(ToString::to_string)),
        ("put_by", (target.put_by == PutBy::Tag).then(|| "tag".to_owned())),
    ]
}
