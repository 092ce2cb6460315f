//! Names of units, for kinds of units that have one: legal, unique, and telling policy, source and time.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    id::UnitSetId,
    kind::Resource,
    name::{OwnerName, PolicyName},
    provenance::Provenance,
    unit::UnitKind,
};

/// The most characters of the name of an image (`CreateImage`).
const MAX_IMAGE: usize = 128;
/// The most characters of the name of a snapshot of a database or a cluster.
const MAX_SNAPSHOT: usize = 255;
/// The most characters of the name of a table's backup (`CreateBackup`).
const MAX_TABLE: usize = 255;

/// The name of the unit of a set, of a backup that began at `started`. A snapshot of a volume has none of its own; it
/// gets one all the same.
///
/// A table's backup has no tags: its name says what the tags of other units say.
pub fn unit_name(kind: UnitKind, provenance: &Provenance, started: Timestamp) -> String {
    match kind {
        UnitKind::DynamodbBackup => of_table(provenance),
        UnitKind::Ami => spoken(provenance, started, MAX_IMAGE),
        UnitKind::EbsSnapshot | UnitKind::RdsSnapshot | UnitKind::AuroraSnapshot | UnitKind::RedshiftSnapshot => {
            spoken(provenance, started, MAX_SNAPSHOT)
        }
    }
}

/// `cpm-web-orders-20260301t0200z-17-3`: lower-case letters, digits and single hyphens, a letter first, as RDS and
/// Redshift want it. What makes it unique stands last and is never cut.
fn spoken(provenance: &Provenance, started: Timestamp, most: usize) -> String {
    let time = started.to_zoned(TimeZone::UTC).strftime("%Y%m%dt%H%Mz").to_string();
    let last = format!("-{time}-{}", provenance.unit);
    let words = hyphened(&format!("cpm-{}-{}", provenance.policy, provenance.source.id()));
    let mut name: String = words.chars().take(most.saturating_sub(last.len())).collect();
    name.truncate(name.trim_end_matches('-').len());
    name + &last
}

fn hyphened(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            words.push(character.to_ascii_lowercase());
        } else if !words.ends_with('-') {
            words.push('-');
        }
    }
    words
}

/// What stands between the parts of a table's backup's name. A dot of a part is written twice.
const BETWEEN: &str = ".-";

fn of_table(provenance: &Provenance) -> String {
    let part = |text: &str| text.replace('.', "..");
    let parts = [
        "cpm".to_owned(),
        provenance.unit.to_string(),
        part(provenance.owner.as_str()),
        part(provenance.policy.as_str()),
        part(&provenance.deployment),
    ];
    // The deployment stands last: it is given by people and alone can be long.
    parts.join(BETWEEN).chars().take(MAX_TABLE).collect()
}

/// What the name of a table's backup says; none when it is not one of `deployment`.
///
/// ```
/// use cpm_domain::{kind::{Kind, Resource}, unit_name::read_table_backup};
///
/// let table = Resource::new(Kind::Dynamodb, "sessions")?;
/// let found = read_table_backup("cpm.-17-3.-root.-web..site.-cpm", "cpm", &table).unwrap();
/// assert_eq!((found.unit.to_string().as_str(), found.policy.as_str()), ("17-3", "web.site"));
/// assert_eq!(read_table_backup("before-the-migration", "cpm", &table), None);
/// # Ok::<(), cpm_domain::id::IdError>(())
/// ```
pub fn read_table_backup(name: &str, deployment: &str, table: &Resource) -> Option<Provenance> {
    let [ours, unit, owner, policy, of] = parts(name).try_into().ok()?;
    let unit: UnitSetId = unit.parse().ok()?;
    let (owner, policy): (OwnerName, PolicyName) = (owner.parse().ok()?, policy.parse().ok()?);
    let found = Provenance { deployment: deployment.to_owned(), owner, policy, unit, source: table.clone() };
    // A long name of a deployment was cut off.
    let is_ours = ours == "cpm" && (of == deployment || of_table(&found) == name);
    is_ours.then_some(found)
}

fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        let next = if character == '.' { characters.next() } else { None };
        match (character, next) {
            ('.', Some('-')) => parts.push(String::new()),
            _ => parts.last_mut().into_iter().for_each(|part| part.push(character)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kind::Kind;

    fn provenance(policy: &str, kind: Kind, source: &str) -> Provenance {
        Provenance {
            deployment: "cpm".to_owned(),
            owner: OwnerName::root(),
            policy: policy.parse().unwrap(),
            unit: "17-3".parse().unwrap(),
            source: Resource::new(kind, source).unwrap(),
        }
    }

    fn started() -> Timestamp {
        "2026-03-01T02:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_name_tells_policy_source_and_time() {
        let name = unit_name(UnitKind::RdsSnapshot, &provenance("Web_Site.2", Kind::Rds, "Orders"), started());
        assert_eq!(name, "cpm-web-site-2-orders-20260301t0200z-17-3");
    }

    fn is_legal_for_rds(name: &str) -> bool {
        name.len() <= MAX_SNAPSHOT
            && name.starts_with("cpm")
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !name.contains("--")
            && !name.ends_with('-')
    }

    proptest! {
        #[test]
        fn names_are_legal_whatever_the_policy(policy in "[A-Za-z0-9_.-]{1,64}", table in "[A-Za-z0-9_.-]{3,255}") {
            prop_assume!(policy.parse::<PolicyName>().is_ok());
            let of_database = unit_name(UnitKind::AuroraSnapshot, &provenance(&policy, Kind::Aurora, "ledger"), started());
            prop_assert!(is_legal_for_rds(&of_database), "{of_database}");
            let id = "i-0123456789abcdef0";
            let of_instance = unit_name(UnitKind::Ami, &provenance(&policy, Kind::Instance, id), started());
            prop_assert!((3..=MAX_IMAGE).contains(&of_instance.len()), "{of_instance}");
            prop_assert!(of_instance.ends_with("-17-3"));
            let of_table = unit_name(UnitKind::DynamodbBackup, &provenance(&policy, Kind::Dynamodb, &table), started());
            prop_assert!((3..=MAX_TABLE).contains(&of_table.len()), "{of_table}");
        }

        #[test]
        fn the_name_of_a_table_backup_reads_back(policy in "[A-Za-z0-9_.-]{1,64}", deployment in "[a-z][a-z0-9.-]{0,40}") {
            prop_assume!(policy.parse::<PolicyName>().is_ok());
            let made = Provenance { deployment, ..provenance(&policy, Kind::Dynamodb, "sessions") };
            let name = unit_name(UnitKind::DynamodbBackup, &made, started());
            let read = read_table_backup(&name, &made.deployment, &made.source);
            prop_assert_eq!(read, Some(made.clone()));
            prop_assert_eq!(read_table_backup(&name, "another", &made.source), None);
        }
    }
}
