//! How clusters are, as Redshift tells it.

use aws_sdk_redshift::types::{Cluster, Endpoint};
use cpm_domain::{aws::Tags, origin::WarehouseOrigin};

pub(crate) fn cluster(cluster: &Cluster, tags: &Tags) -> WarehouseOrigin {
    let groups = cluster.vpc_security_groups().iter();
    let parameters = cluster.cluster_parameter_groups().first();
    WarehouseOrigin {
        id: cluster.cluster_identifier().unwrap_or_default().to_owned(),
        node_type: cluster.node_type().unwrap_or_default().to_owned(),
        nodes: cluster.number_of_nodes().unwrap_or_default(),
        port: cluster.endpoint().and_then(Endpoint::port).filter(|port| *port > 0),
        zone: text(cluster.availability_zone()),
        subnet_group: text(cluster.cluster_subnet_group_name()),
        security_groups: groups.filter_map(|group| text(group.vpc_security_group_id())).collect(),
        parameter_group: text(parameters.and_then(|group| group.parameter_group_name())),
        public: cluster.publicly_accessible().unwrap_or_default(),
        encrypted: cluster.encrypted().unwrap_or_default(),
        kms_key: text(cluster.kms_key_id()),
        roles: cluster.iam_roles().iter().filter_map(|role| text(role.iam_role_arn())).collect(),
        enhanced_vpc_routing: cluster.enhanced_vpc_routing().unwrap_or_default(),
        tags: tags.clone(),
    }
}

/// What AWS wrote; nothing where it wrote nothing.
fn text(told: Option<&str>) -> Option<String> {
    told.filter(|text| !text.is_empty()).map(str::to_owned)
}
