//! Private addresses.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use super::{Findings, ebs};
use crate::recovery::{
    facts::{Facts, Question, SubnetFact},
    plan::InstancePlan,
};

/// How many addresses at the start of a subnet AWS keeps for itself; the last one too (VPC user guide, "Subnet sizing").
const RESERVED: u32 = 4;

/// The addresses of a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cidr {
    first: u32,
    last: u32,
}

impl Cidr {
    /// Read from `10.0.0.0/24`.
    pub fn read(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address: u32 = address.parse::<Ipv4Addr>().ok()?.into();
        let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
        let host = u32::MAX.checked_shr(bits).unwrap_or(0);
        Some(Self { first: address & !host, last: address | host })
    }

    fn has(self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address.into())
    }

    fn is_reserved(self, address: Ipv4Addr) -> bool {
        let address: u32 = address.into();
        address == self.last || address.saturating_sub(self.first) < RESERVED
    }
}

/// The addresses that a plan names, with their fields.
fn named(wanted: &InstancePlan) -> impl Iterator<Item = (String, &str)> {
    let first = ebs::said(wanted.private_ip.as_ref()).map(|ip| ("instance.private_ip".to_owned(), ip));
    let more = wanted.secondary_ips.iter().flatten().enumerate();
    first.into_iter().chain(more.map(|(n, ip)| (format!("instance.secondary_ips[{n}]"), ip.as_str())))
}

/// Whether something has them.
pub(super) fn questions(wanted: &InstancePlan) -> Vec<Question> {
    let Some(subnet) = ebs::said(wanted.subnet.as_ref()) else { return Vec::new() };
    let address = |ip: &str| ip.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    let asked = named(wanted).filter_map(|(_, ip)| address(ip));
    asked.map(|ip| Question::Address { subnet: subnet.to_owned(), ip }).collect()
}

/// Names what is wrong with them.
pub(super) fn check(wanted: &InstancePlan, facts: &Facts, findings: &mut Findings) {
    let subnet = ebs::said(wanted.subnet.as_ref());
    let fact = subnet.and_then(|subnet| Some((subnet, facts.subnets.get(subnet)?)));
    let mut seen = BTreeSet::new();
    for (field, text) in named(wanted) {
        let Ok(address) = text.parse::<Ipv4Addr>() else {
            findings.problem(field, format!("`{text}` is not an IPv4 address"), "write one such as 10.0.1.23");
            continue;
        };
        if wanted.count.is_some_and(|count| count > 1) {
            let message = format!("{text} cannot be given to several instances");
            findings.problem(field.clone(), message, "leave it out, or write `count: 1`");
        }
        if !seen.insert(address) {
            findings.problem(field.clone(), format!("{text} is there already"), "name each address once");
        }
        match fact {
            Some((subnet, fact)) => check_in(&field, address, subnet, fact, facts, findings),
            None if subnet.is_none() => findings.problem(
                field,
                format!("{text} is an address of a subnet, and none is named"),
                "write `subnet`, or an empty text for an address that AWS chooses",
            ),
            // That the subnet is not there is said of the subnet.
            None => {}
        }
    }
}

fn check_in(field: &str, address: Ipv4Addr, subnet: &str, fact: &SubnetFact, facts: &Facts, findings: &mut Findings) {
    let other = "write another one, or an empty text for one that AWS chooses";
    let taken = facts.taken.contains(&(subnet.to_owned(), IpAddr::V4(address)));
    match Cidr::read(&fact.cidr) {
        Some(cidr) if !cidr.has(address) => {
            findings.problem(
                field,
                format!("{address} is not in the subnet {subnet}, which has {}", fact.cidr),
                other,
            );
        }
        Some(cidr) if cidr.is_reserved(address) => {
            findings.problem(field, format!("AWS keeps {address} of {subnet} for itself"), other);
        }
        _ if taken => findings.problem(
            field,
            format!("{address} is taken in {subnet}"),
            format!("{other}; or end what has it, such as the instance that was backed up"),
        ),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("10.0.1.4", true, false)]
    #[case("10.0.1.3", true, true)]
    #[case("10.0.1.0", true, true)]
    #[case("10.0.1.127", true, true)]
    #[case("10.0.1.126", true, false)]
    #[case("10.0.1.128", false, false)]
    #[case("10.0.0.255", false, true)]
    fn addresses_of_a_subnet(#[case] address: &str, #[case] has: bool, #[case] reserved: bool) {
        let (cidr, address) = (Cidr::read("10.0.1.0/25").unwrap(), address.parse().unwrap());
        assert_eq!((cidr.has(address), cidr.is_reserved(address)), (has, reserved));
    }

    #[rstest]
    #[case("0.0.0.0/0", true)]
    #[case("10.0.0.1/32", true)]
    #[case("10.0.0.1/33", false)]
    #[case("2001:db8::/64", false)]
    #[case("10.0.0.1", false)]
    fn what_is_no_cidr_is_none(#[case] text: &str, #[case] is: bool) {
        assert_eq!(Cidr::read(text).is_some(), is);
    }
}
