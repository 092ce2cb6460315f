//! What recoveries ask of the accounts, by AWS's rules.
//!
//! - What is made of a snapshot or an image needs one that is there, complete, and of the account or shared with it.
//! - A disabled key lets a volume be ordered, which then ends in `error`; an instance with it is terminated at once.
//! - The token of an order gives what it gave before; names of images, databases, clusters and tables are unique.
//! - A volume is attached in its own zone, as a device that is free, when it is available.
//! - Only roles for recoveries (`-recovery`), or the function's own, make anything; only those for cleanup (`-cleanup`), or
//!   the function's own, remove anything, and only what carries the tags of a recovery or was marked as replaced by one.

mod answers;
mod carry_out;
mod launch;
mod managed;
mod network;
mod remove;
mod state;

use async_trait::async_trait;
use cpm_domain::{
    aws::AwsError,
    origin::ImageOrigin,
    recovery::{
        Mark, WORK,
        facts::{Facts, Question},
        image::ImageFilter,
        work::{Action, Made, MadeKind, Order},
    },
};
use cpm_ports::{Clock, Identity, ImageSearch, Place, Removals, Restorer};

use super::FakeAws;
use crate::{faults::Calling, held};

pub(super) use state::Recovered;
pub use state::Recovery;

#[async_trait]
impl Restorer for FakeAws {
    fn makes(&self) -> &'static [MadeKind] {
        &MadeKind::ALL
    }

    fn does(&self, _action: &Action) -> bool {
        true
    }

    async fn ask(&self, place: &Place, questions: &[Question]) -> Result<Facts, AwsError> {
        let mut facts = Facts::default();
        for (action, questions) in answers::by_action(questions) {
            let now = self.clock.now();
            let answer = self
                .call(action, &place.region, place, |cloud, home| Ok(cloud.answers(home, &questions, now)))
                .await?;
            facts.merge(answer);
        }
        Ok(facts)
    }

    async fn carry_out(&self, place: &Place, order: &Order) -> Result<Vec<Made>, AwsError> {
        let now = self.clock.now();
        let actions = carry_out::actions(&order.what);
        self.call(actions, format!("work {}", order.work), place, |cloud, home| cloud.carry_out(home, order, now))
            .await
    }

    async fn find(&self, place: &Place, order: &Order, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        let now = self.clock.now();
        let Some(kind) = order.what.makes() else { return Ok(Vec::new()) };
        self.call(look(kind), format!("work {}", order.work), place, |cloud, home| {
            let work = order.work.to_string();
            let of_order = |id: &str| {
                let tags = cloud.tags_of(kind, home, id);
                let is_marked = tags.is_some_and(|tags| mark.fits(tags) && tags.get(WORK) == Some(&work));
                is_marked || cloud.is_table_of(home, id, &order.what)
            };
            Ok(cloud.seen(home, kind, now).into_iter().filter(|made| of_order(&made.id)).collect())
        })
        .await
    }

    async fn look(&self, place: &Place, kind: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError> {
        let now = self.clock.now();
        self.call(look(kind), ids.join(" "), place, |cloud, home| Ok(cloud.look(home, kind, ids, now))).await
    }
}

#[async_trait]
impl Removals for FakeAws {
    fn removes(&self) -> &'static [MadeKind] {
        &MadeKind::ALL
    }

    async fn remove(&self, place: &Place, kind: MadeKind, id: &str) -> Result<(), AwsError> {
        let now = self.clock.now();
        let actions = remove::actions(kind);
        self.call(actions, id, place, |cloud, home| cloud.remove(home, kind, id, now)).await
    }

    async fn marked(&self, place: &Place, kind: MadeKind, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        let now = self.clock.now();
        self.call(look(kind), format!("marked {}", mark.recovery), place, |cloud, home| {
            let is_marked = |made: &Made| cloud.tags_of(kind, home, &made.id).is_some_and(|tags| mark.fits(tags));
            Ok(cloud.seen(home, kind, now).into_iter().filter(is_marked).collect())
        })
        .await
    }

    async fn remaining(&self, place: &Place, kind: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError> {
        Restorer::look(self, place, kind, ids).await
    }
}

#[async_trait]
impl Identity for FakeAws {
    async fn account(&self, place: &Place) -> Result<String, AwsError> {
        self.faults
            .call(Calling::new(&["sts:GetCallerIdentity"], &place.region, Some(place)), |_| {
                held(&self.cloud).assume(&place.access, "sts:GetCallerIdentity")
            })
            .await
    }
}

#[async_trait]
impl ImageSearch for FakeAws {
    async fn images(&self, place: &Place, filter: &ImageFilter) -> Result<Vec<ImageOrigin>, AwsError> {
        self.call(&["ec2:DescribeImages"], &filter.name, place, |cloud, _| {
            let fits = |image: &&ImageOrigin| {
                let owners = [image.owner.as_ref(), image.owner_alias.as_ref()];
                owners.contains(&Some(&filter.owner))
                    && image.name.as_ref().is_some_and(|name| is_like(&filter.name, name))
                    && filter.architecture.as_ref().is_none_or(|wanted| image.architecture.as_ref() == Some(wanted))
            };
            Ok(cloud.recovered.public_images.iter().filter(fits).cloned().collect())
        })
        .await
    }
}

/// Whether a name is like a pattern, in which `*` stands for any text.
fn is_like(pattern: &str, name: &str) -> bool {
    let mut rest = name;
    let mut parts = pattern.split('*');
    let Some(found) = parts.next().and_then(|first| rest.strip_prefix(first)) else { return false };
    rest = found;
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    match last {
        None => rest.is_empty(),
        Some(part) => part.is_empty() || name.ends_with(part),
    }
}

/// What describes things of a kind.
fn look(kind: MadeKind) -> &'static [&'static str] {
    match kind {
        MadeKind::Image => &["ec2:DescribeImages"],
        MadeKind::Instance => &["ec2:DescribeInstances"],
        MadeKind::Volume => &["ec2:DescribeVolumes"],
        MadeKind::Database => &["rds:DescribeDBInstances"],
        MadeKind::Cluster => &["rds:DescribeDBClusters"],
        MadeKind::Warehouse => &["redshift:DescribeClusters"],
        MadeKind::Table => &["dynamodb:DescribeTable"],
    }
}

#[cfg(test)]
mod tests;
