//! Lists that the API gives in pages, the newest first.

use cpm_contracts::api::{
    AuditPage, AuditView, BackupPage, BackupSummary, DrillList, DrillView, RecoveryList, RecoveryView, ScenarioList,
    ScenarioView,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    client::Client,
    command::{Answer, Outcome},
    deployment::Session,
    fault::Fault,
    screen::tell,
    table::Layout,
};

/// The most that the API gives at once.
const PAGE: usize = 100;
/// The most that is listed.
const MAX_LIMIT: usize = 100_000;

/// Reads how many to list.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MAX_LIMIT).contains(&count) => Ok(count),
        _ => Err(format!("write a whole number from 1 to {MAX_LIMIT}")),
    }
}

/// A page of a list.
pub(crate) trait Page: DeserializeOwned {
    /// What is listed.
    type Item: Serialize;

    /// What is on it, and before what there is more.
    fn open(self) -> (Vec<Self::Item>, Option<String>);
}

/// What was listed.
pub(crate) struct Listed<T> {
    items: Vec<T>,
    has_more: bool,
}

/// Asks for page after page, until there are `limit` or no more.
pub(crate) async fn newest<P: Page>(
    client: &Client,
    path: &str,
    wanted: &[(&str, Option<String>)],
    limit: usize,
) -> Result<Listed<P::Item>, Fault> {
    let mut items: Vec<P::Item> = Vec::new();
    let mut before: Option<String> = None;
    loop {
        let size = limit.saturating_sub(items.len()).min(PAGE);
        let mut query = wanted.to_vec();
        query.extend([("limit", Some(size.to_string())), ("before", before)]);
        let (found, next) = client.get::<P>(&[path], &query).await?.open();
        items.extend(found);
        before = next;
        if before.is_none() || items.len() >= limit {
            items.truncate(limit);
            return Ok(Listed { items, has_more: before.is_some() });
        }
    }
}

impl<T: Serialize> Listed<T> {
    /// Shows them, and says if there are more.
    pub(crate) fn show(&self, session: &Session, shown: impl FnOnce(Layout, &[T]) -> String) -> Answer {
        session.screen.answer(&self.items, |layout| shown(layout, &self.items))?;
        if self.has_more && !session.screen.is_json() {
            tell("There are more: see them by a higher --limit.");
        }
        Ok(Outcome::Good)
    }
}

impl Page for AuditPage {
    type Item = AuditView;

    fn open(self) -> (Vec<AuditView>, Option<String>) {
        (self.events, self.next.map(|next| next.to_string()))
    }
}

impl Page for BackupPage {
    type Item = BackupSummary;

    fn open(self) -> (Vec<BackupSummary>, Option<String>) {
        (self.backups, self.next.map(|next| next.to_string()))
    }
}

impl Page for DrillList {
    type Item = DrillView;

    fn open(self) -> (Vec<DrillView>, Option<String>) {
        (self.drills, self.next.map(|next| next.to_string()))
    }
}

impl Page for RecoveryList {
    type Item = RecoveryView;

    fn open(self) -> (Vec<RecoveryView>, Option<String>) {
        (self.recoveries, self.next.map(|next| next.to_string()))
    }
}

impl Page for ScenarioList {
    type Item = ScenarioView;

    fn open(self) -> (Vec<ScenarioView>, Option<String>) {
        (self.scenarios, self.next.map(|next| next.to_string()))
    }
}
