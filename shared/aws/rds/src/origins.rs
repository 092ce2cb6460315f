//! How databases and clusters are, as RDS tells it.

use aws_sdk_rds::types::{DbCluster, DbClusterMember, DbInstance, Endpoint, VpcSecurityGroupMembership};
use cpm_domain::{
    aws::Tags,
    origin::{ClusterOrigin, DatabaseOrigin, MemberOrigin},
};

pub(crate) fn database(database: &DbInstance, tags: &Tags) -> DatabaseOrigin {
    let port = database.endpoint().and_then(Endpoint::port).or(database.db_instance_port());
    let parameters = database.db_parameter_groups().first();
    let options = database.option_group_memberships().first();
    DatabaseOrigin {
        id: word(database.db_instance_identifier()),
        engine: word(database.engine()),
        engine_version: text(database.engine_version()),
        class: word(database.db_instance_class()),
        // An endpoint comes when a database is up: until then its port is 0.
        port: port.filter(|port| *port > 0),
        zone: text(database.availability_zone()),
        multi_az: database.multi_az().unwrap_or_default(),
        subnet_group: text(database.db_subnet_group().and_then(|group| group.db_subnet_group_name())),
        security_groups: groups(database.vpc_security_groups()),
        parameter_group: text(parameters.and_then(|group| group.db_parameter_group_name())),
        option_group: text(options.and_then(|group| group.option_group_name())),
        storage: database.allocated_storage(),
        storage_type: text(database.storage_type()),
        iops: database.iops(),
        throughput: database.storage_throughput(),
        public: database.publicly_accessible().unwrap_or_default(),
        deletion_protection: database.deletion_protection().unwrap_or_default(),
        iam_authentication: database.iam_database_authentication_enabled().unwrap_or_default(),
        auto_minor_upgrade: database.auto_minor_version_upgrade().unwrap_or_default(),
        encrypted: database.storage_encrypted().unwrap_or_default(),
        kms_key: text(database.kms_key_id()),
        license: text(database.license_model()),
        log_exports: database.enabled_cloudwatch_logs_exports().to_vec(),
        tags: tags.clone(),
    }
}

/// A cluster, with what it tells of its members; their classes and zones are the databases' own to tell.
pub(crate) fn cluster(cluster: &DbCluster, tags: &Tags) -> ClusterOrigin {
    let mut members: Vec<MemberOrigin> = cluster.db_cluster_members().iter().map(member).collect();
    members.sort_by_key(|member| !member.is_writer);
    let scaling = cluster.serverless_v2_scaling_configuration();
    let capacity = scaling.and_then(|range| Some((halves(range.min_capacity()?)?, halves(range.max_capacity()?)?)));
    ClusterOrigin {
        id: word(cluster.db_cluster_identifier()),
        engine: word(cluster.engine()),
        engine_version: text(cluster.engine_version()),
        engine_mode: text(cluster.engine_mode()),
        port: cluster.port().filter(|port| *port > 0),
        zones: cluster.availability_zones().to_vec(),
        subnet_group: text(cluster.db_subnet_group()),
        security_groups: groups(cluster.vpc_security_groups()),
        parameter_group: text(cluster.db_cluster_parameter_group()),
        database: text(cluster.database_name()),
        deletion_protection: cluster.deletion_protection().unwrap_or_default(),
        iam_authentication: cluster.iam_database_authentication_enabled().unwrap_or_default(),
        encrypted: cluster.storage_encrypted().unwrap_or_default(),
        kms_key: text(cluster.kms_key_id()),
        capacity,
        members,
        tags: tags.clone(),
        unread: Vec::new(),
    }
}

fn member(member: &DbClusterMember) -> MemberOrigin {
    MemberOrigin {
        id: word(member.db_instance_identifier()),
        is_writer: member.is_cluster_writer().unwrap_or_default(),
        promotion_tier: member.promotion_tier(),
        ..MemberOrigin::default()
    }
}

/// What the member says of itself.
pub(crate) fn take_in(member: &mut MemberOrigin, told: &DatabaseOrigin) {
    member.class.clone_from(&told.class);
    member.zone.clone_from(&told.zone);
    member.public = told.public;
    member.parameter_group.clone_from(&told.parameter_group);
}

/// Capacity comes in steps of a half.
fn halves(units: f64) -> Option<u32> {
    format!("{:.0}", units * 2.0).parse().ok()
}

fn groups(groups: &[VpcSecurityGroupMembership]) -> Vec<String> {
    groups.iter().filter_map(|group| text(group.vpc_security_group_id())).collect()
}

/// What AWS wrote; nothing where it wrote nothing.
fn text(told: Option<&str>) -> Option<String> {
    told.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn word(told: Option<&str>) -> String {
    told.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_is_counted_in_halves() {
        assert_eq!([0.0, 0.5, 1.0, 8.0, 128.0].map(halves), [Some(0), Some(1), Some(2), Some(16), Some(256)]);
        assert_eq!(halves(f64::NAN), None);
    }
}
