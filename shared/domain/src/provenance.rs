//! The tags that say where a snapshot comes from: by them records are rebuilt and nothing is made twice.

use crate::{
    aws::{MAX_TAGS, Tags},
    id::{BackupId, UnitSetId},
    kind::Resource,
    name::{OwnerName, PolicyName},
    unit::UnitKind,
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

/// On the one image that is kept beside an instance's snapshots, and on nothing else: `initial`.
pub const IMAGE: &str = "cpm:image";
/// The value of [`IMAGE`].
pub const INITIAL: &str = "initial";

/// Whose units are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought<'a> {
    /// Of this deployment.
    pub deployment: &'a str,
    /// Of this backup of this owner only.
    pub backup: Option<(&'a OwnerName, BackupId)>,
}

impl Sought<'_> {
    /// The tags that all of them have.
    pub fn tags(&self) -> Vec<(&'static str, String)> {
        let mut tags = vec![(DEPLOYMENT, self.deployment.to_owned())];
        if let Some((owner, backup)) = self.backup {
            tags.extend([(OWNER, owner.to_string()), (BACKUP, backup.to_string())]);
        }
        tags
    }

    /// Whether a unit with these tags is one of them.
    pub fn fits(&self, tags: &Tags) -> bool {
        self.tags().iter().all(|(key, value)| tags.get(*key) == Some(value))
    }
}

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

    /// Read from the tags of a unit; none when a tag is missing or spoilt.
    pub fn read(tags: &Tags, kind: UnitKind) -> Option<Self> {
        let unit: UnitSetId = tags.get(UNIT)?.parse().ok()?;
        let backup: BackupId = tags.get(BACKUP)?.parse().ok()?;
        (unit.backup == backup).then_some(())?;
        Some(Self {
            deployment: tags.get(DEPLOYMENT)?.clone(),
            owner: tags.get(OWNER)?.parse().ok()?,
            policy: tags.get(POLICY)?.parse().ok()?,
            unit,
            source: Resource::of_kinds(kind.sources(), tags.get(SOURCE)?)?,
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
            source: Resource::Instance("i-0123456789abcdef0".parse().unwrap()),
        }
    }

    #[test]
    fn reads_back_what_it_wrote() {
        assert_eq!(Provenance::read(&provenance().tags(), UnitKind::EbsSnapshot), Some(provenance()));
        for key in [DEPLOYMENT, OWNER, POLICY, BACKUP, UNIT, SOURCE] {
            let mut tags = provenance().tags();
            tags.remove(key);
            assert_eq!(Provenance::read(&tags, UnitKind::EbsSnapshot), None, "without {key}");
        }
    }

    #[test]
    fn a_source_is_read_by_what_was_made_of_it() {
        let mut tags = provenance().tags();
        assert!(Provenance::read(&tags, UnitKind::Ami).is_some());
        tags.insert(SOURCE.to_owned(), "orders".to_owned());
        assert_eq!(Provenance::read(&tags, UnitKind::EbsSnapshot), None);
        let found = Provenance::read(&tags, UnitKind::AuroraSnapshot).unwrap();
        assert_eq!(found.source, Resource::Aurora("orders".parse().unwrap()));
    }

    #[test]
    fn what_is_sought_fits() {
        let owner = OwnerName::root();
        let sought = Sought { deployment: "cpm", backup: Some((&owner, BackupId(17))) };
        assert!(sought.fits(&provenance().tags()));
        assert!(!Sought { backup: Some((&owner, BackupId(18))), ..sought.clone() }.fits(&provenance().tags()));
        assert!(!Sought { deployment: "other", backup: None }.fits(&provenance().tags()));
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
