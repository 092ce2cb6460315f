//! What AWS says of the place that a recovery goes to: what its plan is held against.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

use crate::{
    aws::Tags,
    id::{InstanceId, SnapshotId, UnitId, VolumeId},
    unit::UnitState,
};

/// What a plan has to know before anything is made. Each service answers those that it knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Is the snapshot there, and how is it?
    Snapshot(SnapshotId),
    /// Is the image there, and what is it?
    Image(String),
    /// Where is the subnet, and what addresses has it?
    Subnet(String),
    /// Of which VPC is the security group?
    Group(String),
    /// Is there such a key pair?
    KeyPair(String),
    /// What can the instance type do, and which zones offer it?
    InstanceType(String),
    /// Does anything have the address in the subnet?
    Address {
        /// The subnet.
        subnet: String,
        /// The address.
        ip: IpAddr,
    },
    /// Is the elastic address there, and does anything have it?
    ElasticIp(String),
    /// How is the instance, and what is attached to it?
    Instance(InstanceId),
    /// Is there such a placement group?
    PlacementGroup(String),
    /// The zones of the Region.
    Zones,
    /// Can the KMS key be used?
    Key(String),
    /// Is there a database of that name?
    Database(String),
    /// Is there an Aurora cluster of that name?
    Cluster(String),
    /// Is there a Redshift cluster of that name?
    Warehouse(String),
    /// Is there a table of that name?
    Table(String),
    /// How is the snapshot of the database?
    DatabaseSnapshot(UnitId),
    /// How is the snapshot of the cluster?
    ClusterSnapshot(UnitId),
    /// How is the snapshot of the Redshift cluster?
    WarehouseSnapshot(UnitId),
    /// How is the backup of the table?
    TableBackup(UnitId),
    /// Is there such a subnet group of databases?
    DatabaseSubnetGroup(String),
    /// Is there such a subnet group of Redshift clusters?
    WarehouseSubnetGroup(String),
    /// Is there such a parameter group of databases?
    DatabaseParameterGroup(String),
    /// Is there such a parameter group of Aurora clusters?
    ClusterParameterGroup(String),
    /// Is there such a parameter group of Redshift clusters?
    WarehouseParameterGroup(String),
}

/// The answers. What is asked for and not in them is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// EBS snapshots.
    pub snapshots: BTreeMap<SnapshotId, SnapshotFact>,
    /// Images.
    pub images: BTreeMap<String, ImageFact>,
    /// Subnets.
    pub subnets: BTreeMap<String, SubnetFact>,
    /// The VPC of each security group.
    pub groups: BTreeMap<String, String>,
    /// Key pairs.
    pub key_pairs: BTreeSet<String>,
    /// Instance types.
    pub types: BTreeMap<String, TypeFact>,
    /// Addresses that something has, by subnet.
    pub taken: BTreeSet<(String, IpAddr)>,
    /// Elastic addresses, and what has each.
    pub elastic: BTreeMap<String, Option<String>>,
    /// Instances.
    pub instances: BTreeMap<InstanceId, InstanceFact>,
    /// Placement groups.
    pub placement_groups: BTreeSet<String>,
    /// Zones of the Region that can be used.
    pub zones: BTreeSet<String>,
    /// KMS keys: the state of each, in AWS's word: `Enabled`.
    pub keys: BTreeMap<String, String>,
    /// Those of [`Self::keys`] that are AWS's own (`KeyManager: AWS`): what is encrypted with them cannot be shared.
    pub aws_keys: BTreeSet<String>,
    /// Snapshots of databases and clusters, and backups of tables.
    pub managed: BTreeMap<UnitId, ManagedFact>,
    /// What is there under a name that was asked for.
    pub names: BTreeSet<Question>,
    /// Subnet groups that were asked for, as far as their subnets are known.
    pub subnet_groups: BTreeMap<Question, SubnetGroupFact>,
}

/// A subnet group of databases or of Redshift clusters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubnetGroupFact {
    /// Its VPC.
    pub vpc: String,
    /// The zones of its subnets.
    pub zones: BTreeSet<String>,
}

/// An EBS snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFact {
    /// How it is.
    pub state: UnitState,
    /// In GiB: no volume of it can be smaller.
    pub size: i32,
    /// It is encrypted.
    pub encrypted: bool,
    /// With this key.
    pub kms_key: Option<String>,
    /// `standard` or `archive`: what is archived has to be restored first.
    pub tier: String,
    /// Its tags: those of its volume are among them.
    pub tags: Tags,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageFact {
    /// `available` and so on.
    pub state: String,
    /// Its name.
    pub name: String,
    /// `x86_64` and so on.
    pub architecture: String,
    /// What its licence is for.
    pub platform_details: Option<String>,
    /// The device of its root volume.
    pub root_device: Option<String>,
    /// Its devices with their snapshots, and the least size of each in GiB.
    pub devices: BTreeMap<String, (SnapshotId, i32)>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubnetFact {
    /// Its zone.
    pub zone: String,
    /// Its VPC.
    pub vpc: String,
    /// Its addresses, in CIDR notation.
    pub cidr: String,
    /// How many are free.
    pub free: i32,
    /// What is launched in it gets a public address.
    pub public: bool,
}

/// An instance type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypeFact {
    /// `x86_64` and so on.
    pub architectures: Vec<String>,
    /// `hvm`, `paravirtual`.
    pub virtualizations: Vec<String>,
    /// It needs enhanced networking.
    pub needs_ena: bool,
    /// The zones that offer it; empty when that was not asked.
    pub zones: BTreeSet<String>,
}

/// An instance to attach volumes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceFact {
    /// `running`, `stopped` and so on.
    pub state: String,
    /// Its zone.
    pub zone: String,
    /// What is attached, by device.
    pub devices: BTreeMap<String, VolumeId>,
}

/// A snapshot of a database or a cluster, or a backup of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ManagedFact {
    /// `available` and so on.
    pub status: String,
    /// `postgres` and so on.
    pub engine: Option<String>,
    /// Its version.
    pub engine_version: Option<String>,
    /// In GiB.
    pub size: Option<i32>,
    /// It is encrypted.
    pub encrypted: bool,
    /// With this key.
    pub kms_key: Option<String>,
}

impl Facts {
    /// Takes in what another service says.
    pub fn merge(&mut self, other: Self) {
        self.snapshots.extend(other.snapshots);
        self.images.extend(other.images);
        self.subnets.extend(other.subnets);
        self.groups.extend(other.groups);
        self.key_pairs.extend(other.key_pairs);
        self.types.extend(other.types);
        self.taken.extend(other.taken);
        self.elastic.extend(other.elastic);
        self.instances.extend(other.instances);
        self.placement_groups.extend(other.placement_groups);
        self.zones.extend(other.zones);
        self.keys.extend(other.keys);
        self.aws_keys.extend(other.aws_keys);
        self.managed.extend(other.managed);
        self.names.extend(other.names);
        self.subnet_groups.extend(other.subnet_groups);
    }
}
