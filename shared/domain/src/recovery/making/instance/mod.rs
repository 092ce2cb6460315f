//! Instances (§9.2): from the snapshot of the root device, for which an image is registered, or from an image.
//!
//! AWS launches from images only, and what an image has as its root volume cannot be exchanged at launch. So an image is
//! registered of the root volume's snapshot. That goes for Windows too: AWS takes what it charges for from the snapshot,
//! if the snapshot knows (EC2 API, `RegisterImage`). Whoever registers the image looks whether AWS saw Windows, and fails
//! before anything is launched if it did not. Then the other way is `launch_from: image`, which a warning names: the root
//! volume is of the day of the initial image, the data volumes are of the backup. To exchange that root volume for the
//! backup's, people stop the instance and run `cpm recover volumes` with `attach_behavior: switch`.

mod address;
mod check;
mod fill;
mod place;
#[cfg(test)]
mod tests;
mod text;
mod works;

pub(super) use self::{check::check, fill::fill, fill::settle, works::works};
use super::{
    Findings, Subject,
    ebs::{self, Content, Source},
    tags,
    works::Works,
};
use crate::{
    aws::Platform,
    id::VolumeId,
    origin::{InstanceOrigin, Origin},
    recovery::{
        facts::{Facts, ImageFact, Question},
        plan::{ImageHandling, InstancePlan, LaunchFrom, VolumePlan},
    },
};

/// The instance as it was.
fn origin(subject: &Subject) -> Option<&InstanceOrigin> {
    match &subject.origin {
        Some(Origin::Instance(origin)) => Some(origin),
        _ => None,
    }
}

/// Whether what it referred to (subnet, groups, keys) is there where the recovery goes.
fn is_home(subject: &Subject) -> bool {
    origin(subject).is_some_and(|origin| ebs::is_home(subject, &origin.zone))
}

/// Whether it comes from where images have the same ids.
fn is_same_region(subject: &Subject) -> bool {
    origin(subject).is_some_and(|origin| ebs::is_in(&subject.region, &origin.zone))
}

fn is_windows(subject: &Subject) -> bool {
    origin(subject).is_some_and(|origin| origin.platform == Platform::Windows)
}

fn is_from_image(wanted: &InstancePlan) -> bool {
    wanted.launch_from == Some(LaunchFrom::Image)
}

/// Whether an image is all that is made.
fn is_only_image(wanted: &InstancePlan) -> bool {
    wanted.image_handling == Some(ImageHandling::Only)
}

/// The image to launch from.
fn image(wanted: &InstancePlan) -> Option<&str> {
    ebs::said(wanted.image.as_ref()).filter(|_| is_from_image(wanted))
}

fn image_fact<'a>(wanted: &InstancePlan, facts: &'a Facts) -> Option<&'a ImageFact> {
    facts.images.get(image(wanted)?)
}

/// Whether it is launched from the image that is the backup.
fn is_own_image(wanted: &InstancePlan, subject: &Subject) -> bool {
    image(wanted).is_some_and(|image| ebs::own_image(subject).is_some_and(|own| own.as_str() == image))
}

/// The volume that held the root device: as is on record, or the only one, or the one that is to be a root device.
fn root(wanted: &InstancePlan, subject: &Subject) -> Option<VolumeId> {
    if let Some(origin) = origin(subject) {
        let is_root = |device: Option<&str>| device.is_some() && device == origin.root_device.as_deref();
        let marked = origin.volumes.iter().find(|volume| volume.is_root);
        let named = || origin.volumes.iter().find(|volume| is_root(volume.device.as_deref()));
        return marked.or_else(named).map(|volume| volume.id.clone());
    }
    if let [only] = ebs::sources(subject).as_slice() {
        return Some(only.volume.clone());
    }
    let named = wanted.volumes.iter().find(|plan| plan.device.as_deref().is_some_and(ebs::is_root));
    named.map(|plan| plan.volume.clone())
}

/// A wanted volume with what was backed up.
struct Part<'a> {
    /// Where in the plan.
    at: usize,
    /// What is wanted.
    plan: &'a VolumePlan,
    /// What was backed up; none: no such volume.
    source: Option<Source<'a>>,
    /// It is the root one.
    is_root: bool,
    /// The image that is launched brings it.
    in_image: bool,
}

impl Part<'_> {
    /// Where its data is, when it is not in the image that is launched.
    fn content(&self) -> Option<Content<'_>> {
        self.source.as_ref().and_then(|source| source.content).filter(|_| !self.in_image)
    }
}

/// The volumes of a plan.
fn parts<'a>(wanted: &'a InstancePlan, subject: &'a Subject) -> Vec<Part<'a>> {
    let root = root(wanted, subject);
    let (from_image, own) = (is_from_image(wanted), is_own_image(wanted, subject));
    let sources = ebs::sources(subject);
    let part = |(at, plan): (usize, &'a VolumePlan)| {
        let source = sources.iter().find(|source| source.volume == plan.volume).cloned();
        let is_root = root.as_ref() == Some(&plan.volume);
        let is_part = source.as_ref().is_some_and(|source| matches!(source.content, Some(Content::Part(..))));
        Part { at, plan, source, is_root, in_image: from_image && (is_root || (own && is_part)) }
    };
    wanted.volumes.iter().enumerate().map(part).collect()
}

/// What has to be asked: of the image and the volumes' data, and of the place, if anything is launched.
pub(super) fn questions(wanted: &InstancePlan, subject: &Subject) -> Vec<Question> {
    let mut questions = Vec::new();
    questions.extend(image(wanted).map(|image| Question::Image(image.to_owned())));
    for part in parts(wanted, subject).iter().filter(|part| ebs::is_wanted(part.plan)) {
        questions.extend(part.content().and_then(ebs::question));
        let keys = ebs::keys(part.plan, part.source.as_ref(), subject);
        questions.extend(keys.into_iter().map(|key| Question::Key(key.to_owned())));
    }
    if !is_only_image(wanted) {
        questions.extend(place::questions(wanted));
    }
    questions
}
