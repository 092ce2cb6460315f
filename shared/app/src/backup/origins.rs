//! Writes down how the sources are before anything is made of them: what a recovery offers as its default, also when the
//! source is gone by then.
//!
//! It runs at the step Plan, so that nothing is read while anything is frozen, and it costs no backup: what cannot be
//! read is named in the log and in the record.

use std::collections::BTreeMap;

use cpm_domain::{
    account::Account,
    aws::Found,
    backup::Log,
    id::{BackupId, Region},
    kind::{Kind, Resource},
    name::OwnerName,
    origin::{Completed, Origin, Reading, SourceRecord, Unread},
    policy::Policy,
    target::Target,
};
use cpm_ports::{Access, BackupQuery, Deadline, StoreError};
use futures::future::join_all;
use jiff::SignedDuration;

use super::{FUNCTION, Steps, place};
use crate::Result;

/// The longest that a backup waits for what a recovery would like to know. It is enough for three attributes of four
/// hundred instances at EC2's 20 calls a second; what is not read then, the next backup reads.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// What the step still has to do takes no longer.
const RESERVE: SignedDuration = SignedDuration::from_secs(60);

/// DynamoDB takes items up to 400 KB; this leaves room for their keys and for what its encoding adds.
const MAX_RECORD: usize = 350_000;

/// How many sources a line of the log names.
const NAMED: usize = 3;

/// A source as describing it showed it.
pub(super) struct Source {
    record: SourceRecord,
    is_stopped: bool,
}

impl Source {
    /// A target that is backed up.
    pub(super) fn new(target: &Target, found: &Found) -> Option<Self> {
        let record = SourceRecord {
            region: target.region.clone(),
            resource: target.resource.clone(),
            origin: found.origin()?.clone(),
        };
        Some(Self { record, is_stopped: found.is_stopped() })
    }
}

/// Whose sources they are.
pub(super) struct Recording<'a> {
    pub(super) owner: &'a OwnerName,
    pub(super) policy: &'a Policy,
    pub(super) account: &'a Account,
    pub(super) backup: BackupId,
}

type Earlier = BTreeMap<(Region, Resource), Origin>;

impl Steps<'_> {
    /// Fills in how the sources are and writes it down, before the backup itself.
    pub(super) async fn record_origins(
        &self,
        recording: &Recording<'_>,
        sources: Vec<Source>,
        deadline: Deadline,
        log: &mut Log,
    ) -> Result<()> {
        if sources.is_empty() {
            return Ok(());
        }
        let earlier = self.earlier(recording, &sources).await;
        let mut records = self.fill_in(recording.account, sources, &earlier, deadline, log).await;
        records.retain_mut(|record| {
            if let Some(before) = earlier.get(&(record.region.clone(), record.resource.clone())) {
                record.origin.recall_image(before);
            }
            self.fit(record, log)
        });
        Ok(self.store.put_origins(recording.owner, recording.backup, &records).await?)
    }

    /// What the policy's newest backup knows of instances. It only saves calls: when it cannot be read, AWS is asked.
    async fn earlier(&self, recording: &Recording<'_>, sources: &[Source]) -> Earlier {
        if !sources.iter().any(|source| source.record.resource.kind() == Kind::Instance) {
            return Earlier::new();
        }
        match self.newest(recording).await {
            Ok(records) => {
                records.into_iter().map(|record| ((record.region, record.resource), record.origin)).collect()
            }
            Err(error) => {
                tracing::warn!(policy = %recording.policy.name, %error, "how the sources were cannot be read");
                Earlier::new()
            }
        }
    }

    async fn newest(&self, recording: &Recording<'_>) -> std::result::Result<Vec<SourceRecord>, StoreError> {
        let query = BackupQuery { policy: Some(recording.policy.name.clone()), limit: 1, before: None };
        match self.store.list(recording.owner, &query).await?.backups.first() {
            Some(newest) => self.store.origins(recording.owner, newest.id).await,
            None => Ok(Vec::new()),
        }
    }

    /// Asks for what describing the sources did not tell and an earlier backup does not know.
    async fn fill_in(
        &self,
        account: &Account,
        sources: Vec<Source>,
        earlier: &Earlier,
        deadline: Deadline,
        log: &mut Log,
    ) -> Vec<SourceRecord> {
        let now = self.clock.now();
        let patience = PATIENCE.min(deadline.0.duration_since(now) - RESERVE).max(SignedDuration::ZERO);
        let mut groups: BTreeMap<(Region, Kind), (Vec<Resource>, Vec<Origin>)> = BTreeMap::new();
        for Source { record: SourceRecord { region, resource, mut origin }, is_stopped } in sources {
            let key = (region, resource);
            if let Some(before) = earlier.get(&key) {
                origin.recall(before, is_stopped, now);
            }
            let (region, resource) = key;
            let (resources, origins) = groups.entry((region, resource.kind())).or_default();
            resources.push(resource);
            origins.push(origin);
        }
        let asked = groups.into_iter().map(|((region, kind), (resources, origins))| async move {
            let reading = Reading { kind, origins, at: now, patience };
            let done = match self.drivers.of_kind(kind) {
                Ok(driver) => driver.complete(&place(account, &region), reading).await,
                // It described them, so it is there.
                Err(_) => Completed::as_they_are(reading.origins),
            };
            (region, resources, done)
        });
        let whom = Access::for_backup(account).whom(FUNCTION);
        let mut records = Vec::new();
        for (region, resources, Completed { origins, unread }) in join_all(asked).await {
            for unread in unread {
                log.warning(now, not_read(&unread, &region, &whom));
            }
            for (resource, origin) in resources.into_iter().zip(origins) {
                records.push(SourceRecord { region: region.clone(), resource, origin });
            }
        }
        records
    }

    /// Whether a record can be written, if need be without the tags of volumes.
    fn fit(&self, record: &mut SourceRecord, log: &mut Log) -> bool {
        let is_small =
            |record: &SourceRecord| serde_json::to_vec(record).is_ok_and(|bytes| bytes.len() <= MAX_RECORD);
        if is_small(record) {
            return true;
        }
        let (now, id) = (self.clock.now(), record.resource.id().to_owned());
        if record.origin.leave_out_volume_tags() && is_small(record) {
            log.info(
                now,
                format!("{id}: its volumes have more tags than its record holds: their snapshots carry them"),
            );
            return true;
        }
        let advice = "a recovery of it needs a plan that names everything";
        log.warning(now, format!("{id}: how it is takes more room than a record has, and is not kept: {advice}"));
        false
    }
}

fn not_read(unread: &Unread, region: &Region, whom: &str) -> String {
    let mut of: Vec<&str> = unread.of.iter().take(NAMED).map(Resource::id).collect();
    let more = unread.of.len().saturating_sub(NAMED);
    let rest = format!("{more} more");
    if more > 0 {
        of.push(&rest);
    }
    let fault = unread.error.to_fault(whom);
    format!(
        "{} of {} in {region} could not be read, and recoveries of this backup will not offer it: {fault}",
        unread.what,
        of.join(", ")
    )
}
