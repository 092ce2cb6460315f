//! What EBS allows of each type of volume (EC2 API, `CreateVolume`; EBS user guide, "Amazon EBS volume types").

use std::ops::RangeInclusive;

/// A type of volume.
pub(in super::super) struct VolumeType {
    /// As AWS writes it.
    pub name: &'static str,
    /// In GiB.
    pub size: RangeInclusive<i32>,
    /// Of those that have them.
    pub iops: Option<Iops>,
    /// In MiB/s, of those that have it.
    pub throughput: Option<RangeInclusive<i32>>,
    /// An instance can start from it.
    pub boots: bool,
}

/// The IOPS of a type.
pub(in super::super) struct Iops {
    /// How many.
    pub range: RangeInclusive<i32>,
    /// How many a GiB at most.
    pub per_gib: i32,
    /// AWS has no default.
    pub required: bool,
}

impl Iops {
    /// The most that a volume of this size can have. The least of the type is there whatever the size.
    pub fn most(&self, size: i32) -> i32 {
        size.saturating_mul(self.per_gib).clamp(*self.range.start(), *self.range.end())
    }
}

/// The IOPS that gp3 has when nothing is said.
const GP3_IOPS: i32 = 3000;

/// The most MiB/s of a gp3 volume with so many IOPS: 0.25 each.
pub(super) fn most_throughput(iops: Option<i32>) -> i32 {
    (iops.unwrap_or(GP3_IOPS) / 4).min(2000)
}

/// All types.
const TYPES: [VolumeType; 7] = [
    VolumeType {
        name: "gp3",
        size: 1..=65_536,
        iops: Some(Iops { range: GP3_IOPS..=80_000, per_gib: 500, required: false }),
        throughput: Some(125..=2000),
        boots: true,
    },
    VolumeType { name: "gp2", size: 1..=16_384, iops: None, throughput: None, boots: true },
    VolumeType {
        name: "io2",
        size: 4..=65_536,
        iops: Some(Iops { range: 100..=256_000, per_gib: 1000, required: true }),
        throughput: None,
        boots: true,
    },
    VolumeType {
        name: "io1",
        size: 4..=16_384,
        iops: Some(Iops { range: 100..=64_000, per_gib: 50, required: true }),
        throughput: None,
        boots: true,
    },
    VolumeType { name: "st1", size: 125..=16_384, iops: None, throughput: None, boots: false },
    VolumeType { name: "sc1", size: 125..=16_384, iops: None, throughput: None, boots: false },
    VolumeType { name: "standard", size: 1..=1024, iops: None, throughput: None, boots: true },
];

/// What AWS has a type for.
pub(in super::super) fn volume_type(name: &str) -> Option<&'static VolumeType> {
    const { &TYPES }.iter().find(|known| known.name == name)
}

/// Their names, for people.
pub(super) fn names() -> String {
    TYPES.iter().map(|known| known.name).collect::<Vec<_>>().join(", ")
}
