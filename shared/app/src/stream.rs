//! What the table's stream brings is told: alerts, and recoveries that wait for an answer, to people; changes of backups
//! and recoveries to machines.

use cpm_domain::{
    alert::Alert, aws::AwsError, backup::Backup, id::AccountId, message::Sender, name::OwnerName, recovery::Recovery,
};
use cpm_ports::{EventBus, Publisher, Untaken};
use jiff::Timestamp;

use crate::{alert, recovery::approval, state_change};

/// What an item was, and is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T> {
    /// Before; none: it is new.
    pub before: Option<Box<T>>,
    /// After; none: it is gone.
    pub after: Option<Box<T>>,
    /// When.
    pub time: Timestamp,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An alert.
    Alert(Change<Alert>),
    /// The record of a backup.
    Backup(Change<Backup>),
    /// The record of a recovery.
    Recovery(Change<Recovery>),
}

/// One record of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub owner: OwnerName,
    /// What changed.
    pub item: Item,
}

/// The notifier's world.
pub struct Notifier<'a> {
    /// Where alerts go.
    pub publisher: &'a dyn Publisher,
    /// Where changes of backups and recoveries go.
    pub bus: &'a dyn EventBus,
    /// The deployment.
    pub deployment: &'a str,
    /// Its account.
    pub account: &'a AccountId,
    /// The address of the page by which people say yes or no to a recovery; none: no links are sent.
    pub approvals: Option<&'a str>,
}

/// A record that was not told. All before it were; the stream is to come back to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// Which of the records, counted from 0.
    pub record: usize,
    /// Why.
    pub error: AwsError,
}

impl Notifier<'_> {
    /// Tells of all records, each kind in order, and stops at the first that cannot be told.
    ///
    /// Events go first. If the bus does not take one, no alert after it is told: it would be told each time that the stream
    /// comes back. An event that is told twice bothers nobody.
    pub async fn tell(&self, records: &[Record]) -> Result<(), Untold> {
        let events = self.put_events(records).await;
        let reached = events.as_ref().map_or_else(|untold| untold.record, |()| records.len());
        for (record, Record { owner, item }) in records.iter().enumerate().take(reached) {
            let sender = self.sender(owner);
            let outcome = match item {
                Item::Alert(change) => alert::publish(self.publisher, &sender, change).await,
                Item::Recovery(change) => approval::publish(self.publisher, &sender, change, self.approvals).await,
                Item::Backup(_) => Ok(()),
            };
            outcome.map_err(|error| Untold { record, error })?;
        }
        events
    }

    async fn put_events(&self, records: &[Record]) -> Result<(), Untold> {
        let event = |(place, Record { owner, item }): (usize, &Record)| {
            Some((place, state_change::event(&self.sender(owner), item)?))
        };
        let (places, events): (Vec<_>, Vec<_>) = records.iter().enumerate().filter_map(event).unzip();
        state_change::put(self.bus, &events).await.map_err(|Untaken { event, error }| {
            // A bus that refuses what it was not given has taken nothing for sure.
            let record = places.get(event).copied().unwrap_or_default();
            Untold { record, error }
        })
    }

    fn sender<'a>(&'a self, owner: &'a OwnerName) -> Sender<'a> {
        Sender { deployment: self.deployment, account: self.account, owner }
    }
}
