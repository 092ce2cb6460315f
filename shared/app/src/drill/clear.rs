//! Clear: removes all that the recoveries of a drill made. The cleaner's step.

use async_trait::async_trait;
use cpm_contracts::{cleanup::Removed, drill::Running, recovery};
use cpm_domain::{name::OwnerName, recovery::Recovery, recovery::work::Work, unit::Fault};
use cpm_ports::{Clock, Deadline, Store};
use jiff::SignedDuration;

use super::on;
use crate::{Error, Result, hold::own};

/// For so long is waited for what AWS removes, and for recoveries to end.
const CLEAR_FOR: SignedDuration = SignedDuration::from_hours(6);
/// For so long AWS is asked again to remove what it refuses to.
const REFUSED_FOR: SignedDuration = SignedDuration::from_mins(15);
/// Seconds until what cannot be undone yet is looked at again.
const LATER: u32 = 30;

/// Removes what one recovery made.
#[async_trait]
pub trait Undoing: Send + Sync {
    /// Removes all that a recovery made, as far as that can be done now.
    async fn undo(&self, running: &recovery::Running, deadline: Deadline) -> Result<Removed>;
}

#[async_trait]
impl Undoing for crate::cleanup::Steps<'_> {
    async fn undo(&self, running: &recovery::Running, deadline: Deadline) -> Result<Removed> {
        crate::cleanup::Steps::undo(self, running, deadline).await
    }
}

impl crate::cleanup::Steps<'_> {
    /// Removes all that the recoveries of a drill made, and nothing else.
    pub async fn clear(&self, running: &Running, deadline: Deadline) -> Result<Removed> {
        Clearing { store: self.store, undoing: self, clock: self.clock }.clear(running, deadline).await
    }
}

/// Removes what drills made.
pub struct Clearing<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// What undoes one recovery.
    pub undoing: &'a dyn Undoing,
    /// Time.
    pub clock: &'a dyn Clock,
}

/// What became of a target's makings.
enum Fate {
    Gone,
    There(u32, u32),
    Refused(Fault),
}

impl Clearing<'_> {
    /// Removes all that the recoveries of a drill made, as far as that can be done now.
    pub async fn clear(&self, running: &Running, deadline: Deadline) -> Result<Removed> {
        let (store, owner) = (self.store, &running.owner);
        let found = store.drill(owner, running.drill).await?;
        let mut drill = found.ok_or_else(|| Error::not_found("drill", running.drill))?;
        if drill.is_ended() {
            return Ok(Removed { left: 0, wait: 0 });
        }
        own(store, owner, &on(&drill.policy), &running.execution).await?;
        let before = drill.clone();
        let now = self.clock.now();
        let since = *drill.clearing.get_or_insert(now);
        let (mut left, mut refused, mut wait) = (0_u32, 0_u32, u32::MAX);
        for target in drill.targets.iter_mut().filter(|target| !target.cleared) {
            let recovery = match target.recovery {
                Some(id) => store.recovery(owner, id).await?,
                None => None,
            };
            match undo(store, self.undoing, owner, recovery, deadline).await? {
                Fate::Gone => {
                    target.cleared = true;
                    target.left = None;
                }
                Fate::There(count, seconds) => {
                    left = left.saturating_add(count);
                    wait = wait.min(seconds);
                    target.left = Some(Fault::new("NotRemoved", "AWS has not removed all of it yet"));
                }
                Fate::Refused(fault) => {
                    refused = refused.saturating_add(1);
                    wait = wait.min(LATER);
                    target.left = Some(fault);
                }
            }
        }
        if drill != before {
            store.put_drill(owner, &drill).await?;
        }
        let taken = now.duration_since(since);
        if left == 0 && (refused == 0 || taken > REFUSED_FOR) || taken > CLEAR_FOR {
            // What is left is on record: the drill fails, and says so.
            return Ok(Removed { left: 0, wait: 0 });
        }
        Ok(Removed { left: left.saturating_add(refused), wait })
    }
}

async fn undo(
    store: &dyn Store,
    undoing: &dyn Undoing,
    owner: &OwnerName,
    recovery: Option<Recovery>,
    deadline: Deadline,
) -> Result<Fate> {
    // The number was given, and the recovery never written down: nothing was asked for.
    let Some(recovery) = recovery else { return Ok(Fate::Gone) };
    if !recovery.state.is_ended() {
        // Its execution lives, or another takes it up: it ends, and then it is undone.
        return Ok(Fate::There(1, LATER));
    }
    if recovery.works == 0 {
        return Ok(Fate::Gone);
    }
    let running = recovery::Running {
        owner: owner.clone(),
        recovery: recovery.id,
        execution: recovery.execution.clone().unwrap_or_default(),
    };
    match undoing.undo(&running, deadline).await {
        // What AWS refuses to remove does not count as left: its words are on the works.
        Ok(Removed { left: 0, .. }) => {
            let works = store.works(owner, recovery.id).await?;
            Ok(refusal(&works).map_or(Fate::Gone, Fate::Refused))
        }
        Ok(Removed { left, wait }) => Ok(Fate::There(left, wait.max(1))),
        Err(error @ Error::Store(_)) => Err(error),
        Err(error) if error.code().retryable => Ok(Fate::There(1, LATER)),
        Err(error) => Ok(Fate::Refused(Fault::new(error.code().name, error.to_string()).advise(error.advice()))),
    }
}

/// What is there still, and why.
fn refusal(works: &[Work]) -> Option<Fault> {
    let there: Vec<_> = works.iter().filter(|work| work.what.makes().is_some()).flat_map(Work::there).collect();
    let first = there.first()?;
    let ids: Vec<String> = there.iter().map(|made| format!("{} {}", made.kind, made.id)).collect();
    let why = first.cause.clone().unwrap_or_else(|| "AWS does not say why".to_owned());
    let fault = Fault::new("NotRemoved", format!("{} cannot be removed: {why}", ids.join(", ")));
    Some(fault.advise("remove by hand what is left, and allow it to the role of the cleaner"))
}
