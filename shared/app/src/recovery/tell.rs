//! Tells people of the end of a recovery.

use cpm_domain::{
    alert::{Category, Failure, Severity},
    audit::{Actor, Event},
    backup::Level,
    name::OwnerName,
    recovery::{
        Purpose, Recovery, State,
        approval::{EXPIRED, REFUSED},
        work::Work,
    },
};
use cpm_ports::Store;

use super::Steps;
use crate::{Result, alert};

/// Made things that an alert names.
const NAMED: usize = 20;

impl Steps<'_> {
    /// Raises or clears the alert of a recovery that ended, and writes the trail. Told twice, it is told once.
    pub(super) async fn tell(&self, owner: &OwnerName, recovery: &Recovery) -> Result<()> {
        let works = self.store.works(owner, recovery.id).await?;
        tell(self.store, owner, recovery, &works).await
    }
}

pub(super) async fn tell(store: &dyn Store, owner: &OwnerName, recovery: &Recovery, works: &[Work]) -> Result<()> {
    let Some(ended) = recovery.ended else { return Ok(()) };
    let event = Event {
        time: ended,
        actor: Actor::Suite("recovery".to_owned()),
        action: "recovery.end".to_owned(),
        subject: recovery.id.to_string(),
        details: format!("{}; {}", recovery.state, made(works)),
    };
    store.record(owner, &event).await?;
    let subject = recovery.policy.as_str();
    match recovery.state {
        State::Succeeded => Ok(store.clear_alert(owner, Category::Recovery, subject).await?),
        // That somebody said no, or nobody yes, is nothing that broke; a drill has an alert of its own.
        _ if was_refused(recovery) || matches!(recovery.purpose, Purpose::Drill(_)) => Ok(()),
        _ => alert::report(store, owner, failure(owner, recovery, works), ended).await,
    }
}

fn was_refused(recovery: &Recovery) -> bool {
    recovery.errors.iter().any(|fault| fault.code == REFUSED || fault.code == EXPIRED)
}

fn failure(owner: &OwnerName, recovery: &Recovery, works: &[Work]) -> Failure {
    let Recovery { id, policy, backup, account, region, state, .. } = recovery;
    let kind = recovery.plan.wanted.kind();
    let errors = recovery.log.iter().filter(|line| line.level == Level::Error).map(|line| line.message.as_str());
    let errors: Vec<&str> = errors.take(5).collect();
    Failure {
        category: Category::Recovery,
        subject: policy.to_string(),
        policy: Some(policy.clone()),
        severity: Severity::Error,
        title: format!("Policy {policy} Recovery Failure"),
        message: format!(
            "Policy {policy} (user: {owner}): recovery {id} ({kind}) of backup {backup} into account {account}, {region}, asked \
             for by {}, ended {state}.\n{}\n{}\nSee: cpm recover show {id}",
            recovery.asked_by,
            errors.join("\n"),
            made(works),
        ),
        quiet: false,
    }
}

/// What is there now, in one line.
fn made(works: &[Work]) -> String {
    let there: Vec<String> =
        works.iter().flat_map(Work::there).map(|made| format!("{} {}", made.kind, made.id)).collect();
    match there.len() {
        0 => "nothing that it made is there".to_owned(),
        count if count > NAMED => {
            let first: Vec<&str> = there.iter().take(NAMED).map(String::as_str).collect();
            format!("it made {} and {} more", first.join(", "), count - NAMED)
        }
        _ => format!("it made {}", there.join(", ")),
    }
}
