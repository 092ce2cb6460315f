//! Questions to one partition of the table or of an index.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use cpm_ports::StoreError;

use crate::{
    error::refusal,
    index::Index,
    item::{Item, text},
    table::Table,
};

/// Which sort keys.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sort {
    All,
    BeginsWith(String),
    Below(String),
    Above(String),
    Between(String, String),
}

/// One question.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    partition: String,
    index: Option<Index>,
    sort: Sort,
    backwards: bool,
    consistent: bool,
    keys_only: bool,
    limit: usize,
}

impl Query {
    /// Everything of a partition, in order.
    pub(crate) fn of(partition: impl Into<String>) -> Self {
        Self {
            partition: partition.into(),
            index: None,
            sort: Sort::All,
            backwards: false,
            consistent: false,
            keys_only: false,
            limit: usize::MAX,
        }
    }

    /// Of a partition of an index.
    pub(crate) fn by(mut self, index: Index) -> Self {
        self.index = Some(index);
        self
    }

    /// Sort keys that begin so.
    pub(crate) fn beginning(mut self, prefix: impl Into<String>) -> Self {
        self.sort = Sort::BeginsWith(prefix.into());
        self
    }

    /// Sort keys below this, if any.
    pub(crate) fn below(mut self, key: Option<String>) -> Self {
        self.sort = key.map_or(Sort::All, Sort::Below);
        self
    }

    /// Sort keys above this, if any.
    pub(crate) fn above(mut self, key: Option<String>) -> Self {
        self.sort = key.map_or(Sort::All, Sort::Above);
        self
    }

    /// Sort keys from one to the other, both included.
    pub(crate) fn between(mut self, from: String, to: String) -> Self {
        self.sort = Sort::Between(from, to);
        self
    }

    /// Last ones first.
    pub(crate) fn backwards(mut self) -> Self {
        self.backwards = true;
        self
    }

    /// All that was written before is seen.
    pub(crate) fn consistent(mut self) -> Self {
        self.consistent = true;
        self
    }

    /// Keys alone.
    pub(crate) fn keys_only(mut self) -> Self {
        self.keys_only = true;
        self
    }

    /// At most so many.
    pub(crate) fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    fn keys(&self) -> (&'static str, &'static str) {
        self.index.map_or(("pk", "sk"), |index| (index.pk(), index.sk()))
    }

    fn condition(&self) -> &'static str {
        match self.sort {
            Sort::All => "#pk = :pk",
            Sort::BeginsWith(_) => "#pk = :pk AND begins_with(#sk, :a)",
            Sort::Below(_) => "#pk = :pk AND #sk < :a",
            Sort::Above(_) => "#pk = :pk AND #sk > :a",
            Sort::Between(..) => "#pk = :pk AND #sk BETWEEN :a AND :b",
        }
    }

    fn names(&self) -> HashMap<String, String> {
        let (pk, sk) = self.keys();
        let mut names = HashMap::from([("#pk".to_owned(), pk.to_owned())]);
        if self.sort != Sort::All || self.keys_only {
            names.insert("#sk".to_owned(), sk.to_owned());
        }
        names
    }

    fn values(&self) -> HashMap<String, AttributeValue> {
        let mut values = HashMap::from([(":pk".to_owned(), text(&self.partition))]);
        match &self.sort {
            Sort::All => {}
            Sort::BeginsWith(a) | Sort::Below(a) | Sort::Above(a) => {
                values.insert(":a".to_owned(), text(a));
            }
            Sort::Between(a, b) => {
                values.insert(":a".to_owned(), text(a));
                values.insert(":b".to_owned(), text(b));
            }
        }
        values
    }
}

impl Table {
    /// Asks, page by page: DynamoDB's pages end at 1 MB.
    pub(crate) async fn query(&self, query: &Query) -> Result<Vec<Item>, StoreError> {
        let mut found: Vec<Item> = Vec::new();
        let mut start = None;
        while found.len() < query.limit {
            let wanted = i32::try_from(query.limit - found.len()).ok();
            let mut call = self
                .client
                .query()
                .table_name(&self.name)
                .set_index_name(query.index.map(|index| index.name().to_owned()))
                .key_condition_expression(query.condition())
                .set_expression_attribute_names(Some(query.names()))
                .set_expression_attribute_values(Some(query.values()))
                .scan_index_forward(!query.backwards)
                .consistent_read(query.consistent)
                .set_limit(wanted)
                .set_exclusive_start_key(start);
            if query.keys_only {
                call = call.projection_expression("#pk, #sk");
            }
            let page = call.send().await.map_err(|error| refusal(&error, &query.partition))?;
            found.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
