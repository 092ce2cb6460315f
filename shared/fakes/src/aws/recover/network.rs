//! What is in every Region of the accounts, so that a plan has something to go to.

use std::collections::BTreeSet;

use cpm_domain::recovery::facts::{SubnetFact, SubnetGroupFact, TypeFact};

use super::super::cloud::Home;

pub(super) const VPC: &str = "vpc-0123456789abcdef0";
const SUBNET: &str = "subnet-0123456789abcdef0";
const OTHER_SUBNET: &str = "subnet-0000000000000000b";
pub(super) const GROUP: &str = "sg-0123456789abcdef0";
pub(super) const KEY_PAIR: &str = "ops";

pub(super) fn zones(home: &Home) -> BTreeSet<String> {
    ["a", "b", "c"].iter().map(|zone| format!("{}{zone}", home.region)).collect()
}

pub(super) fn subnet(home: &Home, id: &str) -> Option<SubnetFact> {
    let (zone, cidr) = match id {
        SUBNET => ("a", "10.0.0.0/17"),
        OTHER_SUBNET => ("b", "10.0.128.0/17"),
        _ => return None,
    };
    let (zone, cidr) = (format!("{}{zone}", home.region), cidr.to_owned());
    Some(SubnetFact { zone, vpc: VPC.to_owned(), cidr, free: 200, public: false })
}

/// A type that every zone offers; all of one family are for ARM.
pub(super) fn instance_type(home: &Home, name: &str) -> Option<TypeFact> {
    let (family, _) = name.split_once('.')?;
    let architecture = if family.ends_with('g') { "arm64" } else { "x86_64" };
    Some(TypeFact {
        architectures: vec![architecture.to_owned()],
        virtualizations: vec!["hvm".to_owned()],
        needs_ena: false,
        zones: zones(home),
    })
}

pub(super) fn subnet_group(home: &Home, name: &str) -> Option<SubnetGroupFact> {
    matches!(name, "databases" | "warehouses").then(|| SubnetGroupFact { vpc: VPC.to_owned(), zones: zones(home) })
}
