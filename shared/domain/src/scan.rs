//! Tag scans: policies follow the `cpm backup` tags (§13 of the guide).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    app_aware::AppAware,
    aws::Tagged,
    id::Region,
    kind::Kind,
    name::{AccountName, PolicyName},
    policy::Policy,
    tag::{self, BackupOption},
    target::{PutBy, Resource, Target, TargetKey},
};

/// What an event told of the `cpm backup` tag of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagNews {
    /// Counted up by AWS with each change of the resource's tags: events come in any order.
    pub version: u64,
    /// Its value; none when it was taken off.
    pub value: Option<String>,
}

/// What a scan looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ScanKind {
    /// `cpm backup` tags of resources.
    #[default]
    Tags,
    /// Snapshots of the suite that are on no record.
    Snapshots,
}

/// One scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Scan {
    /// Its id; later ones sort after earlier ones.
    pub id: String,
    /// What it looked for.
    pub kind: ScanKind,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Who or what asked for it.
    pub asked_by: String,
    /// Places looked at.
    pub places: u32,
    /// Places that could not be read.
    pub failed_places: u32,
    /// Resources found.
    pub found: u32,
    /// Changes made, or, of a dry run, to be made.
    pub changes: u32,
    /// Tags that are wrong.
    pub errors: u32,
    /// A dry run changes nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// How loud a scan line is.
pub use crate::backup::Level;

/// One line of a scan's log: what was found, done or wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScanLine {
    /// Whose account.
    pub account: AccountName,
    /// Which Region.
    pub region: Region,
    /// The resource, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The tag's value as found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How loud.
    pub level: Level,
    /// The sentence.
    pub message: String,
}

/// What a scan does about what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Makes a policy after a template.
    CreatePolicy(Box<Policy>),
    /// Puts or changes a target.
    PutTarget(PolicyName, Target),
    /// Takes out a target that a tag put in.
    RemoveTarget(PolicyName, TargetKey),
}

/// What a scan of one account and Region starts from.
#[derive(Debug)]
pub struct Known<'a> {
    /// The account.
    pub account: &'a AccountName,
    /// The Region.
    pub region: &'a Region,
    /// All policies of the owner.
    pub policies: &'a [Policy],
    /// Targets of the policies of this account, in this Region.
    pub targets: &'a [(PolicyName, Target)],
    /// Kinds whose tags could not be read: their targets stay as they are.
    pub unread: &'a [Kind],
    /// Now.
    pub now: Timestamp,
}

/// What is to be done, and what is to be said.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// In order: a policy before its targets.
    pub actions: Vec<Action>,
    /// The log.
    pub lines: Vec<ScanLine>,
    /// Tags that are wrong.
    pub errors: u32,
}

impl Known<'_> {
    fn line(&self, tagged: Option<&Tagged>, level: Level, message: String) -> ScanLine {
        ScanLine {
            account: self.account.clone(),
            region: self.region.clone(),
            resource: tagged.map(|t| t.resource.id().to_owned()),
            value: tagged.map(|t| t.value.clone()),
            level,
            message,
        }
    }

    fn held(&self, policy: &PolicyName, key: &TargetKey) -> Option<&Target> {
        self.targets.iter().find(|(name, target)| name == policy && target.key() == *key).map(|(_, target)| target)
    }
}

/// Brings the policies in line with the tags found. `looked_at` says which resources were looked at: all of the account
/// and Region in a scan (`None`), one in a tag event.
///
/// What a tag put in, a tag takes out; what a person put in stays, also for `no-backup`: the log says so.
pub fn reconcile(known: &Known<'_>, found: &[Tagged], looked_at: Option<&Resource>) -> Reconciled {
    let mut out = Reconciled::default();
    let mut made: BTreeMap<PolicyName, Policy> = BTreeMap::new();
    let mut wanted: BTreeSet<(PolicyName, TargetKey)> = BTreeSet::new();
    for tagged in found {
        let parsed = tag::parse(&tagged.value, tagged.resource.kind());
        for error in &parsed.errors {
            out.errors += 1;
            let message = format!("{}; {}", error.message, error.help);
            out.lines.push(known.line(Some(tagged), Level::Error, message));
        }
        let key = TargetKey { region: known.region.clone(), resource: tagged.resource.clone() };
        if parsed.no_backup {
            out.lines.push(known.line(Some(tagged), Level::Info, no_backup(known, &key)));
        }
        // An entry that cannot be read may be one that stood before: what a spoilt tag put in earlier stays.
        if !parsed.errors.is_empty() {
            wanted.extend(
                known.targets.iter().filter(|(_, t)| t.key() == key).map(|(name, t)| (name.clone(), t.key())),
            );
        }
        for entry in &parsed.entries {
            match apply_entry(known, &mut made, &mut out, tagged, entry) {
                Ok(()) => {
                    wanted.insert((entry.policy.clone(), key.clone()));
                }
                Err(message) => {
                    out.errors += 1;
                    out.lines.push(known.line(Some(tagged), Level::Error, message));
                }
            }
        }
    }
    take_out(known, looked_at, &wanted, &mut out);
    out
}

fn no_backup(known: &Known<'_>, key: &TargetKey) -> String {
    let by_person: Vec<&str> = known
        .targets
        .iter()
        .filter(|(_, target)| target.key() == *key && target.put_by == PutBy::Person)
        .map(|(policy, _)| policy.as_str())
        .collect();
    if by_person.is_empty() {
        "not to be backed up, as its tag says".to_owned()
    } else {
        format!(
            "its tag says no-backup, but a person put it into {}: it stays there until a person takes it out",
            by_person.join(", ")
        )
    }
}

fn apply_entry(
    known: &Known<'_>,
    made: &mut BTreeMap<PolicyName, Policy>,
    out: &mut Reconciled,
    tagged: &Tagged,
    entry: &tag::Entry,
) -> Result<(), String> {
    let exists = |name: &PolicyName| known.policies.iter().find(|policy| policy.name == *name);
    let policy = match (exists(&entry.policy), &entry.template) {
        (Some(policy), _) => policy.clone(),
        (None, None) => return Err(format!("there is no policy `{}`: make it, or correct the tag", entry.policy)),
        (None, Some(template)) => {
            if let Some(policy) = made.get(&entry.policy) {
                policy.clone()
            } else {
                let Some(template) = exists(template) else {
                    return Err(format!(
                        "there is no policy `{template}` to make `{}` after: make it, or correct the tag",
                        entry.policy
                    ));
                };
                let policy = template.from_template(entry.policy.clone(), known.account.clone(), known.now);
                let message = format!("policy `{}` is made after `{}`", policy.name, template.name);
                out.lines.push(known.line(Some(tagged), Level::Info, message));
                out.actions.push(Action::CreatePolicy(Box::new(policy.clone())));
                made.insert(policy.name.clone(), policy.clone());
                policy
            }
        }
    };
    if policy.account != *known.account {
        return Err(format!(
            "policy `{}` is for the account `{}`, and the resource is in `{}`",
            policy.name, policy.account, known.account
        ));
    }
    put(known, out, tagged, entry, &policy.name);
    Ok(())
}

fn put(known: &Known<'_>, out: &mut Reconciled, tagged: &Tagged, entry: &tag::Entry, policy: &PolicyName) {
    let target = Target {
        option: entry.options.iter().copied().find(|option| *option != BackupOption::AppAware),
        app_aware: entry.options.contains(&BackupOption::AppAware).then(AppAware::default),
        ..Target::new(tagged.resource.clone(), known.region.clone(), PutBy::Tag)
    };
    let message = match known.held(policy, &target.key()) {
        Some(held) if held.put_by == PutBy::Person => {
            format!("already in policy `{policy}`, put in by a person: left as it is")
        }
        Some(held) if *held == target => format!("in policy `{policy}`"),
        Some(_) => {
            out.actions.push(Action::PutTarget(policy.clone(), target.clone()));
            format!("options changed in policy `{policy}`")
        }
        None => {
            out.actions.push(Action::PutTarget(policy.clone(), target.clone()));
            format!("added to policy `{policy}`")
        }
    };
    out.lines.push(known.line(Some(tagged), Level::Info, message));
}

fn take_out(
    known: &Known<'_>,
    looked_at: Option<&Resource>,
    wanted: &BTreeSet<(PolicyName, TargetKey)>,
    out: &mut Reconciled,
) {
    for (policy, target) in known.targets {
        let key = target.key();
        let seen = looked_at.is_none_or(|resource| *resource == target.resource);
        let unread = known.unread.contains(&target.resource.kind());
        if target.put_by == PutBy::Person || !seen || unread || wanted.contains(&(policy.clone(), key.clone())) {
            continue;
        }
        let line = ScanLine {
            resource: Some(target.resource.id().to_owned()),
            ..known.line(None, Level::Info, format!("taken out of policy `{policy}`: its tag no longer names it"))
        };
        out.lines.push(line);
        out.actions.push(Action::RemoveTarget(policy.clone(), key));
    }
}
