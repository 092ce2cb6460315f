//! Alerts, the audit trail, and scans with their logs.

use async_trait::async_trait;
use cpm_domain::{
    alert::{Alert, Category},
    audit::Event,
    id::Region,
    kind::Resource,
    name::{AccountName, OwnerName},
    scan::{Scan, ScanLine, TagNews},
};
use cpm_ports::{Alerts, AuditTrail, Scans, StoreError};
use jiff::Timestamp;

use super::{FakeStore, data::event_key, fits, of};
use crate::script::Extent;

fn alert_name(category: Category, subject: &str) -> String {
    format!("the {} alert on {subject}", category.as_str())
}

#[async_trait]
impl Alerts for FakeStore {
    async fn alerts(&self, owner: &OwnerName) -> Result<Vec<Alert>, StoreError> {
        self.read(&["store:alerts"], owner, |data| of(data, owner).alerts.values().cloned().collect()).await
    }

    async fn alert(&self, owner: &OwnerName, category: Category, subject: &str) -> Result<Option<Alert>, StoreError> {
        self.read(&["store:alert"], alert_name(category, subject), |data| {
            of(data, owner).alerts.get(&(category, subject.to_owned())).cloned()
        })
        .await
    }

    async fn put_alert(&self, owner: &OwnerName, alert: &Alert) -> Result<(), StoreError> {
        let name = alert_name(alert.category, &alert.subject);
        self.write(&["store:put_alert"], owner, &name, |owned| {
            fits(alert, &name)?;
            let key = (alert.category, alert.subject.clone());
            if owned.alerts.get(&key).is_some_and(|standing| standing.count >= alert.count) {
                return Err(StoreError::LostRace(name.clone()));
            }
            owned.alerts.insert(key, alert.clone());
            Ok(())
        })
        .await
    }

    async fn clear_alert(&self, owner: &OwnerName, category: Category, subject: &str) -> Result<(), StoreError> {
        self.write(&["store:clear_alert"], owner, alert_name(category, subject), |owned| {
            owned.alerts.remove(&(category, subject.to_owned()));
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl AuditTrail for FakeStore {
    async fn record(&self, owner: &OwnerName, event: &Event) -> Result<(), StoreError> {
        self.write(&["store:record"], owner, format!("{} {}", event.action, event.subject), |owned| {
            owned.audit.insert(event_key(event, 0), event.clone());
            Ok(())
        })
        .await
    }

    async fn events(
        &self,
        owner: &OwnerName,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.read(&["store:events"], owner, |data| {
            let all = of(data, owner).audit.values().rev();
            let older: Vec<&Event> = all.filter(|event| before.is_none_or(|before| event.time < before)).collect();
            let cut = limit.checked_sub(1).and_then(|last| older.get(last)).map(|last| last.time);
            let whole = older.into_iter().enumerate();
            whole.filter(|(n, event)| *n < limit || Some(event.time) == cut).map(|(_, event)| event.clone()).collect()
        })
        .await
    }
}

#[async_trait]
impl Scans for FakeStore {
    async fn put_scan(&self, owner: &OwnerName, scan: &Scan) -> Result<(), StoreError> {
        self.write(&["store:put_scan"], owner, &scan.id, |owned| {
            owned.scans.insert(scan.id.clone(), scan.clone());
            Ok(())
        })
        .await
    }

    async fn scans(&self, owner: &OwnerName, limit: usize) -> Result<Vec<Scan>, StoreError> {
        self.read(&["store:scans"], owner, |data| of(data, owner).scans.values().rev().take(limit).cloned().collect())
            .await
    }

    async fn scan(&self, owner: &OwnerName, id: &str) -> Result<Option<Scan>, StoreError> {
        self.read(&["store:scan"], id, |data| of(data, owner).scans.get(id).cloned()).await
    }

    async fn put_scan_lines(
        &self,
        owner: &OwnerName,
        id: &str,
        account: &AccountName,
        region: &Region,
        lines: &[ScanLine],
    ) -> Result<(), StoreError> {
        let key = format!("{id} {account} {region}");
        self.write_parts(&["store:put_scan_lines"], owner, key, |owned, extent| {
            let written = if extent == Extent::Whole { lines.len() } else { lines.len() / 2 };
            let lines = lines.iter().take(written).cloned().collect();
            owned.lines.insert((id.to_owned(), account.clone(), region.clone()), lines);
            Ok(())
        })
        .await
    }

    async fn scan_lines(&self, owner: &OwnerName, id: &str) -> Result<Vec<ScanLine>, StoreError> {
        self.read(&["store:scan_lines"], id, |data| {
            let all = of(data, owner).lines.iter();
            all.filter(|((scan, ..), _)| scan == id).flat_map(|(_, lines)| lines.clone()).collect()
        })
        .await
    }

    async fn keep_tag(
        &self,
        owner: &OwnerName,
        (account, region): (&AccountName, &Region),
        resource: &Resource,
        news: &TagNews,
        _: Timestamp,
    ) -> Result<TagNews, StoreError> {
        let key = (account.clone(), region.clone(), resource.id().to_owned());
        self.write(&["store:keep_tag"], owner, resource.id(), |owned| {
            let known = owned.tags.entry(key).or_insert_with(|| news.clone());
            if known.version <= news.version {
                known.clone_from(news);
            }
            Ok(known.clone())
        })
        .await
    }
}
