//! The backup monitor.

use cpm_contracts::api::{BackupPage, BackupSummary, BackupView};
use cpm_domain::{
    id::BackupId,
    name::{OwnerName, PolicyName},
    status::Status,
};
use cpm_ports::{BackupQuery, Store};
use futures::try_join;

use crate::{Error, Result};

/// Pages read for one answer, so that a rare status does not read for ever.
const MOST_PAGES: usize = 20;
/// Backups of a page when a status is looked for.
const PAGE: usize = 100;

/// What to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Of this policy.
    pub policy: Option<PolicyName>,
    /// Of this status.
    pub status: Option<Status>,
    /// At most so many.
    pub limit: usize,
    /// Older than this one.
    pub before: Option<BackupId>,
}

/// Backups that are neither gone nor going, newest first.
///
/// A page can be shorter than asked for though there are more: `next` alone says that there are none.
pub async fn backups(store: &dyn Store, owner: &OwnerName, filter: &Filter) -> Result<BackupPage> {
    let limit = filter.limit.max(1);
    let page_size = if filter.status.is_some() { PAGE } else { limit };
    let mut query = BackupQuery { policy: filter.policy.clone(), limit: page_size, before: filter.before };
    let mut found: Vec<BackupSummary> = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = store.list(owner, &query).await?;
        let shown =
            page.backups.iter().filter(|b| b.is_kept() && filter.status.is_none_or(|status| b.status == status));
        found.extend(shown.map(BackupSummary::from));
        if found.len() > limit {
            found.truncate(limit);
            return Ok(BackupPage { next: found.last().map(|last| last.id), backups: found });
        }
        query.before = page.next;
        if query.before.is_none() || found.len() == limit {
            break;
        }
    }
    Ok(BackupPage { backups: found, next: query.before })
}

/// One backup with its units and its log, whether it is still kept or not.
pub async fn backup(store: &dyn Store, owner: &OwnerName, id: BackupId) -> Result<BackupView> {
    let backup = store.backup(owner, id).await?.ok_or_else(|| Error::not_found("backup", id))?;
    let (sets, runs) = try_join!(store.sets(owner, id), store.runs(owner, id))?;
    Ok(BackupView::new(&backup, &sets, &runs))
}
