//! Of a Redshift cluster (§9.6).

use clap::Args;
use cpm_domain::recovery::plan::{RecoveryKind, Wanted};

use super::{
    Flags, of_another_kind,
    value::{set, set_list, set_tags, switch, tag},
};
use crate::fault::Fault;

#[derive(Debug, Args)]
#[command(next_help_heading = "The cluster [default of each: as it was]")]
pub(crate) struct Redshift {
    /// Its identifier; no cluster may have it
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The type of its nodes, such as `ra3.xlplus`
    #[arg(long, value_name = "TYPE")]
    node_type: Option<String>,
    /// How many nodes
    #[arg(long, value_name = "NUMBER")]
    nodes: Option<i32>,
    /// Its port
    #[arg(long, value_name = "NUMBER")]
    port: Option<u16>,
    /// Its availability zone
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Its subnet group
    #[arg(long, value_name = "NAME")]
    subnet_group: Option<String>,
    /// A security group, by its id. May be given often
    #[arg(long = "security-group", value_name = "GROUP")]
    security_groups: Vec<String>,
    /// Its parameter group
    #[arg(long, value_name = "NAME")]
    parameter_group: Option<String>,
    /// Whether its address is public
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    public: Option<bool>,
    /// The ARN of one of its IAM roles. May be given often
    #[arg(long = "iam-role", value_name = "ARN")]
    roles: Vec<String>,
    /// Whether its traffic goes through the VPC
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    enhanced_vpc_routing: Option<bool>,
    /// A tag, instead of those that it had. May be given often
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// Without its tags
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
}

impl Flags for Redshift {
    const KIND: RecoveryKind = RecoveryKind::Redshift;

    fn change(&self, wanted: &mut Wanted) -> Result<(), Fault> {
        let Wanted::Redshift(plan) = wanted else { return Err(of_another_kind()) };
        set(&mut plan.id, self.id.as_ref());
        set(&mut plan.node_type, self.node_type.as_ref());
        set(&mut plan.nodes, self.nodes.as_ref());
        set(&mut plan.port, self.port.map(i32::from).as_ref());
        set(&mut plan.zone, self.zone.as_ref());
        set(&mut plan.subnet_group, self.subnet_group.as_ref());
        set_list(&mut plan.security_groups, &self.security_groups);
        set(&mut plan.parameter_group, self.parameter_group.as_ref());
        set(&mut plan.public, self.public.as_ref());
        set_list(&mut plan.roles, &self.roles);
        set(&mut plan.enhanced_vpc_routing, self.enhanced_vpc_routing.as_ref());
        set_tags(&mut plan.tags, &self.tags, self.no_tags);
        Ok(())
    }
}
