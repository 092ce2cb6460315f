//! What is well formed and makes no sense.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Document, PolicySpec};
use crate::{
    account::{Account, AccountError},
    drill::DrillRule,
    name::MAX_LEN,
    policy::{Origin, PolicyError},
    schedule::{ScheduleError, ScheduleSpec, Zone},
    target::TargetKey,
};

/// Something wrong at a place of a [`Document`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = DocumentProblem, description = "Something wrong at a place of a policy file."))]
pub struct Problem {
    /// Where, as a path into the document: `policies[2].targets[0].volumes`; empty: the whole of it.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Problem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), help: help.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.message, self.help)
    }
}

impl Document {
    /// What makes no sense in it, whatever is deployed: everything at once, in the order of the document.
    ///
    /// ```
    /// use cpm_domain::document::Document;
    ///
    /// let document: Document = serde_json::from_str(
    ///     r#"{"policies": [{"name": "web", "account": "main", "generations": 0}]}"#,
    /// )?;
    /// assert_eq!(document.check()[0].path, "policies[0].generations");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (n, account) in self.accounts.iter().enumerate() {
            problems.extend(check_account(n, account));
        }
        for (n, schedule) in self.schedules.iter().enumerate() {
            problems.extend(check_schedule(n, schedule));
        }
        for (n, policy) in self.policies.iter().enumerate() {
            check_policy(n, policy, &mut problems);
        }
        repeated("accounts", "account", self.accounts.iter().map(|a| a.name.as_str()), &mut problems);
        repeated("schedules", "schedule", self.schedules.iter().map(|s| s.name.as_str()), &mut problems);
        repeated("policies", "policy", self.policies.iter().map(|p| p.name.as_str()), &mut problems);
        problems
    }
}

fn repeated<'a>(section: &str, what: &str, names: impl Iterator<Item = &'a str>, problems: &mut Vec<Problem>) {
    let mut first = BTreeMap::new();
    for (n, name) in names.enumerate() {
        match first.get(name) {
            None => {
                first.insert(name, n);
            }
            Some(before) => problems.push(Problem::new(
                format!("{section}[{n}].name"),
                format!("{what} `{name}` is there already, at {section}[{before}]"),
                "give it another name, or keep one of the two",
            )),
        }
    }
}

fn check_account(n: usize, account: &Account) -> Option<Problem> {
    let error = account.check().err()?;
    let (field, help) = match &error {
        AccountError::BadRoleName(_) => {
            ("role.name", "up to 56 letters, digits and `_+=,.@-`: the cleaner's role has `-cleanup` after it")
        }
        AccountError::BadExternalId(_) => ("role.external_id", "2 to 1224 letters, digits and `_+=,.@:/-`"),
        AccountError::NoRegions => ("scan.regions", "leave it out to scan all Regions, or set `enabled: false`"),
    };
    let message = error.to_string();
    let message = message.split_once(": ").map_or(message.as_str(), |(message, _)| message);
    Some(Problem::new(format!("accounts[{n}].{field}"), message, help))
}

fn check_schedule(n: usize, spec: &ScheduleSpec) -> Option<Problem> {
    // Whether it can be resolved does not depend on the zone that it falls back to.
    let error = spec.resolve(&Zone::utc()).err()?;
    Some(schedule_problem(n, &error))
}

/// A schedule's error, at its place in the document.
pub(crate) fn schedule_problem(n: usize, error: &ScheduleError) -> Problem {
    let text = error.problem().to_string();
    let path = format!("schedules[{n}].{}", error.field());
    match text.split_once("; ") {
        Some((message, help)) => Problem::new(path, message, help),
        None if error.field() == "name" => {
            Problem::new(path, text, format!("a name has 1 to {MAX_LEN} letters, digits, `_`, `-` and `.`"))
        }
        None => Problem::new(path, text, "write an end after the start, or leave it out to run on"),
    }
}

fn check_policy(n: usize, spec: &PolicySpec, problems: &mut Vec<Problem>) {
    if let Err(error) = spec.to_policy(Origin::Person, Timestamp::UNIX_EPOCH).check() {
        let (field, help) = match &error {
            PolicyError::Generations(_) => ("generations", "30 is the default"),
            PolicyError::Retries(_) => ("retry.count", "3 is the default; 0 for none"),
            PolicyError::RepeatedSchedule(_) => ("schedules", "name it once"),
            PolicyError::MaxFrozen(_) => ("max_frozen", "write `10s`, or leave it out for no bound"),
        };
        let message = error.to_string().replacen(&format!("`{field}`"), "it", 1);
        problems.push(Problem::new(format!("policies[{n}].{field}"), message, help));
    }
    if let Err(refused) = spec.scripts.to_scripts() {
        problems.extend(refused.0.into_iter().map(|wrong| {
            let dot = if wrong.field.is_empty() { "" } else { "." };
            Problem::new(format!("policies[{n}].scripts{dot}{}", wrong.field), wrong.message, wrong.help)
        }));
    }
    let wrongs = spec.drill.iter().flat_map(DrillRule::check);
    problems.extend(
        wrongs.map(|wrong| Problem::new(format!("policies[{n}].drill.{}", wrong.field), wrong.message, wrong.help)),
    );
    let mut first: BTreeMap<TargetKey, usize> = BTreeMap::new();
    for (t, target) in spec.targets.iter().enumerate() {
        let at = format!("policies[{n}].targets[{t}]");
        match target.to_target() {
            Err((field, message, help)) => {
                let path = if field.is_empty() { at } else { format!("{at}.{field}") };
                problems.push(Problem::new(path, message, help));
            }
            Ok(target) => match first.insert(target.key(), t) {
                None => {}
                Some(before) => problems.push(Problem::new(
                    at,
                    format!("{} is there already, at targets[{before}]", target.key()),
                    "keep one of the two",
                )),
            },
        }
    }
}
