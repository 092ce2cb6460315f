//! The table in memory.

mod backups;
mod configuration;
mod data;
mod drills;
mod freezer;
mod images;
mod leases;
mod logs;
mod recoveries;
mod slots;

#[cfg(test)]
mod tests;

use std::{
    fmt::Display,
    sync::{Arc, LazyLock, Mutex},
};

use cpm_domain::{backup::Backup, id::BackupId, initial_image::InitialImage, name::OwnerName, unit::UnitSet};
use cpm_ports::{Clock, StoreError};
use jiff::{SignedDuration, Timestamp};

use crate::{FakeClock, Faults, faults::Calling, held, script::Extent};
use data::{Data, Owned};

/// Every store trait, as its documentation says. Clones are the same table.
///
/// Every call goes by the name `store:` and its method, such as `store:put_set`. Of a call that is cut
/// [`Halfway`](crate::When::Halfway), `create` leaves the sets and runs without the record, `remove` the record without them,
/// `change` its first transactions, and `put_scan_lines` the first half of the lines.
#[derive(Debug, Clone)]
pub struct FakeStore {
    table: Arc<Mutex<Table>>,
    faults: Faults,
    clock: FakeClock,
}

#[derive(Debug, Default)]
struct Table {
    data: Data,
    /// How late the indexes are.
    lag: SignedDuration,
    /// What the indexes may still show: the data up to that moment.
    past: Vec<(Timestamp, Data)>,
}

static NOBODY: LazyLock<Owned> = LazyLock::new(Owned::default);

impl FakeStore {
    /// An empty table.
    pub fn new() -> Self {
        Self::with(Faults::new(), FakeClock::new())
    }

    /// An empty table whose calls fail as `faults` say.
    pub fn with(faults: Faults, clock: FakeClock) -> Self {
        Self { table: Arc::default(), faults, clock }
    }

    /// The same table for somebody else: those calls neither fail nor count.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { table: Arc::clone(&self.table), faults: Faults::new(), clock: self.clock.beside() }
    }

    /// From now on indexes show what the table held so long ago: `due`, `policies_with`, `set_with`, `in_phase`, and
    /// `list` and `recoveries` of a policy.
    pub fn lag(&self, lag: SignedDuration) {
        held(&self.table).lag = lag;
    }

    /// How many calls wrote.
    pub fn writes(&self) -> usize {
        self.count(|name| WRITES.contains(&name))
    }

    /// How many calls only read.
    pub fn reads(&self) -> usize {
        self.count(|name| !WRITES.contains(&name))
    }

    /// All backups of all owners.
    pub fn every_backup(&self) -> Vec<(OwnerName, Backup)> {
        let table = held(&self.table);
        let all = table.data.iter();
        all.flat_map(|(owner, owned)| owned.backups.values().map(|backup| (owner.clone(), backup.clone()))).collect()
    }

    /// All sets of units of all owners, whether their backup has a record or not.
    pub fn every_set(&self) -> Vec<(OwnerName, BackupId, UnitSet)> {
        let table = held(&self.table);
        let all = table.data.iter();
        all.flat_map(|(owner, owned)| owned.sets.iter().map(|((id, _), set)| (owner.clone(), *id, set.clone())))
            .collect()
    }

    /// The initial images of all owners.
    pub fn every_image(&self) -> Vec<InitialImage> {
        held(&self.table).data.values().flat_map(|owned| owned.images.values().cloned()).collect()
    }

    fn count(&self, is: impl Fn(&str) -> bool) -> usize {
        let tally = self.faults.tally();
        let methods = tally.iter().filter_map(|(name, count)| Some((name.strip_prefix("store:")?, count)));
        methods.filter(|(name, _)| is(name)).map(|(_, count)| count).sum()
    }

    /// A consistent read.
    async fn read<T>(
        &self,
        name: &'static [&'static str],
        key: impl Display + Send,
        read: impl FnOnce(&Data) -> T + Send,
    ) -> Result<T, StoreError> {
        self.faults.call(Calling::new(name, key, None), |_| Ok(read(&held(&self.table).data))).await
    }

    /// A read by index.
    async fn read_index<T>(
        &self,
        name: &'static [&'static str],
        key: impl Display + Send,
        read: impl FnOnce(&Data) -> T + Send,
    ) -> Result<T, StoreError> {
        let now = self.clock.now();
        self.faults.call(Calling::new(name, key, None), |_| Ok(read(held(&self.table).as_indexed(now)))).await
    }

    /// A write of one item or one transaction.
    async fn write<T>(
        &self,
        name: &'static [&'static str],
        owner: &OwnerName,
        key: impl Display + Send,
        write: impl FnOnce(&mut Owned) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        let now = self.clock.now();
        self.faults.call(Calling::new(name, key, None), |_| write(held(&self.table).open(owner, now))).await
    }

    /// A write that the port makes in several parts.
    async fn write_parts<T>(
        &self,
        name: &'static [&'static str],
        owner: &OwnerName,
        key: impl Display + Send,
        write: impl FnOnce(&mut Owned, Extent) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        let now = self.clock.now();
        let calling = Calling::new(name, key, None).in_parts();
        self.faults.call(calling, |extent| write(held(&self.table).open(owner, now), extent)).await
    }
}

impl Default for FakeStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Table {
    /// An owner's items, to be written.
    fn open(&mut self, owner: &OwnerName, now: Timestamp) -> &mut Owned {
        if self.lag.is_positive() {
            self.past.push((now, self.data.clone()));
        }
        self.data.entry(owner.clone()).or_default()
    }

    /// What the indexes show: the data before the first write that they have not seen.
    fn as_indexed(&self, now: Timestamp) -> &Data {
        let unseen = self.past.iter().find(|(written, _)| *written + self.lag > now);
        unseen.map_or(&self.data, |(_, before)| before)
    }
}

fn of<'a>(data: &'a Data, owner: &OwnerName) -> &'a Owned {
    data.get(owner).unwrap_or(&NOBODY)
}

/// The methods that write.
const WRITES: [&str; 32] = [
    "change",
    "advance",
    "take",
    "renew",
    "release",
    "next_id",
    "reserve_ids",
    "create",
    "put",
    "put_set",
    "put_run",
    "remove",
    "freeze",
    "unfreeze",
    "put_alert",
    "clear_alert",
    "record",
    "put_scan",
    "put_scan_lines",
    "put_origins",
    "next_recovery",
    "put_recovery",
    "add_works",
    "put_work",
    "advance_drill",
    "take_hold",
    "renew_hold",
    "release_hold",
    "next_drill",
    "put_drill",
    "next_scenario",
    "put_scenario",
];

/// DynamoDB takes no larger item, in bytes; our JSON is about what it counts.
const MAX_ITEM: usize = 400_000;

/// Refuses what DynamoDB would refuse.
fn fits(item: &impl serde::Serialize, what: impl Display) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(item).map_err(|error| StoreError::Refused(format!("{what}: {error}")))?;
    if bytes.len() > MAX_ITEM {
        return Err(StoreError::Refused(format!(
            "ValidationException: {what}: Item size has exceeded the maximum allowed size"
        )));
    }
    Ok(())
}
