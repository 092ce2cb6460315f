//! Texts of a plan that AWS reads: user data, ARNs, words, names of instance store volumes.

use std::collections::BTreeMap;

use super::{Findings, ebs};
use crate::{id::is_ec2_id, origin::MetadataOptions, recovery::plan::InstancePlan};

/// The most bytes of user data, before base64 (EC2 user guide).
const MAX_USER_DATA: usize = 16 * 1024;
/// How many instance store volumes any type has.
const MAX_EPHEMERAL: u8 = 24;
/// AWS's words.
const ARCHITECTURES: [&str; 5] = ["x86_64", "arm64", "i386", "x86_64_mac", "arm64_mac"];
const TENANCIES: [&str; 3] = ["default", "dedicated", "host"];

/// Names what is wrong with them.
pub(super) fn check(wanted: &InstancePlan, shared_with: Option<&str>, findings: &mut Findings) {
    check_user_data(wanted, findings);
    check_profile(wanted, shared_with, findings);
    if let Some(metadata) = &wanted.metadata {
        check_metadata(metadata, findings);
    }
    if let Some(tenancy) = ebs::said(wanted.tenancy.as_ref()) {
        check_word("instance.tenancy", tenancy, &TENANCIES, findings);
    }
    for (device, name) in wanted.ephemeral.iter().flatten() {
        check_ephemeral(device, name, findings);
    }
}

/// Names what is wrong with those of an image.
pub(super) fn check_image(wanted: &InstancePlan, findings: &mut Findings) {
    if let Some(architecture) = &wanted.architecture {
        check_word("instance.architecture", architecture, &ARCHITECTURES, findings);
    }
    for (field, id, prefix) in [("kernel", &wanted.kernel, "aki-"), ("ramdisk", &wanted.ramdisk, "ari-")] {
        if let Some(id) = ebs::said(id.as_ref()).filter(|id| !is_ec2_id(id, prefix)) {
            let message = format!("`{id}` is not the id of a {field}");
            findings.problem(format!("instance.{field}"), message, format!("write one such as `{prefix}0123abcd`"));
        }
    }
}

fn check_word(field: &str, word: &str, words: &[&str], findings: &mut Findings) {
    if !words.contains(&word) {
        findings.problem(field, format!("AWS does not know `{word}`"), format!("write one of {}", words.join(", ")));
    }
}

fn check_user_data(wanted: &InstancePlan, findings: &mut Findings) {
    let field = "instance.user_data";
    match wanted.user_data.as_deref().map(decoded) {
        Some(None) => {
            findings.problem(
                field,
                "it is not base64",
                "write what `base64 -w0 FILE` gives, or an empty text for none",
            );
        }
        Some(Some(length)) if length > MAX_USER_DATA => findings.problem(
            field,
            format!("it has {length} bytes: AWS takes {MAX_USER_DATA}"),
            "make it smaller: let it fetch the rest",
        ),
        _ => {}
    }
}

/// How many bytes a text in base64 means; none: it is not base64.
fn decoded(text: &str) -> Option<usize> {
    let signs = text.trim_end_matches('=');
    let padding = text.len().checked_sub(signs.len())?;
    let all = signs.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    (all && padding <= 2 && text.len().is_multiple_of(4)).then(|| signs.len().saturating_mul(3) / 4)
}

fn check_profile(wanted: &InstancePlan, shared_with: Option<&str>, findings: &mut Findings) {
    let Some(arn) = ebs::said(wanted.profile.as_ref()) else { return };
    let field = "instance.profile";
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", partition, "iam", "", account, path]
            if partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && path.strip_prefix("instance-profile/").is_some_and(|name| !name.is_empty()) =>
        {
            if shared_with.is_some_and(|other| other != *account) {
                let message = format!("the instance profile is of account {account}");
                findings.problem(field, message, "name one of the account that the recovery goes to");
            }
        }
        _ => findings.problem(
            field,
            format!("`{arn}` is not the ARN of an instance profile"),
            "write one such as `arn:aws:iam::111122223333:instance-profile/web`",
        ),
    }
}

fn check_metadata(metadata: &MetadataOptions, findings: &mut Findings) {
    let words = [
        ("http_tokens", &metadata.http_tokens, ["required", "optional"]),
        ("http_endpoint", &metadata.http_endpoint, ["enabled", "disabled"]),
        ("instance_tags", &metadata.instance_tags, ["enabled", "disabled"]),
    ];
    for (field, word, words) in words {
        if let Some(word) = word {
            check_word(&format!("instance.metadata.{field}"), word, &words, findings);
        }
    }
    if metadata.hop_limit.is_some_and(|limit| !(1..=64).contains(&limit)) {
        findings.problem("instance.metadata.hop_limit", "it is out of range", "write 1 to 64");
    }
}

fn check_ephemeral(device: &str, name: &str, findings: &mut Findings) {
    let field = format!("instance.ephemeral.{device}");
    if !ebs::is_device(device) {
        findings.problem(
            field.clone(),
            format!("`{device}` is not the name of a device"),
            "write one such as `/dev/sdb`",
        );
    }
    let number: Option<u8> = name.strip_prefix("ephemeral").and_then(|number| number.parse().ok());
    if number.is_none_or(|number| number >= MAX_EPHEMERAL) {
        findings.problem(
            field,
            format!("`{name}` is not the name of an instance store volume"),
            "write `ephemeral0` and so on",
        );
    }
}

/// The devices of instance store volumes, for what else would have them.
pub(super) fn ephemeral_devices(wanted: &InstancePlan) -> BTreeMap<String, String> {
    let devices = wanted.ephemeral.iter().flatten();
    devices.map(|(device, _)| (device.clone(), format!("instance.ephemeral.{device}"))).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", Some(0))]
    #[case("aGk=", Some(2))]
    #[case("aGV5", Some(3))]
    #[case("aA==", Some(1))]
    #[case("#!/bin/sh", None)]
    #[case("aGk", None)]
    #[case("a===", None)]
    #[case("aG k", None)]
    fn base64_is_told_by_its_form(#[case] text: &str, #[case] length: Option<usize>) {
        assert_eq!(decoded(text), length);
    }
}
