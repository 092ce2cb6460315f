//! What recoveries need of EC2: to look, to make, and, for the cleaner alone, to remove what was made.

mod answer;
mod ask;
mod change;
mod images;
mod launch;
mod look;
mod removal;
mod share;

use async_trait::async_trait;
use aws_sdk_ec2::{
    config::Builder,
    types::{Filter, ResourceType, Tag, TagSpecification},
};
use cpm_aws_call::{ANSWER, once, timeouts};
use cpm_aws_place::id_of;
use cpm_domain::{
    aws::{AwsError, Tags},
    provenance::merge,
    recovery::{
        Mark, WORK,
        facts::{Facts, Question},
        work::{Action, Made, MadeKind, Order},
    },
    unit::UnitKind,
};
use cpm_ports::{Place, Removals, Restorer};
use look::Eye;

pub(crate) use change::{ASSOCIATE, ATTACH, DETACH, MODIFY};
pub(crate) use launch::LAUNCH;
pub(crate) use removal::{DELETE_VOLUME, TERMINATE};

use crate::{Ec2, driver::not_ours, filter, literal};

const MADE: &[MadeKind] = &[MadeKind::Image, MadeKind::Instance, MadeKind::Volume];

/// On an image that must be one of Windows: AWS has to have seen that in its snapshot.
const PLATFORM: &str = "cpm:platform";
const WINDOWS: &str = "windows";

#[async_trait]
impl Restorer for Ec2 {
    fn makes(&self) -> &'static [MadeKind] {
        MADE
    }

    fn does(&self, action: &Action) -> bool {
        match action {
            Action::Share { kind, .. } | Action::Unshare { kind, .. } => {
                matches!(kind, UnitKind::EbsSnapshot | UnitKind::Ami)
            }
            Action::RegisterImage(_)
            | Action::Launch(_)
            | Action::CreateVolume { .. }
            | Action::Detach { .. }
            | Action::Attach { .. }
            | Action::MarkReplaced { .. }
            | Action::TagVolumes { .. }
            | Action::AssociateAddress { .. }
            | Action::ProtectInstances { .. } => true,
            Action::RestoreDatabase(_)
            | Action::RestoreCluster(_)
            | Action::CreateMember { .. }
            | Action::RestoreWarehouse { .. }
            | Action::RestoreTable { .. }
            | Action::TagTable { .. }
            | Action::ProtectManaged { .. } => false,
        }
    }

    async fn ask(&self, place: &Place, questions: &[Question]) -> Result<Facts, AwsError> {
        // The calls of all questions are large together.
        Box::pin(ask::ask(&self.places.client(place).await, &place.access, questions)).await
    }

    async fn carry_out(&self, place: &Place, order: &Order) -> Result<Vec<Made>, AwsError> {
        let (client, access) = (&self.places.client(place).await, &place.access);
        let done = match &order.what {
            Action::RegisterImage(spec) => return launch::register(client, access, order, spec).await,
            Action::Launch(spec) => return launch::run(client, access, order, spec).await,
            Action::CreateVolume { device, zone } => {
                return launch::create_volume(client, access, order, device, zone).await;
            }
            // AWS is at it for a while: whoever looks sees the volume pending.
            Action::Detach { volume, instance, device } => {
                change::detach(client, access, volume, instance, device).await?;
                return Ok(vec![Made::pending(MadeKind::Volume, volume.as_str())]);
            }
            Action::Attach { volume, instance, device, delete_on_termination } => {
                let attachment = change::Attachment { volume: id_of(volume)?, instance: instance.as_str(), device };
                change::attach(client, access, &attachment, *delete_on_termination).await?;
                return Ok(vec![Made::pending(MadeKind::Volume, attachment.volume)]);
            }
            Action::MarkReplaced { volume } => change::mark_replaced(client, access, order, volume).await,
            Action::TagVolumes { tags, .. } => change::tag_volumes(client, access, order, tags).await,
            Action::AssociateAddress { instance, allocation } => {
                change::associate(client, access, id_of(instance)?, allocation).await
            }
            Action::ProtectInstances { .. } => change::protect(client, access, order).await,
            Action::Share { kind, unit, account } => share::share(client, access, *kind, unit, account).await,
            Action::Unshare { kind, unit, account } => share::unshare(client, access, *kind, unit, account).await,
            _ => Err(not_ours("this action")),
        };
        done.map(|()| Vec::new())
    }

    async fn find(&self, place: &Place, order: &Order, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        // What makes nothing can be done again: a change that stands already is a success.
        let Some(kind) = order.what.makes() else { return Ok(Vec::new()) };
        let of_work = filter(format!("tag:{WORK}")).values(order.work.to_string()).build();
        let these = mark_filters(mark).into_iter().chain([of_work]).collect();
        look::tagged(&self.places.client(place).await, &place.access, kind, these, Eye::Maker).await
    }

    async fn look(&self, place: &Place, kind: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError> {
        look::named(&self.places.client(place).await, &place.access, kind, ids, Eye::Maker).await
    }
}

#[async_trait]
impl Removals for Ec2 {
    fn removes(&self) -> &'static [MadeKind] {
        MADE
    }

    async fn remove(&self, place: &Place, kind: MadeKind, id: &str) -> Result<(), AwsError> {
        let (client, access) = (&self.places.client(place).await, &place.access);
        match kind {
            MadeKind::Image => crate::images::deregister(client, access, &cpm_domain::id::UnitId::new(id)).await,
            MadeKind::Instance => removal::terminate(client, access, id).await,
            MadeKind::Volume => removal::delete_volume(client, access, id).await,
            other => Err(not_ours(other.as_str())),
        }
    }

    async fn marked(&self, place: &Place, kind: MadeKind, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        let client = self.places.client(place).await;
        look::tagged(&client, &place.access, kind, mark_filters(mark), Eye::Cleaner).await
    }

    async fn remaining(&self, place: &Place, kind: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError> {
        look::named(&self.places.client(place).await, &place.access, kind, ids, Eye::Cleaner).await
    }
}

/// What a recovery made, as filters by tag.
fn mark_filters(mark: &Mark<'_>) -> Vec<Filter> {
    mark.sought().iter().map(|(key, value)| filter(format!("tag:{key}")).values(literal(value)).build()).collect()
}

/// For a change that AWS answers at once. One that it took in though no answer came would be made a second time by a
/// blind repetition.
fn change() -> Builder {
    Builder::new().retry_config(once()).timeout_config(timeouts(ANSWER))
}

/// AWS's tags: the suite's with those that the thing has of its own. Past AWS's 50 the suite's win.
fn both(order: &Order, own: &Tags) -> Tags {
    merge(order.tags.clone(), own).0
}

fn specification(of: ResourceType, tags: &Tags) -> TagSpecification {
    TagSpecification::builder().resource_type(of).set_tags(Some(sdk_tags(tags))).build()
}

fn sdk_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
