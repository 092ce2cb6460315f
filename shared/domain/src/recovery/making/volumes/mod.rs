//! Volumes (§9.3): made of snapshots, and attached to an instance if that is wanted.

mod check;
#[cfg(test)]
mod tests;
mod works;

pub(super) use self::{check::check, works::works};
use super::{
    Findings, Subject,
    ebs::{self, Source},
    works::Works,
};
use crate::{
    origin::Origin,
    recovery::{
        facts::{Facts, Question},
        plan::{AttachBehavior, VolumePlan, VolumesPlan},
    },
};

/// Whether the volumes' zones and keys are those of the place that the recovery goes to.
fn is_home(subject: &Subject) -> bool {
    match &subject.origin {
        Some(Origin::Instance(origin)) => ebs::is_home(subject, &origin.zone),
        Some(Origin::Volume(origin)) => ebs::is_home(subject, &origin.zone),
        _ => false,
    }
}

fn find<'a, 'b>(sources: &'b [Source<'a>], plan: &VolumePlan) -> Option<&'b Source<'a>> {
    sources.iter().find(|source| source.volume == plan.volume)
}

/// Writes down what the plan leaves out: every volume whose data is there, as it was.
pub(super) fn fill(wanted: &mut VolumesPlan, subject: &Subject) {
    let (sources, home) = (ebs::sources(subject), is_home(subject));
    let attached = wanted.attach_to.is_some();
    if attached {
        wanted.attach_behavior.get_or_insert(AttachBehavior::IfFree);
    }
    for source in sources.iter().filter(|source| source.content.is_some()) {
        if wanted.volumes.iter().all(|plan| plan.volume != source.volume) {
            wanted.volumes.push(VolumePlan::new(source.volume.clone()));
        }
    }
    for plan in &mut wanted.volumes {
        let Some(source) = find(&sources, plan) else { continue };
        ebs::fill(plan, source, home, attached);
        // Where it is attached, the instance has the zone.
        if !attached && home {
            plan.zone = plan.zone.take().or_else(|| source.origin.map(|origin| origin.zone.clone()));
        }
    }
}

/// What has to be asked: the data of each volume, their keys, and the instance or the zones.
pub(super) fn questions(wanted: &VolumesPlan, subject: &Subject) -> Vec<Question> {
    let sources = ebs::sources(subject);
    let mut questions = Vec::new();
    for plan in wanted.volumes.iter().filter(|plan| ebs::is_wanted(plan)) {
        let source = find(&sources, plan);
        questions.extend(source.and_then(|source| source.content).and_then(ebs::question));
        questions.extend(ebs::keys(plan, source, subject).into_iter().map(|key| Question::Key(key.to_owned())));
    }
    // An instance's zone is a zone.
    questions.push(match &wanted.attach_to {
        Some(instance) => Question::Instance(instance.clone()),
        None => Question::Zones,
    });
    questions
}

/// Fills in what only AWS knows: the zone of the instance, and what a volume is of which nothing is on record.
pub(super) fn settle(wanted: &mut VolumesPlan, subject: &Subject, facts: &Facts) {
    let sources = ebs::sources(subject);
    let instance = wanted.attach_to.as_ref().and_then(|id| facts.instances.get(id));
    for plan in &mut wanted.volumes {
        if let Some(source) = find(&sources, plan) {
            ebs::settle(plan, source, facts);
        }
        if wanted.attach_to.is_some() {
            plan.delete_on_termination.get_or_insert(false);
            plan.zone = plan.zone.take().or_else(|| instance.map(|instance| instance.zone.clone()));
        }
    }
}
