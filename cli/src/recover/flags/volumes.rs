//! Of volumes (§9.3).

use clap::Args;
use cpm_domain::{
    id::{InstanceId, VolumeId},
    recovery::plan::{AttachBehavior, RecoveryKind, VolumePlan, Wanted},
};

use super::{
    Flags, of_another_kind,
    value::{set, set_volumes, volume, word},
};
use crate::fault::Fault;

#[derive(Debug, Args)]
#[command(next_help_heading = "The volumes [default of each: as it was]")]
pub(crate) struct Volumes {
    /// The instance to attach them to [default: they are only made]
    #[arg(long, value_name = "INSTANCE")]
    attach_to: Option<InstanceId>,
    /// How: where the device is free; or in place of what is attached there, on a stopped instance, and then the old
    /// volumes may be deleted
    #[arg(long, value_name = "HOW",
        value_parser = word::<AttachBehavior>(&["if-free", "switch", "switch-and-delete"]))]
    attach: Option<AttachBehavior>,
    /// A volume that is to be different. Keys: size (GiB), type, iops, throughput, device, zone, kms-key. May be given
    /// often
    #[arg(long = "volume", value_name = "VOLUME:KEY=VALUE,…", value_parser = volume)]
    changed: Vec<VolumePlan>,
    /// A volume that is left out. May be given often
    #[arg(long, value_name = "VOLUME")]
    without: Vec<VolumeId>,
}

impl Flags for Volumes {
    const KIND: RecoveryKind = RecoveryKind::Volumes;

    fn change(&self, wanted: &mut Wanted) -> Result<(), Fault> {
        let Wanted::Volumes(plan) = wanted else { return Err(of_another_kind()) };
        set(&mut plan.attach_to, self.attach_to.as_ref());
        set(&mut plan.attach_behavior, self.attach.as_ref());
        set_volumes(&mut plan.volumes, &self.changed, &self.without)
    }
}
