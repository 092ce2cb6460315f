//! Removing what recoveries made.

use cpm_domain::{
    aws::{AwsError, Refusal},
    provenance::DEPLOYMENT as TAG,
    recovery::{
        RECOVERY, REPLACED,
        work::{MadeKind, MadeState},
    },
};
use jiff::Timestamp;

use super::super::cloud::{Cloud, Home, refused};
use crate::DEPLOYMENT;

pub(super) fn actions(kind: MadeKind) -> &'static [&'static str] {
    match kind {
        MadeKind::Image => &["ec2:DeregisterImage"],
        MadeKind::Instance => &["ec2:TerminateInstances"],
        MadeKind::Volume => &["ec2:DeleteVolume", "ec2:DetachVolume"],
        MadeKind::Database => &["rds:DeleteDBInstance"],
        MadeKind::Cluster => &["rds:DeleteDBCluster"],
        MadeKind::Warehouse => &["redshift:DeleteCluster"],
        MadeKind::Table => &["dynamodb:DeleteTable"],
    }
}

impl Cloud {
    pub(super) fn remove(&mut self, home: &Home, kind: MadeKind, id: &str, now: Timestamp) -> Result<(), AwsError> {
        let action = actions(kind).first().copied().unwrap_or_default();
        let refuse = |refusal, code: &str, message: String| Err(refused(refusal, action, code, message));
        let Some(tags) = self.tags_of(kind, home, id) else { return Ok(()) };
        let is_ours = tags.get(TAG).is_some_and(|deployment| deployment == DEPLOYMENT)
            && (tags.contains_key(RECOVERY) || kind == MadeKind::Volume && tags.contains_key(REPLACED));
        // A table is restored without tags, and gets them later.
        let is_untagged_table = kind == MadeKind::Table && tags.is_empty();
        if !is_ours && !is_untagged_table {
            return refuse(Refusal::Denied, "UnauthorizedOperation", format!("{id} is not tagged as a recovery's"));
        }
        let thing = self.recovered.things.get(&(kind, id.to_owned()));
        if thing.is_some_and(|thing| thing.protected) {
            let message = format!("{id} may not be terminated: modify its protection");
            return refuse(Refusal::InUse, "OperationNotPermitted", message);
        }
        let is_busy =
            self.look(home, kind, &[id.to_owned()], now).first().is_some_and(|made| made.state == MadeState::Pending);
        match kind {
            MadeKind::Database | MadeKind::Cluster | MadeKind::Warehouse | MadeKind::Table if is_busy => {
                return refuse(Refusal::Busy, "InvalidState", format!("{id} is being created"));
            }
            MadeKind::Cluster => {
                let member = self.managed.values().find(|placed| placed.thing.cluster.as_deref() == Some(id));
                if let Some(member) = member {
                    let message = format!("{id} has the member {}", member.thing.resource.id());
                    return refuse(Refusal::InUse, "InvalidDBClusterStateFault", message);
                }
            }
            MadeKind::Volume => {
                let Ok(volume) = id.parse() else { return Ok(()) };
                if let Some((instance, _)) = self.attached(&volume) {
                    if let Some(placed) = self.instances.get_mut(&instance) {
                        placed.thing.volumes.retain(|attached| attached.volume != volume);
                    }
                    return Ok(());
                }
            }
            _ => {}
        }
        self.drop_thing(kind, id);
        self.recovered.removed.push((kind, id.to_owned()));
        Ok(())
    }
}
