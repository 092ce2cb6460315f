//! What the kinds that AWS restores as a whole have in common: databases, clusters, tables.

use super::{Findings, Subject, tags};
pub(super) use super::{tags::own as own_tags, works::Works};
use crate::{
    aws::Tags,
    id::{Region, UnitId},
    kind::{Kind, Resource},
    recovery::facts::{Facts, ManagedFact, Question, SubnetGroupFact},
    unit::{Unit, UnitKind, UnitState},
};

/// As many of them as fit beside the suite's own, which win.
pub(super) fn fitting(wanted: Option<&Tags>) -> Tags {
    let own = wanted.map(own_tags).unwrap_or_default();
    own.into_iter().take(tags::ROOM).collect()
}

/// The unit of a kind that it is made of, and what AWS calls it: one that is complete, if there is one.
pub(super) fn unit(subject: &Subject, kind: UnitKind) -> Option<(&Unit, &UnitId)> {
    let of_kind = subject.units.iter().filter(|unit| unit.kind == kind);
    let named = of_kind.filter_map(|unit| unit.id.as_ref().map(|id| (unit, id)));
    named.min_by_key(|(unit, _)| unit.state != UnitState::Completed)
}

/// By what AWS knows a snapshot of a database or a cluster: one that another account shares, by its ARN alone. `between`
/// stands in the ARN before the identifier.
pub(super) fn snapshot_name(subject: &Subject, id: &UnitId, service: &str, between: &str) -> String {
    match &subject.shared_by {
        Some(account) if !id.as_str().starts_with("arn:") => {
            let (partition, region) = (partition(&subject.region), &subject.region);
            format!("arn:{partition}:{service}:{region}:{account}:{between}{id}")
        }
        _ => id.to_string(),
    }
}

fn partition(region: &Region) -> &'static str {
    match region.as_str() {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// What is set and not empty: an empty text means "none" in a plan.
pub(super) fn some(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// A default group needs no name: AWS takes it by itself, and it may not be listed before its first use.
pub(super) fn own_group(name: Option<&String>) -> Option<String> {
    some(name).filter(|name| !name.starts_with("default.") && !name.starts_with("default:"))
}

/// Names for a thing whose own name is taken.
pub(super) fn proposals(name: &str, subject: &Subject, most: usize) -> [String; 2] {
    [format!("-from-{}", subject.backup), "-recovered".to_owned()].map(|last| {
        let kept = name.get(..most.saturating_sub(last.len()).min(name.len())).unwrap_or_default();
        kept.trim_end_matches('-').to_owned() + &last
    })
}

/// Asks for a name and, in case that it is taken, for others.
pub(super) fn ask_name(
    questions: &mut Vec<Question>,
    kind: Kind,
    name: Option<&str>,
    subject: &Subject,
    is: fn(String) -> Question,
) {
    let Some(name) = name.filter(|name| Resource::new(kind, name).is_ok()) else { return };
    questions.push(is(name.to_owned()));
    questions.extend(proposals(name, subject, longest(kind)).map(is));
}

/// The most characters of a name.
pub(super) const fn longest(kind: Kind) -> usize {
    match kind {
        Kind::Dynamodb => 255,
        _ => 63,
    }
}

fn rule(kind: Kind) -> &'static str {
    match kind {
        Kind::Dynamodb => "write 3 to 255 letters, digits and `_ . -`",
        Kind::Redshift => {
            "write 1 to 63 lower-case letters, digits and hyphens: a letter first, no hyphen last, no two in a row"
        }
        _ => "write 1 to 63 letters, digits and hyphens: a letter first, no hyphen last, no two in a row",
    }
}

/// What one of these plans is held against.
pub(super) struct Check<'a> {
    /// What its fields begin with: `rds`.
    pub(super) at: &'static str,
    pub(super) subject: &'a Subject,
    pub(super) facts: &'a Facts,
    pub(super) findings: &'a mut Findings,
}

impl<'a> Check<'a> {
    /// Adds what is wrong with a field of the plan.
    pub(super) fn problem(&mut self, field: &str, message: impl Into<String>, advice: impl Into<String>) {
        self.findings.problem(format!("{}.{field}", self.at), message, advice);
    }

    /// Looks whether what it is made of is there. Says what AWS knows of it.
    pub(super) fn snapshot(&mut self, kind: UnitKind) -> Option<&'a ManagedFact> {
        let (backup, source, noun) = (self.subject.backup, self.subject.source.id(), kind.noun());
        if self.subject.origin.is_none() {
            self.findings.warning(format!(
                "how {source} was at backup {backup} is not on record: what the plan leaves out is as AWS has it"
            ));
        }
        let another = "recover from another backup: `cpm backup list` shows them";
        let Some((unit, id)) = unit(self.subject, kind) else {
            self.findings.problem("backup", format!("backup {backup} has no {noun} of {source}"), another);
            return None;
        };
        let facts = self.facts;
        let Some(fact) = facts.managed.get(id).filter(|_| unit.state != UnitState::Deleted) else {
            self.findings.problem("backup", format!("the {noun} {id} is gone from AWS"), another);
            return None;
        };
        if !fact.status.eq_ignore_ascii_case("available") {
            let comes = ["creating", "copying", "pending"].iter().any(|word| fact.status.eq_ignore_ascii_case(word));
            let advice = if comes { "wait until it is available" } else { another };
            self.findings.problem("backup", format!("the {noun} {id} is {} and not available", fact.status), advice);
        }
        Some(fact)
    }

    /// Looks at the key of what it is made of: AWS reads that by it.
    pub(super) fn snapshot_key(&mut self, fact: Option<&ManagedFact>, recorded: Option<&String>) {
        if let Some(key) = recorded.filter(|_| fact.is_none_or(|fact| fact.encrypted)) {
            self.key("backup", key, "what was backed up is encrypted with it");
        }
    }

    /// Whether the KMS key of a field can be used.
    pub(super) fn kms_key(&mut self, field: &str, key: Option<&String>, recorded: Option<&String>) {
        // The key of the snapshot is looked at with the snapshot.
        if let Some(key) = key.filter(|key| !key.is_empty() && Some(*key) != recorded) {
            let field = format!("{}.{field}", self.at);
            self.key(&field, key, "the plan names it");
        }
    }

    fn key(&mut self, field: &str, key: &str, why: &str) {
        match self.facts.keys.get(key).map(String::as_str) {
            Some("Enabled") => {}
            Some(state) => self.findings.problem(
                field,
                format!("the KMS key {key} is {state}, and {why}"),
                match state {
                    "PendingDeletion" => "cancel its deletion and enable it while it is there still",
                    _ => "enable it in KMS",
                },
            ),
            None => self.findings.problem(
                field,
                format!("there is no KMS key {key} that can be seen, and {why}"),
                "write the ARN of a key of the Region; a key of another account must let this one use it",
            ),
        }
    }

    /// What is encrypted with a key of AWS's own cannot be shared.
    pub(super) fn shared_key(&mut self, fact: Option<&ManagedFact>, recorded: Option<&String>) {
        let Some(account) = &self.subject.shared_with else { return };
        let Some(fact) = fact.filter(|fact| fact.encrypted) else { return };
        let keys: Vec<&String> = fact.kms_key.iter().chain(recorded).collect();
        let of_aws = |key: &&&String| self.facts.aws_keys.contains(**key) || key.contains("alias/aws/");
        if let Some(key) = keys.iter().find(of_aws) {
            self.findings.problem(
                "account",
                format!("the backup is encrypted with {key}, a key of AWS's own, and cannot be shared with {account}"),
                "recover into the account of the backup; encrypt the source with a key of your own for the next backup",
            );
        }
    }

    /// AWS restores no encrypted snapshot of a database straight from another account.
    pub(super) fn shared_encrypted(&mut self, fact: Option<&ManagedFact>, recorded: Option<&String>) {
        let before = self.findings.problems.len();
        self.shared_key(fact, recorded);
        let Some(account) = &self.subject.shared_with else { return };
        if self.findings.problems.len() == before && fact.is_some_and(|fact| fact.encrypted) {
            self.findings.problem(
                "account",
                format!("the backup is encrypted, and AWS restores no encrypted snapshot of another account in {account}"),
                "recover into the account of the backup, or copy the snapshot into the other account, under a key of that one, and restore the copy",
            );
        }
    }

    /// Whether a name is legal and free. One that is taken comes with one that is not.
    pub(super) fn name(&mut self, field: &str, kind: Kind, name: Option<&str>, is: fn(String) -> Question) {
        let Some(name) = name else { return };
        if Resource::new(kind, name).is_err() {
            self.problem(field, format!("`{name}` cannot be the name of {}", kind.noun()), rule(kind));
            return;
        }
        if !self.facts.names.contains(&is(name.to_owned())) {
            return;
        }
        let free = proposals(name, self.subject, longest(kind))
            .into_iter()
            .find(|other| !self.facts.names.contains(&is(other.clone())));
        let advice = match free {
            Some(free) => format!("write another, such as `{free}`; or rename or delete the one that has it"),
            None => "write one that is free; or rename or delete the one that has it".to_owned(),
        };
        self.problem(field, format!("the name `{name}` is taken by {}", kind.noun()), advice);
    }

    /// Whether a named thing is there.
    pub(super) fn there(&mut self, field: &str, name: Option<&String>, noun: &str, is: fn(String) -> Question) {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return };
        let question = is(name.clone());
        if !self.facts.names.contains(&question) && !self.facts.subnet_groups.contains_key(&question) {
            self.problem(
                field,
                format!("there is no {noun} `{name}` where the recovery goes to"),
                "make it first, or write the name of another",
            );
        }
    }

    /// What is known of a subnet group.
    pub(super) fn network(&self, name: Option<&String>, is: fn(String) -> Question) -> Option<&'a SubnetGroupFact> {
        self.facts.subnet_groups.get(&is(name?.clone()))
    }

    /// What was in a VPC can only be restored in one.
    pub(super) fn stays_in_vpc(&mut self, field: &str, name: Option<&String>, before: Option<&String>) {
        if name.is_none_or(String::is_empty)
            && let Some(before) = before
        {
            self.problem(
                field,
                "it was in a VPC, and AWS restores it in one only",
                format!("name a subnet group: the old one was `{before}`"),
            );
        }
    }

    /// Whether security groups are there, and all of one VPC.
    pub(super) fn groups(&mut self, groups: &[String], network: Option<&SubnetGroupFact>) {
        let mut vpc = network.map(|network| network.vpc.as_str());
        let facts = self.facts;
        for (n, group) in groups.iter().enumerate() {
            let field = format!("security_groups[{n}]");
            match (facts.groups.get(group), vpc) {
                (None, _) => self.problem(
                    &field,
                    format!("there is no security group {group} where the recovery goes to"),
                    "write the ids of groups of the VPC that it goes to",
                ),
                (Some(of), Some(vpc)) if of != vpc => self.problem(
                    &field,
                    format!("the security group {group} is of {of}, and the recovery goes to {vpc}"),
                    format!("write the ids of groups of {vpc}"),
                ),
                (Some(of), _) => vpc = Some(of),
            }
        }
    }

    /// Whether a zone is there, and the subnet group reaches it.
    pub(super) fn zone(&mut self, field: &str, zone: Option<&String>, network: Option<&SubnetGroupFact>) {
        let Some(zone) = zone.filter(|zone| !zone.is_empty()) else { return };
        let list = |zones: &std::collections::BTreeSet<String>| zones.iter().cloned().collect::<Vec<_>>().join(", ");
        if !self.facts.zones.is_empty() && !self.facts.zones.contains(zone) {
            let there = list(&self.facts.zones);
            self.problem(field, format!("there is no zone `{zone}`"), format!("write one of {there}"));
        } else if let Some(network) = network.filter(|network| !network.zones.contains(zone)) {
            let there = list(&network.zones);
            self.problem(
                field,
                format!("the subnet group has no subnet in {zone}"),
                format!("write one of {there}, or leave it out"),
            );
        }
    }

    /// Whether a port is one that AWS takes.
    pub(super) fn port(&mut self, port: Option<i32>, ranges: &[(i32, i32)], engine: &str) {
        let Some(port) = port else { return };
        if !ranges.iter().any(|(first, last)| (*first..=*last).contains(&port)) {
            let ranges: Vec<String> = ranges.iter().map(|(first, last)| format!("{first} to {last}")).collect();
            self.problem(
                "port",
                format!("{port} is no port for {engine}"),
                format!("write one of {}", ranges.join(" or ")),
            );
        }
    }

    /// Whether AWS takes the tags.
    pub(super) fn tags(&mut self, wanted: Option<&Tags>) {
        if let Some(own) = wanted {
            tags::check(&format!("{}.tags", self.at), own, self.findings);
        }
    }
}

#[cfg(test)]
pub(super) mod sample;

#[cfg(test)]
mod tests;
