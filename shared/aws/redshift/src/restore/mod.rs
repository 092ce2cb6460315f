//! What recoveries need of Redshift: to look, to make, and, for the cleaner alone, to remove what was made.
//!
//! Redshift knows a call again by the identifier of the cluster that it makes. It takes no tags with it: they are put on
//! right after, and what has none yet is known by what it was made of.

mod ask;
mod change;
mod look;
mod make;

use async_trait::async_trait;
use aws_sdk_redshift::Client;
use cpm_aws_place::{not_ours, partition};
use cpm_domain::{
    aws::AwsError,
    recovery::{
        Mark, RECOVERY,
        facts::{Facts, Question},
        work::{Action, Made, MadeKind, Order},
    },
    unit::UnitKind,
};
use cpm_ports::{Access, Identity, Place, Removals, Restorer};
use look::Seen;

use crate::Redshift;

const MADE: &[MadeKind] = &[MadeKind::Warehouse];

impl Redshift {
    /// The ARN of a cluster, which AWS's answers do not give.
    async fn arn(&self, place: &Place, cluster: &str) -> Result<String, AwsError> {
        let account = match &place.access {
            Access::Assumed { account, .. } => account.clone(),
            Access::Own => self.sts.account(place).await?,
        };
        let region = place.region.as_str();
        Ok(format!("arn:{}:redshift:{region}:{account}:cluster:{cluster}", partition(region)))
    }

    /// Whether an untagged cluster is what an order made: a restored one, of the order's snapshot by all that AWS tells
    /// of it. One that carries the mark of another recovery is not.
    async fn is_made_of(
        &self,
        client: &Client,
        access: &Access,
        seen: &Seen,
        snapshot: &str,
    ) -> Result<bool, AwsError> {
        if !seen.is_restored || seen.tags.contains_key(RECOVERY) {
            return Ok(false);
        }
        let snapshot = ask::snapshot(client, access, snapshot).await?;
        Ok(snapshot.is_some_and(|snapshot| {
            snapshot.db_name() == seen.database.as_deref() && snapshot.master_username() == seen.user.as_deref()
        }))
    }
}

#[async_trait]
impl Restorer for Redshift {
    fn makes(&self) -> &'static [MadeKind] {
        MADE
    }

    fn does(&self, action: &Action) -> bool {
        match action {
            Action::Share { kind, .. } | Action::Unshare { kind, .. } => *kind == UnitKind::RedshiftSnapshot,
            Action::RestoreWarehouse { .. } => true,
            _ => false,
        }
    }

    async fn ask(&self, place: &Place, questions: &[Question]) -> Result<Facts, AwsError> {
        ask::ask(&self.places.client(place).await, &place.access, questions).await
    }

    async fn carry_out(&self, place: &Place, order: &Order) -> Result<Vec<Made>, AwsError> {
        let (client, access) = (&self.places.client(place).await, &place.access);
        match &order.what {
            Action::RestoreWarehouse { snapshot, plan } => {
                let id = plan.id.as_deref().unwrap_or_default();
                // Asked before anything is made.
                let arn = self.arn(place, id).await?;
                let made = make::restore(client, access, snapshot, plan).await?;
                make::tag(client, access, &arn, order, plan).await.map_err(make::unsure)?;
                Ok(vec![made])
            }
            Action::Share { unit, account, .. } => {
                change::share(client, access, unit, account).await.map(|()| vec![])
            }
            Action::Unshare { unit, account, .. } => {
                change::unshare(client, access, unit, account).await.map(|()| vec![])
            }
            _ => Err(not_ours("redshift", "this action")),
        }
    }

    async fn find(&self, place: &Place, order: &Order, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        let Action::RestoreWarehouse { snapshot, plan } = &order.what else { return Ok(Vec::new()) };
        let (client, access) = (&self.places.client(place).await, &place.access);
        let id = plan.id.clone().unwrap_or_default();
        let Some(seen) = look::of(client, access, std::slice::from_ref(&id)).await?.pop() else { return Ok(vec![]) };
        if mark.fits(&seen.tags) {
            return Ok(vec![seen.made]);
        }
        if !self.is_made_of(client, access, &seen, snapshot).await? {
            return Ok(Vec::new());
        }
        make::tag(client, access, &self.arn(place, &id).await?, order, plan).await?;
        Ok(vec![seen.made])
    }

    async fn look(&self, place: &Place, _: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError> {
        look::named(&self.places.client(place).await, &place.access, ids).await
    }
}

#[async_trait]
impl Removals for Redshift {
    fn removes(&self) -> &'static [MadeKind] {
        MADE
    }

    async fn remove(&self, place: &Place, _: MadeKind, id: &str) -> Result<(), AwsError> {
        change::delete(&self.places.client(place).await, &place.access, id).await
    }

    async fn marked(&self, place: &Place, _: MadeKind, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        let found = look::marked(&self.places.client(place).await, &place.access, mark).await?;
        Ok(found.into_iter().map(|seen| seen.made).collect())
    }

    async fn remaining(&self, place: &Place, _: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError> {
        look::named(&self.places.client(place).await, &place.access, ids).await
    }
}
