//! Why AWS made nothing of what it had accepted: it seldom says so itself.

use std::collections::BTreeSet;

use cpm_domain::{
    aws::AwsError,
    id::SnapshotId,
    recovery::{
        facts::{Facts, Question},
        work::{Action, Device, Made, MadeKind, MadeState, Work},
    },
    unit::Fault,
};
use cpm_ports::Place;
use futures::future::join_all;

use super::{FUNCTION, Steps};

impl Steps<'_> {
    /// The fault of a thing that failed or is gone, with its cause as far as it can be found out.
    pub(super) async fn diagnosed(&self, place: &Place, work: &Work, works: &[Work], made: &Made) -> Fault {
        let how = if made.state == MadeState::Gone { "is gone again" } else { "ended in an error" };
        let said = made.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        let message = format!("{}: {} {} {how}{said}", work.what.told(), made.kind, made.id);
        let code = if made.state == MadeState::Gone { "Gone" } else { "NotMade" };
        if let Some(bad) = self.bad_key(place, work, works).await {
            let advice = "enable the key, and let the role use it, or name another in the plan; then recover again";
            return Fault::new(code, format!("{message}; {bad}")).advise(advice);
        }
        Fault::new(code, message).advise(advice(made))
    }

    /// The key of a volume that cannot be used: AWS takes the order, and the volume ends in an error.
    async fn bad_key(&self, place: &Place, work: &Work, works: &[Work]) -> Option<String> {
        let devices = devices(work, works);
        let mut keys: BTreeSet<String> = devices.iter().filter_map(|device| device.kms_key.clone()).collect();
        let snapshots: BTreeSet<SnapshotId> = devices
            .iter()
            .filter(|device| device.kms_key.is_none())
            .filter_map(|device| device.snapshot.as_ref()?.parse().ok())
            .collect();
        if !snapshots.is_empty() {
            let facts = self.ask_all(place, snapshots.into_iter().map(Question::Snapshot).collect()).await;
            keys.extend(facts.snapshots.into_values().filter_map(|snapshot| snapshot.kms_key));
        }
        if keys.is_empty() {
            return None;
        }
        let facts = self.ask_all(place, keys.iter().cloned().map(Question::Key).collect()).await;
        let bad =
            keys.iter().find_map(|key| Some((key, facts.keys.get(key)?)).filter(|(_, state)| *state != "Enabled"));
        bad.map(|(key, state)| format!("the KMS key {key} is {state}"))
    }

    /// AWS's words on what it has no room for, and which other zones offer the type.
    pub(super) async fn no_capacity(&self, place: &Place, work: &Work, error: &AwsError) -> Fault {
        let fault = error.to_fault(&place.access.whom(FUNCTION));
        let Action::Launch(spec) = &work.what else {
            return fault
                .advise("AWS has no room for it now: try again later, in another zone, or with another class");
        };
        let kind = &spec.instance_type;
        let mut questions = vec![Question::InstanceType(kind.clone())];
        questions.extend(spec.subnet.clone().map(Question::Subnet));
        let facts = self.ask_all(place, questions).await;
        let here = spec.zone.as_ref().or_else(|| Some(&facts.subnets.get(spec.subnet.as_ref()?)?.zone));
        let offering = facts.types.get(kind).map(|found| found.zones.clone()).unwrap_or_default();
        let others: Vec<String> = offering.into_iter().filter(|zone| Some(zone) != here).collect();
        let zone = here.map(|zone| format!(" in {zone}")).unwrap_or_default();
        let elsewhere = if others.is_empty() {
            "or take another type".to_owned()
        } else {
            format!("take a subnet in {}, which offer the type as well, or take another type", others.join(", "))
        };
        fault.advise(format!("AWS has no room for {kind}{zone} now: try again later, {elsewhere}"))
    }

    /// What AWS says, as far as it does.
    async fn ask_all(&self, place: &Place, questions: Vec<Question>) -> Facts {
        let mut facts = Facts::default();
        let questions = &questions;
        for answer in join_all(self.restorers.iter().map(|restorer| restorer.ask(place, questions))).await {
            match answer {
                Ok(answer) => facts.merge(answer),
                Err(error) => tracing::warn!(%error, "cannot find out why"),
            }
        }
        facts
    }
}

/// The volumes that a work makes, those of the image that it launches from among them.
fn devices<'a>(work: &'a Work, works: &'a [Work]) -> Vec<&'a Device> {
    match &work.what {
        Action::CreateVolume { device, .. } => vec![device],
        Action::RegisterImage(spec) => spec.devices.iter().collect(),
        Action::Launch(spec) => {
            let images = works.iter().filter_map(|other| match &other.what {
                Action::RegisterImage(image) if work.needs.contains(&other.number) => Some(&image.devices),
                _ => None,
            });
            spec.devices.iter().chain(images.flatten()).collect()
        }
        _ => Vec::new(),
    }
}

fn advice(made: &Made) -> &'static str {
    match (made.kind, made.state) {
        (MadeKind::Volume, MadeState::Failed) => {
            "AWS does not say why; most often the role may not use the KMS key of the snapshot: see its policy and grants"
        }
        (MadeKind::Instance, _) => {
            "AWS ended it: see the state's reason in its console; limits of EBS and KMS keys are common ones"
        }
        (MadeKind::Image, _) => "see the image's state reason in AWS's console; its snapshots must be complete",
        (_, MadeState::Gone) => "somebody deleted it: find out who, and recover again",
        _ => "see its events in AWS's console, and recover again",
    }
}
