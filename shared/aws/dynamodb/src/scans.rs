//! Tag scans and their logs.

use std::collections::HashSet;

use async_trait::async_trait;
use cpm_domain::{
    id::Region,
    kind::Resource,
    name::{AccountName, OwnerName},
    scan::{Scan, ScanLine, TagNews},
};
use cpm_ports::{Scans, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    item::{self, EXPIRES, Item, Kind, number},
    keys::{self, Key},
    query::Query,
    table::{self, Condition, Table, all_at_once},
};

/// For so many days a scan and its lines are kept.
pub const SCAN_DAYS: i64 = 90;

/// For so many seconds news of a tag is kept: EventBridge delivers an event for a day at most.
const TAG_SECONDS: i64 = 2 * 86_400;

/// About what one item of lines holds, in bytes: DynamoDB refuses items over 400 KB.
const CHUNK: usize = 100_000;

/// Some lines of one place.
#[derive(Debug, Serialize, Deserialize)]
struct Lines {
    lines: Vec<ScanLine>,
}

/// About what a line takes in an item: its texts, and the names of its fields.
fn size(line: &ScanLine) -> usize {
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let texts = [line.account.as_str().len(), line.region.as_str().len(), line.message.len()];
    80 + texts.iter().sum::<usize>() + optional(&line.resource) + optional(&line.value)
}

fn chunks(lines: &[ScanLine]) -> Vec<Lines> {
    let mut chunks: Vec<Lines> = Vec::new();
    let mut left = 0;
    for line in lines {
        let size = size(line);
        match chunks.last_mut() {
            Some(chunk) if size <= left => {
                chunk.lines.push(line.clone());
                left -= size;
            }
            _ => {
                chunks.push(Lines { lines: vec![line.clone()] });
                left = CHUNK.saturating_sub(size);
            }
        }
    }
    chunks
}

fn expires(scan: &Scan) -> i64 {
    scan.started.as_second() + SCAN_DAYS * 86_400
}

#[async_trait]
impl Scans for Table {
    async fn put_scan(&self, owner: &OwnerName, scan: &Scan) -> Result<(), StoreError> {
        let key = Key::scan(owner, &scan.id);
        let mut item = item::write(&key, Kind::Scan, scan)?;
        item.insert(EXPIRES.to_owned(), number(expires(scan)));
        self.put_item(item, None, &key.to_string()).await
    }

    async fn scans(&self, owner: &OwnerName, limit: usize) -> Result<Vec<Scan>, StoreError> {
        let query = Query::of(keys::scans(owner)).backwards().limit(limit).consistent();
        item::read_all(self.query(&query).await?, Kind::Scan)
    }

    async fn scan(&self, owner: &OwnerName, id: &str) -> Result<Option<Scan>, StoreError> {
        self.get_item(&Key::scan(owner, id)).await?.map(|item| item::read(item, Kind::Scan)).transpose()
    }

    async fn put_scan_lines(
        &self,
        owner: &OwnerName,
        id: &str,
        account: &AccountName,
        region: &Region,
        lines: &[ScanLine],
    ) -> Result<(), StoreError> {
        let scan = self.scan(owner, id).await?;
        let prefix = keys::of_place(account, region);
        let query = Query::of(keys::of_scan(owner, id)).beginning(prefix).consistent().keys_only();
        let mut old = table::keys(&self.query(&query).await?);
        let write = |(n, chunk): (usize, Lines)| {
            let mut item = item::write(&Key::lines(owner, id, account, region, n), Kind::Lines, &chunk)?;
            item.extend(scan.as_ref().map(|scan| (EXPIRES.to_owned(), number(expires(scan)))));
            Ok(item)
        };
        let new: Vec<Item> = chunks(lines).into_iter().enumerate().map(write).collect::<Result<_, StoreError>>()?;
        let kept: HashSet<Key> = table::keys(&new).into_iter().collect();
        old.retain(|key| !kept.contains(key));
        all_at_once(
            new.into_iter().map(|item| async move { self.put_item(item, None, "the lines of a scan").await }),
        )
        .await?;
        self.delete_items(old).await
    }

    async fn scan_lines(&self, owner: &OwnerName, id: &str) -> Result<Vec<ScanLine>, StoreError> {
        let found = self.query(&Query::of(keys::of_scan(owner, id)).consistent()).await?;
        let chunks: Vec<Lines> = item::read_all(found, Kind::Lines)?;
        Ok(chunks.into_iter().flat_map(|chunk| chunk.lines).collect())
    }

    async fn keep_tag(
        &self,
        owner: &OwnerName,
        (account, region): (&AccountName, &Region),
        resource: &Resource,
        news: &TagNews,
        now: Timestamp,
    ) -> Result<TagNews, StoreError> {
        let key = Key::tag(owner, account, region, resource.id());
        let mut item = item::write(&key, Kind::Tag, news)?;
        item.insert(EXPIRES.to_owned(), number(now.as_second() + TAG_SECONDS));
        let not_older = Condition::new("attribute_not_exists(#pk) OR #version <= :version", &["pk", "version"])
            .with("version", number(news.version));
        match self.put_item(item, Some(not_older), &key.to_string()).await {
            Ok(()) => Ok(news.clone()),
            Err(StoreError::LostRace(_)) => match self.get_item(&key).await? {
                Some(known) => item::read(known, Kind::Tag),
                // It was the last moment of what was newer.
                None => Ok(news.clone()),
            },
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use cpm_domain::scan::Level;

    use super::*;

    fn line(message: String) -> ScanLine {
        ScanLine {
            account: "prod".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            resource: None,
            value: None,
            level: Level::Info,
            message,
        }
    }

    #[test]
    fn lines_are_cut_into_items_in_order() {
        let lines: Vec<ScanLine> = (0..5_000).map(|n| line(format!("line {n}"))).collect();
        let chunks = chunks(&lines);
        assert!(chunks.len() > 3);
        assert!(chunks.iter().all(|chunk| chunk.lines.iter().map(size).sum::<usize>() <= CHUNK));
        assert_eq!(chunks.into_iter().flat_map(|chunk| chunk.lines).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_line_past_the_bound_has_an_item_of_its_own() {
        let lines = [line("a".into()), line("b".repeat(2 * CHUNK)), line("c".into())];
        assert_eq!(chunks(&lines).len(), 3);
        assert_eq!(chunks(&[]).len(), 0);
    }
}
