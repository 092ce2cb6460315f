//! What a work does, in words for the log and for errors.

use super::work::{Action, Ref};

impl Action {
    /// What it does, as the start of a sentence.
    pub fn told(&self) -> String {
        match self {
            Self::Share { unit, account, .. } => format!("sharing {unit} with account {account}"),
            Self::Unshare { unit, account, .. } => format!("un-sharing {unit} with account {account}"),
            Self::RegisterImage(spec) => format!("registering the image {}", spec.name),
            Self::Launch(spec) if spec.count == 1 => format!("launching an instance of type {}", spec.instance_type),
            Self::Launch(spec) => format!("launching {} instances of type {}", spec.count, spec.instance_type),
            Self::CreateVolume { device, zone } => match &device.snapshot {
                Some(snapshot) => format!("making a volume of {snapshot} in {zone}"),
                None => format!("making a volume in {zone}"),
            },
            Self::Detach { volume, instance, device } => format!("detaching {volume} ({device}) from {instance}"),
            Self::Attach { volume, instance, device, .. } => {
                format!("attaching {} to {instance} as {device}", named(volume, "the new volume"))
            }
            Self::MarkReplaced { volume } => format!("marking {volume} as replaced"),
            Self::TagVolumes { .. } => "tagging the volumes of the instance".to_owned(),
            Self::AssociateAddress { instance, allocation } => {
                format!("giving {} the address {allocation}", named(instance, "the instance"))
            }
            Self::ProtectInstances { .. } => "protecting the instance from termination".to_owned(),
            Self::RestoreDatabase(spec) => format!("restoring the database {}", spec.id),
            Self::RestoreCluster(spec) => format!("restoring the cluster {}", spec.id),
            Self::CreateMember { member, .. } => format!("making the member {}", member.id),
            Self::RestoreWarehouse { plan, .. } => {
                format!("restoring the Redshift cluster {}", plan.id.as_deref().unwrap_or_default())
            }
            Self::RestoreTable { plan, .. } => {
                format!("restoring the table {}", plan.name.as_deref().unwrap_or_default())
            }
            Self::TagTable { table, .. } => format!("tagging {}", named(table, "the table")),
            Self::ProtectManaged { kind, of } => {
                format!("protecting {} from deletion", named(of, &format!("the {kind}")))
            }
        }
    }
}

fn named(what: &Ref, otherwise: &str) -> String {
    match what {
        Ref::Id(id) => id.clone(),
        Ref::Work(_) => otherwise.to_owned(),
    }
}
