//! What recoveries need of RDS: to look, to make, and, for the cleaner alone, to remove what was made.
//!
//! RDS knows a call again by the identifier of what it makes: there is one of a name. Whose it is, its tags tell.

mod answer;
mod ask;
mod change;
mod look;
mod make;
mod removal;

use async_trait::async_trait;
use aws_sdk_rds::types::Tag;
use cpm_aws_place::{id_of, not_ours};
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

pub(crate) use change::{MODIFY, MODIFY_CLUSTER};
pub(crate) use make::{CREATE_MEMBER, RESTORE, RESTORE_CLUSTER};

use crate::Rds;

const MADE: &[MadeKind] = &[MadeKind::Database, MadeKind::Cluster];

#[async_trait]
impl Restorer for Rds {
    fn makes(&self) -> &'static [MadeKind] {
        MADE
    }

    fn does(&self, action: &Action) -> bool {
        match action {
            Action::Share { kind, .. } | Action::Unshare { kind, .. } => {
                matches!(kind, UnitKind::RdsSnapshot | UnitKind::AuroraSnapshot)
            }
            Action::ProtectManaged { kind, .. } => MADE.contains(kind),
            Action::RestoreDatabase(_) | Action::RestoreCluster(_) | Action::CreateMember { .. } => true,
            _ => false,
        }
    }

    async fn ask(&self, place: &Place, questions: &[Question]) -> Result<Facts, AwsError> {
        // The calls of all questions are large together.
        Box::pin(ask::ask(&self.places.client(place).await, &place.access, questions)).await
    }

    async fn carry_out(&self, place: &Place, order: &Order) -> Result<Vec<Made>, AwsError> {
        let (client, access) = (&self.places.client(place).await, &place.access);
        let done = match &order.what {
            Action::RestoreDatabase(spec) => return make::database(client, access, order, spec).await,
            Action::RestoreCluster(spec) => return make::cluster(client, access, order, spec).await,
            Action::CreateMember { cluster, engine, member, tags } => {
                let tags = both(order, tags);
                return make::member(client, access, id_of(cluster)?, engine, member, tags).await;
            }
            Action::ProtectManaged { kind, of } => change::protect(client, access, *kind, id_of(of)?).await,
            Action::Share { kind, unit, account } => change::share(client, access, *kind, unit, account).await,
            Action::Unshare { kind, unit, account } => change::unshare(client, access, *kind, unit, account).await,
            _ => Err(not_ours("rds", "this action")),
        };
        done.map(|()| Vec::new())
    }

    async fn find(&self, place: &Place, order: &Order, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        let (kind, id) = match &order.what {
            Action::RestoreDatabase(spec) => (MadeKind::Database, &spec.id),
            Action::RestoreCluster(spec) => (MadeKind::Cluster, &spec.id),
            Action::CreateMember { member, .. } => (MadeKind::Database, &member.id),
            // What makes nothing can be done again: a change that stands already is a success.
            _ => return Ok(Vec::new()),
        };
        let client = self.places.client(place).await;
        let mut found = look::of(&client, &place.access, kind, Some(std::slice::from_ref(id))).await?;
        let work = order.work.to_string();
        found.retain(|seen| mark.fits(&seen.tags) && seen.tags.get(WORK) == Some(&work));
        Ok(found.into_iter().map(|seen| seen.made).collect())
    }

    async fn look(&self, place: &Place, kind: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError> {
        look::named(&self.places.client(place).await, &place.access, kind, ids).await
    }
}

#[async_trait]
impl Removals for Rds {
    fn removes(&self) -> &'static [MadeKind] {
        MADE
    }

    async fn remove(&self, place: &Place, kind: MadeKind, id: &str) -> Result<(), AwsError> {
        let client = self.places.client(place).await;
        match kind {
            MadeKind::Cluster => removal::cluster(&client, &place.access, id).await,
            _ => removal::database(&client, &place.access, id).await,
        }
    }

    /// RDS filters by no tag: all of them are read.
    async fn marked(&self, place: &Place, kind: MadeKind, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        let all = look::of(&self.places.client(place).await, &place.access, kind, None).await?;
        Ok(all.into_iter().filter(|seen| mark.fits(&seen.tags)).map(|seen| seen.made).collect())
    }

    async fn remaining(&self, place: &Place, kind: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError> {
        look::named(&self.places.client(place).await, &place.access, kind, ids).await
    }
}

/// The suite's tags with those that the thing has of its own. Past AWS's 50 the suite's win.
fn both(order: &Order, own: &Tags) -> Vec<Tag> {
    let tags = merge(order.tags.clone(), own).0;
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
