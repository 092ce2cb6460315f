//! The tags that say where a snapshot comes from: by them records are rebuilt and nothing is made twice.

use crate::{
    aws::{MAX_TAGS, Tags},
    id::{BackupId, UnitSetId},
    name::{OwnerName, PolicyName},
    target::Resource,
};

/// The deployment that made it.
pub const DEPLOYMENT: &str = "cpm:deployment";
/// The owner of the policy.
pub const OWNER: &str = "cpm:owner";
/// The policy.
pub const POLICY: &str = "cpm:policy";
/// The number of the backup.
pub const BACKUP: &str = "cpm:backup";
/// The set of units, by which a repeated step asks first.
pub const UNIT: &str = "cpm:unit";
/// The target: for a set, the instance; the volume that AWS records tells its snapshots apart.
pub const SOURCE: &str = "cpm:source";

/// What the suite's own tags say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The deployment.
    pub deployment: String,
    /// The owner.
    pub owner: OwnerName,
    /// The policy.
    pub policy: PolicyName,
    /// The set, and by it the backup.
    pub unit: UnitSetId,
    /// The target.
    pub source: Resource,
}

impl Provenance {
    /// The backup.
    pub fn backup(&self) -> BackupId {
        self.unit.backup
    }

    /// As tags.
    pub fn tags(&self) -> Tags {
        [
            (DEPLOYMENT, self.deployment.clone()),
            (OWNER, self.owner.to_string()),
            (POLICY, self.policy.to_string()),
            (BACKUP, self.unit.backup.to_string()),
            (UNIT, self.unit.to_string()),
            (SOURCE, self.source.id().to_owned()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }

    /// Read from a snapshot's tags; none when a tag is missing or spoilt.
    pub fn read(tags: &Tags) -> Option<Self> {
        let unit: UnitSetId = tags.get(UNIT)?.parse().ok()?;
        let backup: BackupId = tags.get(BACKUP)?.parse().ok()?;
        (unit.backup == backup).then_some(())?;
        Some(Self {
            deployment: tags.get(DEPLOYMENT)?.clone(),
            owner: tags.get(OWNER)?.parse().ok()?,
            policy: tags.get(POLICY)?.parse().ok()?,
            unit,
            source: Resource::from_id(tags.get(SOURCE)?)?,
        })
    }
}

/// Our tags with the source's, and the keys of the source's that found no room.
///
/// AWS allows [`MAX_TAGS`]; past them ours win. Keys that AWS reserves (`aws:`) cannot be copied.
pub fn merge(ours: Tags, source: &Tags) -> (Tags, Vec<String>) {
    let mut all = ours;
    let mut left_out = Vec::new();
    for (key, value) in source.iter().filter(|(key, _)| !key.starts_with("aws:")) {
        if all.contains_key(key) {
            continue;
        }
        if all.len() < MAX_TAGS {
            all.insert(key.clone(), value.clone());
        } else {
            left_out.push(key.clone());
        }
    }
    (all, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance() -> Provenance {
        Provenance {
            deployment: "cpm".into(),
            owner: OwnerName::root(),
            policy: "web".parse().unwrap(),
            unit: "17-3".parse().unwrap(),
            source: Resource::from_id("i-0123456789abcdef0").unwrap(),
        }
    }

    #[test]
    fn reads_back_what_it_wrote() {
        assert_eq!(Provenance::read(&provenance().tags()), Some(provenance()));
        for key in [DEPLOYMENT, OWNER, POLICY, BACKUP, UNIT, SOURCE] {
            let mut tags = provenance().tags();
            tags.remove(key);
            assert_eq!(Provenance::read(&tags), None, "without {key}");
        }
    }

    #[test]
    fn ours_win_when_there_are_too_many() {
        let mut source: Tags = (0..50).map(|n| (format!("k{n:02}"), "v".to_owned())).collect();
        source.insert("aws:cloudformation:stack-name".into(), "x".into());
        source.insert(POLICY.into(), "forged".into());
        let (all, left_out) = merge(provenance().tags(), &source);
        assert_eq!(all.len(), MAX_TAGS);
        assert_eq!(all.get(POLICY).map(String::as_str), Some("web"));
        assert_eq!(left_out, ["k44", "k45", "k46", "k47", "k48", "k49"]);
    }
}
