//! The table, and the calls that all its parts are made of.

use std::{collections::HashMap, time::Duration};

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::{
    Client, config,
    types::{AttributeValue, ReturnValue},
};
use cpm_ports::StoreError;
use futures::{TryStreamExt, stream};

use crate::{
    error::refusal,
    item::{self, Item, Kind, SCHEMA, number, text},
    keys::Key,
};

/// Calls of one question that are under way at once.
const AT_ONCE: usize = 16;

/// One DynamoDB table, with everything in it.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
}

/// When a write is made.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) text: &'static str,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

impl Condition {
    /// Attributes in `text` are written `#name`: no word that DynamoDB reserves gets in the way.
    pub(crate) fn new(text: &'static str, attributes: &[&str]) -> Self {
        let names = attributes.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect();
        Self { text, names, values: None }
    }

    /// Where `text` says `:name`.
    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.get_or_insert_default().insert(format!(":{name}"), value);
        self
    }

    /// No such item is there.
    pub(crate) fn absent() -> Self {
        Self::new("attribute_not_exists(#pk)", &["pk"])
    }

    /// Its attribute `attribute` names this holder.
    pub(crate) fn held_by(attribute: &str, holder: &str) -> Self {
        let names = HashMap::from([("#holder".to_owned(), attribute.to_owned())]);
        Self { text: "#holder = :holder", names, values: None }.with("holder", text(holder))
    }

    /// It is at the version that was read: a number that counts its writes.
    pub(crate) fn at_version(version: u64) -> Self {
        Self::new("#version = :version", &["version"]).with("version", number(version))
    }

    /// Such an item is there.
    pub(crate) fn present() -> Self {
        Self::new("attribute_exists(#pk)", &["pk"])
    }
}

impl Table {
    /// The table `name`.
    ///
    /// The only retry of a call is the SDK's: four tries within twenty seconds.
    pub fn new(sdk: &SdkConfig, name: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(5))
            .operation_timeout(Duration::from_secs(20))
            .build();
        // DynamoDB answers in milliseconds, and its throttles pass quickly: the usual second is far too long.
        let retries = RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(100));
        let config = config::Builder::from(sdk).timeout_config(timeouts).retry_config(retries).build();
        Self::with_client(Client::from_conf(config), name)
    }

    /// The table `name` by a client of the caller's, such as one that counts its calls.
    pub fn with_client(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// An item, consistently read.
    pub(crate) async fn get_item(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let call = self.client.get_item().table_name(&self.name).consistent_read(true);
        let call = call.key("pk", text(&key.pk)).key("sk", text(&key.sk));
        call.send().await.map(|answer| answer.item).map_err(|error| refusal(&error, &key.to_string()))
    }

    /// Counts a counter up, which begins at 1.
    pub(crate) async fn count_up(&self, key: &Key) -> Result<u64, StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET #item = :item, #schema = :schema ADD #count :one")
            .expression_attribute_names("#item", "item")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":item", text(Kind::Counter.word()))
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew);
        let answer = call.send().await.map_err(|error| refusal(&error, &key.to_string()))?;
        let count = answer.attributes.as_ref().and_then(|counter| counter.get("count")?.as_n().ok()?.parse().ok());
        count.ok_or_else(|| item::unreadable(key, "it has no count"))
    }

    /// Puts an item, whatever was there or under a condition. `what` is what a lost race is about.
    pub(crate) async fn put_item(&self, item: Item, when: Option<Condition>, what: &str) -> Result<(), StoreError> {
        let mut call = self.client.put_item().table_name(&self.name).set_item(Some(item));
        if let Some(when) = when {
            call = call
                .condition_expression(when.text)
                .set_expression_attribute_names(Some(when.names))
                .set_expression_attribute_values(when.values);
        }
        call.send().await.map(|_| ()).map_err(|error| refusal(&error, what))
    }

    /// Removes an item, whatever was there or under a condition. None there is fine.
    pub(crate) async fn delete_item(&self, key: &Key, when: Option<Condition>, what: &str) -> Result<(), StoreError> {
        let mut call = self.client.delete_item().table_name(&self.name);
        call = call.key("pk", text(&key.pk)).key("sk", text(&key.sk));
        if let Some(when) = when {
            call = call
                .condition_expression(when.text)
                .set_expression_attribute_names(Some(when.names))
                .set_expression_attribute_values(when.values);
        }
        call.send().await.map(|_| ()).map_err(|error| refusal(&error, what))
    }

    /// Removes many items, several at once.
    pub(crate) async fn delete_items(&self, keys: Vec<Key>) -> Result<(), StoreError> {
        all_at_once(keys.into_iter().map(|key| async move { self.delete_item(&key, None, &key.to_string()).await }))
            .await
    }
}

/// Runs calls, several at once; the first that fails ends it.
pub(crate) async fn all_at_once(
    calls: impl Iterator<Item = impl Future<Output = Result<(), StoreError>> + Send> + Send,
) -> Result<(), StoreError> {
    stream::iter(calls.map(Ok)).try_for_each_concurrent(AT_ONCE, |call| call).await
}

/// Where the items are.
pub(crate) fn keys(items: &[Item]) -> Vec<Key> {
    items.iter().map(item::key).collect()
}
