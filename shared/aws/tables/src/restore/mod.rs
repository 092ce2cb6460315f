//! What recoveries need of DynamoDB: to look, to make, and, for the cleaner alone, to remove what was made.
//!
//! DynamoDB knows a call again by the name of the table that it makes. A table takes tags only once it is made; until
//! then the backup that it is made of tells whose it is.

mod ask;
mod change;
mod look;
mod make;

use async_trait::async_trait;
use cpm_aws_place::{id_of, not_ours};
use cpm_domain::{
    aws::AwsError,
    recovery::{
        Mark,
        facts::{Facts, Question},
        work::{Action, Made, MadeKind, Order},
    },
};
use cpm_ports::{Place, Removals, Restorer};

pub(crate) use change::{DELETE, PROTECT, TAG};
pub(crate) use make::RESTORE;

use crate::Tables;

const MADE: &[MadeKind] = &[MadeKind::Table];

#[async_trait]
impl Restorer for Tables {
    fn makes(&self) -> &'static [MadeKind] {
        MADE
    }

    /// A backup of a table is shared with nobody: AWS restores it in its own account alone.
    fn does(&self, action: &Action) -> bool {
        match action {
            Action::ProtectManaged { kind, .. } => MADE.contains(kind),
            Action::RestoreTable { .. } | Action::TagTable { .. } => true,
            _ => false,
        }
    }

    async fn ask(&self, place: &Place, questions: &[Question]) -> Result<Facts, AwsError> {
        ask::ask(&self.places.client(place).await, &place.access, questions).await
    }

    async fn carry_out(&self, place: &Place, order: &Order) -> Result<Vec<Made>, AwsError> {
        let (client, access) = (&self.places.client(place).await, &place.access);
        match &order.what {
            Action::RestoreTable { backup, plan } => make::restore(client, access, backup, plan).await,
            Action::TagTable { table, tags } => {
                change::tag(client, access, id_of(table)?, order, tags).await.map(|()| vec![])
            }
            Action::ProtectManaged { of, .. } => change::protect(client, access, id_of(of)?).await.map(|()| vec![]),
            _ => Err(not_ours("dynamodb", "this action")),
        }
    }

    /// AWS remembers of which backup a table was made.
    async fn find(&self, place: &Place, order: &Order, _: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        let Action::RestoreTable { backup, plan } = &order.what else { return Ok(Vec::new()) };
        let name = plan.name.as_deref().unwrap_or_default();
        let found = look::one(&self.places.client(place).await, &place.access, name).await?;
        Ok(found.filter(|table| look::is_of(table, backup)).iter().map(|table| look::made(name, table)).collect())
    }

    async fn look(&self, place: &Place, _: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError> {
        look::named(&self.places.client(place).await, &place.access, ids).await
    }
}

#[async_trait]
impl Removals for Tables {
    fn removes(&self) -> &'static [MadeKind] {
        MADE
    }

    async fn remove(&self, place: &Place, _: MadeKind, id: &str) -> Result<(), AwsError> {
        change::delete(&self.places.client(place).await, &place.access, id).await
    }

    async fn marked(&self, place: &Place, _: MadeKind, mark: &Mark<'_>) -> Result<Vec<Made>, AwsError> {
        let names = look::marked(&self.tagging.client(place).await, &place.access, mark).await?;
        look::named(&self.places.client(place).await, &place.access, &names).await
    }

    async fn remaining(&self, place: &Place, _: MadeKind, ids: &[String]) -> Result<Vec<Made>, AwsError> {
        look::named(&self.places.client(place).await, &place.access, ids).await
    }
}
