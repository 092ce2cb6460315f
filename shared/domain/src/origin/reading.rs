//! How what is on record of a source is gathered at a backup: in as few calls as AWS allows, and never at the price of
//! the backup.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ImageOrigin, InstanceOrigin, Origin, VolumeOrigin};
use crate::{
    aws::{Attached, AwsError, Tags},
    id::InstanceId,
    kind::{Kind, Resource},
};

/// How long what was read of an instance's protection and shutdown behaviour stands in for a call: a policy that runs
/// every hour asks once in a day and a half, a daily one every second day.
pub const FRESH: SignedDuration = SignedDuration::from_hours(36);

/// What AWS tells of one instance and one attribute at a time (`DescribeInstanceAttribute`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// User data.
    UserData,
    /// Whether it stops or terminates when it shuts itself down.
    ShutdownBehavior,
    /// Whether it can be terminated by API.
    TerminationProtection,
}

impl Attribute {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::UserData, Self::ShutdownBehavior, Self::TerminationProtection];

    /// In words.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::UserData => "the user data",
            Self::ShutdownBehavior => "the shutdown behaviour",
            Self::TerminationProtection => "the termination protection",
        }
    }
}

/// What AWS answers on an attribute.
#[derive(Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// User data in base64, or a shutdown behaviour.
    Text(Option<String>),
    /// Termination protection.
    Switch(bool),
}

/// When the attributes of an instance were read. One that was not is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reads {
    /// When the instance was last started, as AWS tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launched: Option<Timestamp>,
    /// When its user data was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<Timestamp>,
    /// When its shutdown behaviour was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_behavior: Option<Timestamp>,
    /// When its termination protection was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_protection: Option<Timestamp>,
}

impl Reads {
    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// When an attribute was read.
    pub const fn of(&self, attribute: Attribute) -> Option<Timestamp> {
        match attribute {
            Attribute::UserData => self.user_data,
            Attribute::ShutdownBehavior => self.shutdown_behavior,
            Attribute::TerminationProtection => self.termination_protection,
        }
    }

    /// Says when an attribute was read.
    pub const fn set(&mut self, attribute: Attribute, at: Timestamp) {
        match attribute {
            Attribute::UserData => self.user_data = Some(at),
            Attribute::ShutdownBehavior => self.shutdown_behavior = Some(at),
            Attribute::TerminationProtection => self.termination_protection = Some(at),
        }
    }
}

/// Sources of one kind as far as describing them told, to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Their kind.
    pub kind: Kind,
    /// They.
    pub origins: Vec<Origin>,
    /// When.
    pub at: Timestamp,
    /// How long it may take: what is not read by then is left to the next backup.
    pub patience: SignedDuration,
}

/// Sources, filled in as far as AWS allowed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completed {
    /// They, in the order in which they were asked for.
    pub origins: Vec<Origin>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// Something of some sources that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What, in words: `the user data`.
    pub what: String,
    /// Of which sources.
    pub of: Vec<Resource>,
    /// Why.
    pub error: AwsError,
}

impl Completed {
    /// As they were asked for: nothing was to be filled in.
    pub const fn as_they_are(origins: Vec<Origin>) -> Self {
        Self { origins, unread: Vec::new() }
    }

    /// Says that something of some sources could not be read: with each of them that has room for it, and once in all.
    pub fn leave_unread(&mut self, what: &str, of: Vec<Resource>, error: AwsError) {
        if of.is_empty() {
            return;
        }
        for origin in &mut self.origins {
            if origin.resource().is_some_and(|resource| of.contains(&resource)) {
                origin.note(format!("{what}: {error}"));
            }
        }
        // One reason is told once, however many instances it holds for.
        let same = |unread: &&mut Unread| {
            unread.what == what && unread.error.action == error.action && unread.error.code == error.code
        };
        match self.unread.iter_mut().find(same) {
            Some(unread) => unread.of.extend(of),
            None => self.unread.push(Unread { what: what.to_owned(), of, error }),
        }
    }
}

impl Origin {
    /// Which resource it is of; none when its name is no name of the kind.
    pub fn resource(&self) -> Option<Resource> {
        let named = |kind: Kind, id: &str| Resource::new(kind, id).ok();
        match self {
            Self::Instance(instance) => Some(Resource::Instance(instance.id.clone())),
            Self::Volume(volume) => Some(Resource::Volume(volume.id.clone())),
            Self::Rds(database) => named(Kind::Rds, &database.id),
            Self::Aurora(cluster) => named(Kind::Aurora, &cluster.id),
            Self::Redshift(cluster) => named(Kind::Redshift, &cluster.id),
            Self::Dynamodb(table) => named(Kind::Dynamodb, &table.name),
        }
    }

    /// Notes what is not on record, in words.
    pub fn note(&mut self, words: String) {
        match self {
            Self::Instance(instance) => instance.unread.push(words),
            Self::Aurora(cluster) => cluster.unread.push(words),
            Self::Dynamodb(table) => table.unread.push(words),
            // One call tells all of these.
            Self::Volume(_) | Self::Rds(_) | Self::Redshift(_) => {}
        }
    }

    /// Takes over what an earlier backup knows and what holds still, so that AWS need not be asked for it.
    pub fn recall(&mut self, earlier: &Self, is_stopped: bool, now: Timestamp) {
        if let (Self::Instance(instance), Self::Instance(earlier)) = (self, earlier) {
            instance.recall(earlier, is_stopped, now);
        }
    }

    /// Takes over the details of an image that AWS no longer tells of.
    pub fn recall_image(&mut self, earlier: &Self) {
        if let (Self::Instance(instance), Self::Instance(earlier)) = (self, earlier) {
            instance.image.recall(&earlier.image);
        }
    }

    /// Leaves out the tags of an instance's volumes, when a record would be too large with them: their snapshots carry
    /// them. Whether there were any.
    pub fn leave_out_volume_tags(&mut self) -> bool {
        let Self::Instance(instance) = self else { return false };
        let had = instance.volumes.iter().any(|volume| !volume.tags.is_empty());
        for volume in &mut instance.volumes {
            volume.tags.clear();
        }
        if had {
            instance
                .unread
                .push("the tags of its volumes: too many for the record; their snapshots carry them".into());
        }
        had
    }
}

impl VolumeOrigin {
    /// A volume as its instance tells of it: which, where and how it is attached. Size and type are the volume's own to
    /// tell.
    pub fn seen_on(instance: &InstanceId, zone: &str, attached: &Attached, delete_on_termination: bool) -> Self {
        Self {
            id: attached.volume.clone(),
            zone: zone.to_owned(),
            size: 0,
            volume_type: "gp3".to_owned(),
            iops: None,
            throughput: None,
            encrypted: false,
            kms_key: None,
            multi_attach: false,
            attached_to: Some(instance.clone()),
            device: Some(attached.device.clone()),
            is_root: attached.is_root,
            delete_on_termination,
            tags: Tags::new(),
        }
    }
}

impl InstanceOrigin {
    /// Takes in what a volume tells of itself; how it is attached, the instance knows.
    pub fn take_in(&mut self, volume: &VolumeOrigin) {
        for seen in self.volumes.iter_mut().filter(|seen| seen.id == volume.id) {
            *seen = VolumeOrigin {
                attached_to: seen.attached_to.take(),
                device: seen.device.take(),
                is_root: seen.is_root,
                delete_on_termination: seen.delete_on_termination,
                ..volume.clone()
            };
        }
    }

    /// Takes in an attribute that was read.
    pub fn learn(&mut self, attribute: Attribute, value: AttributeValue, at: Timestamp) {
        match value {
            AttributeValue::Text(text) if attribute == Attribute::UserData => self.user_data = text,
            AttributeValue::Text(text) => self.shutdown_behavior = text,
            AttributeValue::Switch(on) => self.termination_protection = on,
        }
        self.read.set(attribute, at);
    }

    /// The attributes that AWS has still to be asked for.
    pub fn wanted(&self) -> impl Iterator<Item = Attribute> + '_ {
        Attribute::ALL.into_iter().filter(|attribute| self.read.of(*attribute).is_none())
    }

    /// User data can be changed only while the instance is stopped: in one run it stays what it was. The others can be
    /// changed at any time, and are asked for again after [`FRESH`].
    fn recall(&mut self, earlier: &Self, is_stopped: bool, now: Timestamp) {
        let is_same_run = self.read.launched.is_some() && self.read.launched == earlier.read.launched;
        if self.id != earlier.id || !is_same_run {
            return;
        }
        if let Some(read) = earlier.read.user_data.filter(|_| !is_stopped) {
            self.user_data.clone_from(&earlier.user_data);
            self.read.user_data = Some(read);
        }
        let is_fresh = |read: &Timestamp| now.duration_since(*read) < FRESH;
        if let Some(read) = earlier.read.shutdown_behavior.filter(is_fresh) {
            self.shutdown_behavior.clone_from(&earlier.shutdown_behavior);
            self.read.shutdown_behavior = Some(read);
        }
        if let Some(read) = earlier.read.termination_protection.filter(is_fresh) {
            self.termination_protection = earlier.termination_protection;
            self.read.termination_protection = Some(read);
        }
    }
}

impl ImageOrigin {
    fn recall(&mut self, earlier: &Self) {
        if !self.known && self.id == earlier.id && earlier.name.is_some() {
            *self = Self { known: false, ..earlier.clone() };
        }
    }
}

#[cfg(test)]
mod tests;
