//! Resources that are ordinary in every field.

use cpm_domain::{
    aws::{Platform, Tags},
    id::{InstanceId, VolumeId},
    kind::{Kind, Resource},
    origin::{
        ClusterOrigin, DatabaseOrigin, ImageOrigin, InstanceOrigin, MemberOrigin, Origin, Reads, TableOrigin,
        VolumeOrigin, WarehouseOrigin,
    },
};
use jiff::Timestamp;

use crate::aws::cloud::Home;

const VPC: &str = "vpc-0123456789abcdef0";
const SUBNET: &str = "subnet-0123456789abcdef0";
const GROUP: &str = "sg-0123456789abcdef0";
const IMAGE: &str = "ami-0123456789abcdef0";

/// An ordinary instance with a private address, launched now. Its volumes and tags come when it is asked for.
pub(in crate::aws) fn instance(
    home: &Home,
    id: &InstanceId,
    platform: Platform,
    n: usize,
    now: Timestamp,
) -> InstanceOrigin {
    let is_windows = platform == Platform::Windows;
    let details = if is_windows { "Windows" } else { "Linux/UNIX" };
    InstanceOrigin {
        id: id.clone(),
        instance_type: "m5.large".to_owned(),
        architecture: "x86_64".to_owned(),
        platform,
        platform_details: Some(details.to_owned()),
        image: image(details, now),
        root_device: Some("/dev/xvda".to_owned()),
        virtualization: Some("hvm".to_owned()),
        boot_mode: Some("uefi-preferred".to_owned()),
        ena: true,
        kernel: None,
        ramdisk: None,
        key_pair: Some("ops".to_owned()),
        zone: zone(home),
        vpc: Some(VPC.to_owned()),
        subnet: Some(SUBNET.to_owned()),
        placement_group: None,
        tenancy: Some("default".to_owned()),
        security_groups: vec![GROUP.to_owned()],
        private_ip: Some(format!("10.0.{}.{}", n / 200, 10 + n % 200)),
        secondary_ips: Vec::new(),
        public_ip: None,
        elastic_ip: None,
        interfaces: 1,
        profile: Some(format!("arn:aws:iam::{}:instance-profile/web", home.account)),
        user_data: Some("IyEvYmluL3NoCg==".to_owned()),
        shutdown_behavior: Some("stop".to_owned()),
        termination_protection: false,
        monitoring: false,
        ebs_optimized: true,
        metadata: None,
        volumes: Vec::new(),
        tags: Tags::new(),
        read: Reads { launched: Some(now), ..Reads::default() },
        unread: Vec::new(),
    }
}

fn image(details: &str, now: Timestamp) -> ImageOrigin {
    ImageOrigin {
        id: IMAGE.to_owned(),
        known: true,
        name: Some("base-2026.10".to_owned()),
        description: Some("Base image".to_owned()),
        owner: Some("137112412989".to_owned()),
        owner_alias: Some("amazon".to_owned()),
        created: Some(now.to_string()),
        architecture: Some("x86_64".to_owned()),
        virtualization: Some("hvm".to_owned()),
        root_device_type: Some("ebs".to_owned()),
        root_device: Some("/dev/xvda".to_owned()),
        platform_details: Some(details.to_owned()),
        boot_mode: Some("uefi-preferred".to_owned()),
        ena: true,
        product_codes: Vec::new(),
    }
}

/// A volume of 8 GiB that goes with its instance, or of 100 that stays, when it holds data.
pub(in crate::aws) fn volume(home: &Home, id: &VolumeId, is_root: bool) -> VolumeOrigin {
    VolumeOrigin {
        id: id.clone(),
        zone: zone(home),
        size: if is_root { 8 } else { 100 },
        volume_type: "gp3".to_owned(),
        iops: Some(3000),
        throughput: Some(125),
        encrypted: false,
        kms_key: None,
        multi_attach: false,
        attached_to: None,
        device: None,
        is_root: false,
        delete_on_termination: is_root,
        tags: Tags::new(),
    }
}

fn zone(home: &Home) -> String {
    format!("{}a", home.region)
}

/// An ordinary database, cluster or table. A cluster has a writer and a reader.
pub(in crate::aws) fn managed(home: &Home, resource: &Resource) -> Option<Origin> {
    let name = resource.id().to_owned();
    let some = |text: &str| Some(text.to_owned());
    let groups = vec![GROUP.to_owned()];
    Some(match resource.kind() {
        Kind::Instance | Kind::Volume => return None,
        Kind::Rds => Origin::Rds(Box::new(DatabaseOrigin {
            id: name,
            engine: "postgres".to_owned(),
            engine_version: some("16.3"),
            class: "db.m5.large".to_owned(),
            port: Some(5432),
            zone: Some(zone(home)),
            subnet_group: some("databases"),
            security_groups: groups,
            parameter_group: some("default.postgres16"),
            option_group: some("default:postgres-16"),
            storage: Some(100),
            storage_type: some("gp3"),
            iops: Some(3000),
            throughput: Some(125),
            auto_minor_upgrade: true,
            license: some("postgresql-license"),
            ..DatabaseOrigin::default()
        })),
        Kind::Aurora => Origin::Aurora(Box::new(ClusterOrigin {
            members: vec![member(home, &name, 1), member(home, &name, 2)],
            id: name,
            engine: "aurora-postgresql".to_owned(),
            engine_version: some("16.3"),
            engine_mode: some("provisioned"),
            port: Some(5432),
            zones: vec![zone(home), format!("{}b", home.region)],
            subnet_group: some("databases"),
            security_groups: groups,
            parameter_group: some("default.aurora-postgresql16"),
            ..ClusterOrigin::default()
        })),
        Kind::Redshift => Origin::Redshift(Box::new(WarehouseOrigin {
            id: name,
            node_type: "ra3.xlplus".to_owned(),
            nodes: 2,
            port: Some(5439),
            zone: Some(zone(home)),
            subnet_group: some("warehouses"),
            security_groups: groups,
            parameter_group: some("default.redshift-1.0"),
            ..WarehouseOrigin::default()
        })),
        Kind::Dynamodb => Origin::Dynamodb(Box::new(TableOrigin {
            arn: Some(format!("arn:aws:dynamodb:{}:{}:table/{name}", home.region, home.account)),
            name,
            billing: some("PAY_PER_REQUEST"),
            ..TableOrigin::default()
        })),
    })
}

pub(super) fn member(home: &Home, cluster: &str, n: i32) -> MemberOrigin {
    MemberOrigin {
        id: format!("{cluster}-{n}"),
        is_writer: n == 1,
        class: "db.r6g.large".to_owned(),
        zone: Some(zone(home)),
        public: false,
        parameter_group: Some("default.aurora-postgresql16".to_owned()),
        promotion_tier: Some(n),
    }
}
