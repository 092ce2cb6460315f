//! Accounts, schedules, policies, targets and settings.

use async_trait::async_trait;
use cpm_domain::{
    account::Account,
    audit::Event,
    name::{AccountName, OwnerName, PolicyName, ScheduleName},
    policy::Policy,
    schedule::Schedule,
    settings::Settings,
    target::{Target, TargetKey},
};
use cpm_ports::{Configuration, PolicyChange, StoreError};
use serde::de::DeserializeOwned;

use crate::{
    index::Index,
    item::{self, Kind, attribute},
    keys::{self, Key},
    query::Query,
    table::Table,
};

impl Table {
    async fn one<T: DeserializeOwned>(&self, key: &Key, kind: Kind) -> Result<Option<T>, StoreError> {
        self.get_item(key).await?.map(|item| item::read(item, kind)).transpose()
    }

    async fn all<T: DeserializeOwned>(&self, partition: String, kind: Kind) -> Result<Vec<T>, StoreError> {
        item::read_all(self.query(&Query::of(partition).consistent()).await?, kind)
    }
}

#[async_trait]
impl Configuration for Table {
    async fn owners(&self) -> Result<Vec<OwnerName>, StoreError> {
        let items = self.query(&Query::of(keys::OWNERS).consistent()).await?;
        let name = |key: Key| key.sk.parse().map_err(|error| item::unreadable(&key, error));
        let names: Vec<OwnerName> = items.iter().map(|item| name(item::key(item))).collect::<Result<_, _>>()?;
        Ok(if names.is_empty() { vec![OwnerName::root()] } else { names })
    }

    async fn accounts(&self, owner: &OwnerName) -> Result<Vec<Account>, StoreError> {
        self.all(keys::accounts(owner), Kind::Account).await
    }

    async fn account(&self, owner: &OwnerName, name: &AccountName) -> Result<Option<Account>, StoreError> {
        self.one(&Key::account(owner, name), Kind::Account).await
    }

    async fn schedules(&self, owner: &OwnerName) -> Result<Vec<Schedule>, StoreError> {
        self.all(keys::schedules(owner), Kind::Schedule).await
    }

    async fn schedule(&self, owner: &OwnerName, name: &ScheduleName) -> Result<Option<Schedule>, StoreError> {
        self.one(&Key::schedule(owner, name), Kind::Schedule).await
    }

    async fn policies(&self, owner: &OwnerName) -> Result<Vec<Policy>, StoreError> {
        self.all(keys::policies(owner), Kind::Policy).await
    }

    async fn policy(&self, owner: &OwnerName, name: &PolicyName) -> Result<Option<Policy>, StoreError> {
        self.one(&Key::policy(owner, name), Kind::Policy).await
    }

    async fn targets(&self, owner: &OwnerName, policy: &PolicyName) -> Result<Vec<Target>, StoreError> {
        let query = Query::of(keys::of_policy(owner, policy)).beginning(keys::TARGETS).consistent();
        item::read_all(self.query(&query).await?, Kind::Target)
    }

    async fn policies_with(&self, owner: &OwnerName, target: &TargetKey) -> Result<Vec<PolicyName>, StoreError> {
        let items = self.query(&Query::of(keys::of_resource(owner, target)).by(Index::ByResource)).await?;
        let name = |policy: &str| policy.parse();
        items
            .iter()
            .map(|found| {
                name(attribute(found, Index::ByResource.sk()))
                    .map_err(|error| item::unreadable(&item::key(found), error))
            })
            .collect()
    }

    async fn settings(&self, owner: &OwnerName) -> Result<Settings, StoreError> {
        Ok(self.one(&Key::settings(owner), Kind::Settings).await?.unwrap_or_default())
    }

    async fn change(&self, owner: &OwnerName, changes: &[(PolicyChange, Event)]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.enlist(owner).await?;
        self.transact(owner, changes).await
    }
}
