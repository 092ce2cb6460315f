//! Of an instance (§9.2).

use std::{fs, net::IpAddr, path::PathBuf};

use clap::Args;
use cpm_domain::{
    id::VolumeId,
    recovery::plan::{ImageHandling, InstancePlan, LaunchFrom, RecoveryKind, ShutdownBehavior, VolumePlan, Wanted},
};

use super::{
    Flags, of_another_kind,
    value::{ephemeral, set, set_list, set_or_none, set_tags, set_volumes, switch, tag, volume, word},
};
use crate::fault::Fault;

#[derive(Debug, Args)]
#[command(next_help_heading = "The instance [default of each: as it was]")]
pub(crate) struct Instance {
    /// The instance type
    #[arg(long = "type", value_name = "TYPE")]
    of_type: Option<String>,
    /// How many to launch [default: 1]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: Option<u32>,
    /// From the snapshot of its root volume, or from an image
    #[arg(long, value_name = "WHAT", value_parser = word::<LaunchFrom>(&["snapshot", "image"]))]
    launch_from: Option<LaunchFrom>,
    /// The image to launch from, or the one that Windows needs [default: that of the backup, the initial one, or the
    /// original one]
    #[arg(long, value_name = "AMI")]
    image: Option<String>,
    /// What becomes of the image that is registered for it; `only`: it is all that is made
    #[arg(long, value_name = "WHAT", value_parser = word::<ImageHandling>(&["deregister", "keep", "only"]))]
    image_handling: Option<ImageHandling>,
    #[command(flatten)]
    place: Spot,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    system: System,
    /// A volume that is to be different. Keys: size (GiB), type, iops, throughput, device, kms-key,
    /// delete-on-termination (yes, no). May be given often
    #[arg(long = "volume", value_name = "VOLUME:KEY=VALUE,…", value_parser = volume)]
    volumes: Vec<VolumePlan>,
    /// A volume that is left out. May be given often
    #[arg(long, value_name = "VOLUME")]
    without: Vec<VolumeId>,
    /// A tag, instead of those that it had. May be given often
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// Without its tags
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
}

/// Where it runs.
#[derive(Debug, Args)]
struct Spot {
    /// The subnet
    #[arg(long, value_name = "SUBNET")]
    subnet: Option<String>,
    /// The availability zone; a subnet has one already
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The placement group
    #[arg(long, value_name = "NAME")]
    placement_group: Option<String>,
    /// On hardware of its own or not
    #[arg(long, value_name = "WHAT", value_parser = ["default", "dedicated", "host"])]
    tenancy: Option<String>,
}

/// How it is reached.
#[derive(Debug, Args)]
struct Network {
    /// A security group, by its id. May be given often
    #[arg(long = "security-group", value_name = "GROUP")]
    security_groups: Vec<String>,
    /// The private address
    #[arg(long, value_name = "ADDRESS")]
    private_ip: Option<IpAddr>,
    /// Any private address of the subnet
    #[arg(long, conflicts_with = "private_ip")]
    no_private_ip: bool,
    /// One more private address. May be given often
    #[arg(long = "secondary-ip", value_name = "ADDRESS")]
    secondary_ips: Vec<IpAddr>,
    /// Whether it gets a public address
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    public_ip: Option<bool>,
    /// The allocation of an elastic address to give it
    #[arg(long, value_name = "ALLOCATION")]
    elastic_ip: Option<String>,
    /// Without its elastic address
    #[arg(long, conflicts_with = "elastic_ip")]
    no_elastic_ip: bool,
}

/// What it starts with.
#[derive(Debug, Args)]
struct System {
    /// The key pair
    #[arg(long = "key", value_name = "NAME")]
    key_pair: Option<String>,
    /// Without a key pair
    #[arg(long, conflicts_with = "key_pair")]
    no_key: bool,
    /// The ARN of the instance profile
    #[arg(long, value_name = "ARN")]
    instance_profile: Option<String>,
    /// Without an instance profile
    #[arg(long, conflicts_with = "instance_profile")]
    no_instance_profile: bool,
    /// A file with its user data
    #[arg(long, value_name = "FILE")]
    user_data: Option<PathBuf>,
    /// Without user data
    #[arg(long, conflicts_with = "user_data")]
    no_user_data: bool,
    /// What happens when it is shut down from within
    #[arg(long, value_name = "WHAT", value_parser = word::<ShutdownBehavior>(&["stop", "terminate"]))]
    shutdown_behavior: Option<ShutdownBehavior>,
    /// Whether it is kept from being terminated by API
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    termination_protection: Option<bool>,
    /// Whether its metadata service takes `IMDSv2` only
    #[arg(long, value_name = "WHAT", value_parser = ["required", "optional"])]
    http_tokens: Option<String>,
    /// Whether it has detailed monitoring
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    monitoring: Option<bool>,
    /// Whether it is EBS-optimised
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    ebs_optimized: Option<bool>,
    /// `x86_64`, `arm64` or `i386`
    #[arg(long, value_name = "WHAT", value_parser = ["x86_64", "arm64", "i386"], hide_possible_values = true)]
    architecture: Option<String>,
    /// The kernel, of a paravirtual one
    #[arg(long, value_name = "KERNEL")]
    kernel: Option<String>,
    /// The RAM disk, of a paravirtual one
    #[arg(long, value_name = "RAMDISK")]
    ramdisk: Option<String>,
    /// An instance store volume, such as `/dev/sdb:ephemeral0`. May be given often
    #[arg(long, value_name = "DEVICE:NAME", value_parser = ephemeral)]
    ephemeral: Vec<(String, String)>,
}

impl Flags for Instance {
    const KIND: RecoveryKind = RecoveryKind::Instance;

    fn change(&self, wanted: &mut Wanted) -> Result<(), Fault> {
        let Wanted::Instance(plan) = wanted else { return Err(of_another_kind()) };
        set(&mut plan.instance_type, self.of_type.as_ref());
        set(&mut plan.count, self.count.as_ref());
        set(&mut plan.launch_from, self.launch_from.as_ref());
        set(&mut plan.image, self.image.as_ref());
        set(&mut plan.image_handling, self.image_handling.as_ref());
        self.place.change(plan);
        self.network.change(plan);
        self.system.change(plan)?;
        set_volumes(&mut plan.volumes, &self.volumes, &self.without)?;
        set_tags(&mut plan.tags, &self.tags, self.no_tags);
        Ok(())
    }
}

impl Spot {
    fn change(&self, plan: &mut InstancePlan) {
        set(&mut plan.subnet, self.subnet.as_ref());
        set(&mut plan.zone, self.zone.as_ref());
        set(&mut plan.placement_group, self.placement_group.as_ref());
        set(&mut plan.tenancy, self.tenancy.as_ref());
    }
}

impl Network {
    fn change(&self, plan: &mut InstancePlan) {
        let text = |address: &IpAddr| address.to_string();
        set_list(&mut plan.security_groups, &self.security_groups);
        set_or_none(&mut plan.private_ip, self.private_ip.as_ref().map(text).as_ref(), self.no_private_ip);
        set_list(&mut plan.secondary_ips, &self.secondary_ips.iter().map(text).collect::<Vec<_>>());
        set(&mut plan.public_ip, self.public_ip.as_ref());
        set_or_none(&mut plan.elastic_ip, self.elastic_ip.as_ref(), self.no_elastic_ip);
    }
}

impl System {
    fn change(&self, plan: &mut InstancePlan) -> Result<(), Fault> {
        let user_data = self.user_data.as_ref().map(user_data).transpose()?;
        set_or_none(&mut plan.key_pair, self.key_pair.as_ref(), self.no_key);
        set_or_none(&mut plan.profile, self.instance_profile.as_ref(), self.no_instance_profile);
        set_or_none(&mut plan.user_data, user_data.as_ref(), self.no_user_data);
        set(&mut plan.shutdown_behavior, self.shutdown_behavior.as_ref());
        set(&mut plan.termination_protection, self.termination_protection.as_ref());
        if self.http_tokens.is_some() {
            plan.metadata.get_or_insert_default().http_tokens.clone_from(&self.http_tokens);
        }
        set(&mut plan.monitoring, self.monitoring.as_ref());
        set(&mut plan.ebs_optimized, self.ebs_optimized.as_ref());
        set(&mut plan.architecture, self.architecture.as_ref());
        set(&mut plan.kernel, self.kernel.as_ref());
        set(&mut plan.ramdisk, self.ramdisk.as_ref());
        if !self.ephemeral.is_empty() {
            plan.ephemeral = Some(self.ephemeral.iter().cloned().collect());
        }
        Ok(())
    }
}

/// As AWS takes it: in base64.
fn user_data(path: &PathBuf) -> Result<String, Fault> {
    let bytes = fs::read(path).map_err(|error| {
        Fault::new(format!("the user data cannot be read: {error}"), "check the path; it is read from here on")
            .at(path.display().to_string())
    })?;
    Ok(aws_smithy_types::base64::encode(bytes))
}
