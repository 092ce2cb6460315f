//! Where an instance is launched, and what the place has: subnet, zone, groups, type, keys.

use std::collections::BTreeSet;

use super::{Findings, Subject, address, ebs, is_home, is_same_region, origin};
use crate::recovery::{
    facts::{Facts, Question, TypeFact},
    plan::InstancePlan,
};

/// The most instances of one launch: AWS asks to break larger ones up.
const MAX_COUNT: u32 = 100;

fn subnet(wanted: &InstancePlan) -> Option<&str> {
    ebs::said(wanted.subnet.as_ref())
}

/// What has to be asked of it.
pub(super) fn questions(wanted: &InstancePlan) -> Vec<Question> {
    let mut questions = address::questions(wanted);
    let ask = |question: fn(String) -> Question, text: Option<&String>| {
        ebs::said(text).map(|text| question(text.to_owned()))
    };
    questions.extend(ask(Question::Subnet, wanted.subnet.as_ref()));
    questions.extend(ask(Question::InstanceType, wanted.instance_type.as_ref()));
    questions.extend(ask(Question::KeyPair, wanted.key_pair.as_ref()));
    questions.extend(ask(Question::PlacementGroup, wanted.placement_group.as_ref()));
    questions.extend(ask(Question::ElasticIp, wanted.elastic_ip.as_ref()));
    questions.extend(wanted.security_groups.iter().flatten().cloned().map(Question::Group));
    // A subnet's zone is a zone.
    if subnet(wanted).is_none() && ebs::said(wanted.zone.as_ref()).is_some() {
        questions.push(Question::Zones);
    }
    questions
}

/// Names what is wrong with it.
pub(super) fn check(wanted: &InstancePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    check_count(wanted, facts, findings);
    check_zone(wanted, subject, facts, findings);
    address::check(wanted, facts, findings);
    check_elastic(wanted, subject, facts, findings);
    check_groups(wanted, subject, facts, findings);
    check_names(wanted, subject, facts, findings);
}

fn check_count(wanted: &InstancePlan, facts: &Facts, findings: &mut Findings) {
    let count = wanted.count.unwrap_or(1);
    if !(1..=MAX_COUNT).contains(&count) {
        findings.problem(
            "instance.count",
            format!("{count} instances cannot be launched at once"),
            format!("write 1 to {MAX_COUNT}"),
        );
    }
    let Some((id, fact)) = subnet(wanted).and_then(|id| Some((id, facts.subnets.get(id)?))) else { return };
    let more = wanted.secondary_ips.as_ref().map_or(0, Vec::len);
    let needed = i64::from(count).saturating_mul(i64::try_from(more).unwrap_or(i64::MAX).saturating_add(1));
    if i64::from(fact.free) < needed {
        findings.problem(
            "instance.subnet",
            format!("{id} has {} free addresses, and {needed} are needed", fact.free),
            "name another subnet, or end something in this one",
        );
    }
}

fn check_zone(wanted: &InstancePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let (field, zone) = ("instance.zone", ebs::said(wanted.zone.as_ref()));
    match (subnet(wanted), zone) {
        (Some(id), _) => match facts.subnets.get(id) {
            None => findings.problem(
                "instance.subnet",
                format!("there is no subnet {id}"),
                "name one of the Region, or write an empty text and `zone` for the default one of a zone",
            ),
            Some(fact) if zone.is_some_and(|zone| zone != fact.zone) => findings.problem(
                field,
                format!("the subnet {id} is in {}", fact.zone),
                "leave it out: the subnet has a zone; or name a subnet of this zone",
            ),
            Some(_) => {}
        },
        (None, Some(zone)) if !facts.zones.contains(zone) => findings.problem(
            field,
            format!("the Region has no zone {zone} that can be used"),
            format!("write one of {}", listed(&facts.zones)),
        ),
        (None, Some(_)) => {}
        (None, None) => findings.problem(
            "instance.subnet",
            format!("where it goes is not said: {}", why(subject)),
            "name a subnet, or write `zone` for the default one of a zone",
        ),
    }
}

/// Why the source does not say it.
fn why(subject: &Subject) -> &'static str {
    match origin(subject) {
        None => "what the source was like is not on record",
        Some(_) if !is_same_region(subject) => "the source was in another Region",
        Some(_) if !is_home(subject) => "the source was in another account",
        Some(_) => "those of the source may be of another VPC",
    }
}

fn check_elastic(wanted: &InstancePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let field = "instance.elastic_ip";
    let Some(allocation) = ebs::said(wanted.elastic_ip.as_ref()) else {
        return warn_of_elastic(wanted, subject, facts, findings);
    };
    if wanted.count.is_some_and(|count| count > 1) {
        let message = "an elastic address cannot be given to several instances";
        findings.problem(field, message, "leave it out, or write `count: 1`");
    }
    match facts.elastic.get(allocation) {
        Some(None) => {}
        Some(Some(other)) => findings.problem(
            field,
            format!("{other} has the elastic address {allocation}"),
            "name one that is free, or an empty text for none",
        ),
        None => findings.problem(
            field,
            format!("there is no elastic address {allocation}"),
            "name the allocation of one of the Region (`eipalloc-…`), or an empty text for none",
        ),
    }
}

/// The source's comes along where it can: that it does not is worth knowing, and no reason not to recover.
fn warn_of_elastic(wanted: &InstancePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let origin = origin(subject).filter(|_| is_home(subject) && wanted.count.unwrap_or(1) == 1);
    let Some(allocation) = origin.and_then(|origin| origin.elastic_ip.as_ref()) else { return };
    findings.warning(match facts.elastic.get(allocation) {
        Some(Some(other)) => format!("the elastic address {allocation} of the source stays with {other}"),
        _ => format!("the instance does not get the elastic address {allocation} that the source had"),
    });
}

fn check_groups(wanted: &InstancePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let Some(groups) = &wanted.security_groups else {
        return findings.problem(
            "instance.security_groups",
            format!("they are not said: {}", why(subject)),
            "name those of the subnet's VPC, or write `[]` for its default one",
        );
    };
    let place = subnet(wanted).and_then(|id| Some((id, facts.subnets.get(id)?.vpc.as_str())));
    // Without a subnet they still have to be of one VPC.
    let first = groups.iter().find_map(|group| facts.groups.get(group));
    for (n, group) in groups.iter().enumerate() {
        let field = format!("instance.security_groups[{n}]");
        match (facts.groups.get(group), place) {
            (None, _) => {
                findings.problem(
                    field,
                    format!("there is no security group {group}"),
                    "name one of the subnet's VPC by its id",
                );
            }
            (Some(vpc), Some((subnet, of))) if vpc != of => findings.problem(
                field,
                format!("{group} is of {vpc}, and the subnet {subnet} is of {of}"),
                format!("name a group of {of}"),
            ),
            (Some(vpc), None) if Some(vpc) != first => {
                findings.problem(
                    field,
                    format!("{group} is of {vpc}, and others are of another VPC"),
                    "name groups of one VPC",
                );
            }
            (Some(_), _) => {}
        }
    }
}

fn check_names(wanted: &InstancePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    match ebs::said(wanted.key_pair.as_ref()) {
        Some(key) if !facts.key_pairs.contains(key) => findings.problem(
            "instance.key_pair",
            format!("there is no key pair {key}"),
            "name one of the Region, or an empty text for none",
        ),
        None if origin(subject).is_some_and(|origin| origin.key_pair.is_some()) => {
            findings.warning("the instance is launched without a key pair; the users of the volumes keep their keys");
        }
        Some(_) | None => {}
    }
    if let Some(group) =
        ebs::said(wanted.placement_group.as_ref()).filter(|group| !facts.placement_groups.contains(*group))
    {
        findings.problem(
            "instance.placement_group",
            format!("there is no placement group {group}"),
            "name one of the Region, or an empty text for none",
        );
    }
}

/// What the machine has to be able to do.
pub(super) struct Needs<'a> {
    /// `hvm` or `paravirtual`, as far as is known.
    pub virtualization: Option<&'a str>,
    /// It has enhanced networking, as far as is known.
    pub ena: Option<bool>,
}

/// Names what is wrong with the instance type.
pub(super) fn check_type(
    wanted: &InstancePlan,
    needs: &Needs<'_>,
    subject: &Subject,
    facts: &Facts,
    findings: &mut Findings,
) {
    let field = "instance.type";
    let Some(name) = ebs::said(wanted.instance_type.as_ref()) else {
        return findings.problem(field, format!("it is not said: {}", why(subject)), "write one such as `m7i.large`");
    };
    let Some(fact) = facts.types.get(name) else {
        return findings.problem(field, format!("the Region has no instance type {name}"), "write another one");
    };
    if let Some(architecture) = wanted.architecture.as_ref().filter(|of| !fact.architectures.contains(of)) {
        findings.problem(
            field,
            format!("{name} does not run {architecture}: it runs {}", fact.architectures.join(", ")),
            format!("write a type for {architecture}"),
        );
    }
    let other = needs.virtualization.filter(|of| !fact.virtualizations.iter().any(|known| known == of));
    if let Some(virtualization) = other.filter(|_| !fact.virtualizations.is_empty()) {
        let message = format!("{name} does not run {virtualization} images");
        findings.problem(field, message, "write a type of an earlier generation, or launch from another image");
    }
    if fact.needs_ena && needs.ena == Some(false) {
        let message = format!("{name} needs enhanced networking (ENA), which the source did not have");
        findings.problem(field, message, "write a type of an earlier generation, such as one of m4 or t2");
    }
    check_offer(wanted, name, fact, facts, findings);
}

fn check_offer(wanted: &InstancePlan, name: &str, fact: &TypeFact, facts: &Facts, findings: &mut Findings) {
    let of_subnet = || subnet(wanted).and_then(|id| facts.subnets.get(id)).map(|fact| fact.zone.as_str());
    let Some(zone) = of_subnet().or(ebs::said(wanted.zone.as_ref())) else { return };
    if !fact.zones.is_empty() && !fact.zones.contains(zone) {
        findings.problem(
            "instance.type",
            format!("{name} is not offered in {zone}"),
            format!("write another type, or a subnet or zone of {}", listed(&fact.zones)),
        );
    }
}

fn listed(zones: &BTreeSet<String>) -> String {
    zones.iter().cloned().collect::<Vec<_>>().join(", ")
}
