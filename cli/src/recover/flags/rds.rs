//! Of an RDS database (§9.4).

use clap::Args;
use cpm_domain::recovery::plan::{RecoveryKind, Wanted};

use super::{
    Flags, of_another_kind,
    value::{set, set_list, set_tags, switch, tag},
};
use crate::fault::Fault;

#[derive(Debug, Args)]
#[command(next_help_heading = "The database [default of each: as it was]")]
pub(crate) struct Rds {
    /// Its identifier; no database may have it
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Its class, such as `db.m5.large`
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Its port
    #[arg(long, value_name = "NUMBER")]
    port: Option<u16>,
    /// Its availability zone; not of one with a standby
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Whether it has a standby in another zone
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    multi_az: Option<bool>,
    /// Its subnet group
    #[arg(long, value_name = "NAME")]
    subnet_group: Option<String>,
    /// A security group, by its id. May be given often
    #[arg(long = "security-group", value_name = "GROUP")]
    security_groups: Vec<String>,
    /// Its parameter group
    #[arg(long, value_name = "NAME")]
    parameter_group: Option<String>,
    /// Its option group
    #[arg(long, value_name = "NAME")]
    option_group: Option<String>,
    /// Its storage, such as `gp3`
    #[arg(long, value_name = "TYPE")]
    storage_type: Option<String>,
    /// Of the storage types that have them
    #[arg(long, value_name = "NUMBER")]
    iops: Option<i32>,
    /// In MiB/s, of gp3
    #[arg(long, value_name = "NUMBER")]
    throughput: Option<i32>,
    /// Whether its address is public
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    public: Option<bool>,
    /// Whether it is kept from being deleted
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    deletion_protection: Option<bool>,
    /// Whether people are let in by IAM
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    iam_authentication: Option<bool>,
    /// Whether small upgrades come by themselves
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    auto_minor_upgrade: Option<bool>,
    /// A log that goes to `CloudWatch`. May be given often
    #[arg(long = "log-export", value_name = "LOG")]
    log_exports: Vec<String>,
    /// A tag, instead of those that it had. May be given often
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// Without its tags
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
}

impl Flags for Rds {
    const KIND: RecoveryKind = RecoveryKind::Rds;

    fn change(&self, wanted: &mut Wanted) -> Result<(), Fault> {
        let Wanted::Rds(plan) = wanted else { return Err(of_another_kind()) };
        set(&mut plan.id, self.id.as_ref());
        set(&mut plan.class, self.class.as_ref());
        set(&mut plan.port, self.port.map(i32::from).as_ref());
        set(&mut plan.zone, self.zone.as_ref());
        set(&mut plan.multi_az, self.multi_az.as_ref());
        set(&mut plan.subnet_group, self.subnet_group.as_ref());
        set_list(&mut plan.security_groups, &self.security_groups);
        set(&mut plan.parameter_group, self.parameter_group.as_ref());
        set(&mut plan.option_group, self.option_group.as_ref());
        set(&mut plan.storage_type, self.storage_type.as_ref());
        set(&mut plan.iops, self.iops.as_ref());
        set(&mut plan.throughput, self.throughput.as_ref());
        set(&mut plan.public, self.public.as_ref());
        set(&mut plan.deletion_protection, self.deletion_protection.as_ref());
        set(&mut plan.iam_authentication, self.iam_authentication.as_ref());
        set(&mut plan.auto_minor_upgrade, self.auto_minor_upgrade.as_ref());
        set_list(&mut plan.log_exports, &self.log_exports);
        set_tags(&mut plan.tags, &self.tags, self.no_tags);
        Ok(())
    }
}
