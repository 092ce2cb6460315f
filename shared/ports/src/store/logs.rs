//! What was told: alerts, audit events and scans.

use async_trait::async_trait;
use cpm_domain::{
    alert::{Alert, Category},
    audit::Event,
    id::Region,
    kind::Resource,
    name::{AccountName, OwnerName},
    scan::{Scan, ScanLine, TagNews},
};
use jiff::Timestamp;

use super::StoreError;

/// Alerts.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// All that stand.
    async fn alerts(&self, owner: &OwnerName) -> Result<Vec<Alert>, StoreError>;
    /// One, if it stands, consistently read.
    async fn alert(&self, owner: &OwnerName, category: Category, subject: &str) -> Result<Option<Alert>, StoreError>;
    /// Puts an alert. Its publication follows from the write: nothing else needs to be done. One that counts as many
    /// failures or more and stands already is [`StoreError::LostRace`]: two failed at once.
    async fn put_alert(&self, owner: &OwnerName, alert: &Alert) -> Result<(), StoreError>;
    /// Takes an alert down; none there is fine.
    async fn clear_alert(&self, owner: &OwnerName, category: Category, subject: &str) -> Result<(), StoreError>;
}

/// The audit trail.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Adds an event that goes with no configuration change.
    async fn record(&self, owner: &OwnerName, event: &Event) -> Result<(), StoreError>;
    /// The newest events first, older than `before`; `limit` of them, and those of the last one's instant on top: a
    /// reader who goes on before that instant misses none.
    async fn events(
        &self,
        owner: &OwnerName,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError>;
}

/// Tag scans and their logs.
#[async_trait]
pub trait Scans: Send + Sync {
    /// Puts a scan's record, new or changed.
    async fn put_scan(&self, owner: &OwnerName, scan: &Scan) -> Result<(), StoreError>;
    /// The newest scans first.
    async fn scans(&self, owner: &OwnerName, limit: usize) -> Result<Vec<Scan>, StoreError>;
    /// One scan.
    async fn scan(&self, owner: &OwnerName, id: &str) -> Result<Option<Scan>, StoreError>;
    /// Puts the lines of one account and Region of a scan; those that were there are replaced. Any number.
    async fn put_scan_lines(
        &self,
        owner: &OwnerName,
        id: &str,
        account: &AccountName,
        region: &Region,
        lines: &[ScanLine],
    ) -> Result<(), StoreError>;
    /// All lines of a scan, in order of account, Region and place.
    async fn scan_lines(&self, owner: &OwnerName, id: &str) -> Result<Vec<ScanLine>, StoreError>;
    /// Keeps what an event told of a resource's tag, unless something newer is known, for as long as late events may come
    /// from `now` on. Gives the newest that is known.
    async fn keep_tag(
        &self,
        owner: &OwnerName,
        place: (&AccountName, &Region),
        resource: &Resource,
        news: &TagNews,
        now: Timestamp,
    ) -> Result<TagNews, StoreError>;
}
