//! Alerts. The table's stream tells of each write: whoever publishes them needs nothing else.

use async_trait::async_trait;
use cpm_domain::{
    alert::{Alert, Category},
    name::OwnerName,
};
use cpm_ports::{Alerts, StoreError};

use crate::{
    item::{self, Kind, number},
    keys::{self, Key},
    query::Query,
    table::{Condition, Table},
};

#[async_trait]
impl Alerts for Table {
    async fn alerts(&self, owner: &OwnerName) -> Result<Vec<Alert>, StoreError> {
        let query = Query::of(keys::alerts(owner)).beginning(keys::ALERTS).consistent();
        item::read_all(self.query(&query).await?, Kind::Alert)
    }

    async fn alert(&self, owner: &OwnerName, category: Category, subject: &str) -> Result<Option<Alert>, StoreError> {
        let found = self.get_item(&Key::alert(owner, category, subject)).await?;
        found.map(|item| item::read(item, Kind::Alert)).transpose()
    }

    async fn put_alert(&self, owner: &OwnerName, alert: &Alert) -> Result<(), StoreError> {
        let key = Key::alert(owner, alert.category, &alert.subject);
        // Two that failed at once would both count one failure and announce it once: the second reads again.
        let newer = Condition::new("attribute_not_exists(#pk) OR #count < :count", &["pk", "count"])
            .with("count", number(alert.count));
        let what = format!("the {} alert on {}", alert.category.as_str(), alert.subject);
        self.put_item(item::write(&key, Kind::Alert, alert)?, Some(newer), &what).await
    }

    async fn clear_alert(&self, owner: &OwnerName, category: Category, subject: &str) -> Result<(), StoreError> {
        let key = Key::alert(owner, category, subject);
        // Nearly always there is none, and a read costs a tenth of a delete.
        if self.get_item(&key).await?.is_none() {
            return Ok(());
        }
        self.delete_item(&key, None, &key.to_string()).await
    }
}
