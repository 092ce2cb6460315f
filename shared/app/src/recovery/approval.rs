//! A second person's yes or no to a recovery.
//!
//! The answer and the token of the execution that waits for it are in one record, which is only ever written as it was read:
//! whoever comes second sees what the first wrote. So an answer that comes before the token is found by who leaves the
//! token, one that comes after it finds the token, and of two answers one is taken. An answer is on record before anybody
//! is woken. A wake-up that is lost is made up for by whoever asks or answers next.

mod page;

use cpm_contracts::{api::AnswerRequest, recovery::Answered};
use cpm_domain::{
    audit::{Actor, Event},
    aws::{AwsError, Refusal},
    message::{Message, Sender},
    name::OwnerName,
    recovery::{
        Answer, Recovery, RecoveryId, State,
        approval::{BadLink, EXPIRED, Link, Reason, Unfit, may_answer},
    },
};
use cpm_ports::{Clock, Executions, Publisher, Store, StoreError};

pub use self::page::{answered, not_possible, question};
use crate::{Error, Result, stream::Change};

/// How often a lost race is run again.
const RACES: u32 = 5;

/// What answers are made with.
pub struct Approvals<'a> {
    /// The table.
    pub store: &'a dyn Store,
    /// Where the recovery waits.
    pub executions: &'a dyn Executions,
    /// Time.
    pub clock: &'a dyn Clock,
}

impl Approvals<'_> {
    /// Says yes or no. Said again in the same way by the same person, it is as it was.
    pub async fn answer(
        &self,
        owner: &OwnerName,
        id: RecoveryId,
        who: &Actor,
        request: &AnswerRequest,
    ) -> Result<Recovery> {
        let reason = reason(request)?;
        for _ in 0..RACES {
            let mut recovery = self.recovery(owner, id).await?;
            if let Err(unfit) = may_answer(&recovery, who, self.clock.now()) {
                return self.not_fit(owner, recovery, who, request, unfit).await;
            }
            let (approved, at) = (request.approved, self.clock.now());
            recovery.take_answer(Answer { approved, by: who.to_string(), at, reason: reason.clone() });
            match self.store.put_recovery(owner, &recovery).await {
                Ok(()) => {
                    recovery.version += 1;
                    self.hear(owner, &recovery, who).await?;
                    return Ok(recovery);
                }
                Err(StoreError::LostRace(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::LostRace(format!("recovery {id}")).into())
    }

    /// The recovery that a link leads to, for a page that asks. Nothing is written.
    pub async fn look(&self, link: &Link) -> Result<Recovery> {
        let recovery = self.by_link(link, "somebody").await?;
        let who = Actor::Link(String::new());
        may_answer(&recovery, &who, self.clock.now()).map_err(|unfit| conflict(&unfit))?;
        Ok(recovery)
    }

    /// Says yes or no by a link. `from` is what is known of who opened it, such as an address.
    pub async fn answer_by_link(&self, link: &Link, from: &str, request: &AnswerRequest) -> Result<Recovery> {
        self.by_link(link, from).await?;
        let who = Actor::Link(from.to_owned());
        self.answer(&link.owner, link.recovery, &who, request).await
    }

    /// The step Ask: leaves the token by which an answer goes on. One that was given before goes on at once. May be asked
    /// again with a new token, which makes up for a wake-up that was lost.
    pub async fn ask(&self, owner: &OwnerName, id: RecoveryId, token: &str) -> Result<()> {
        for _ in 0..RACES {
            let mut recovery = self.recovery(owner, id).await?;
            recovery.expire(self.clock.now());
            let is_over = recovery.state.is_ended();
            let Some(approval) = recovery.approval.as_mut() else { return self.go_on(token, !is_over).await };
            if let Some(answer) = &approval.answer {
                let approved = answer.approved;
                return self.go_on(token, approved).await;
            }
            let was_asked = approval.token.replace(token.to_owned()).is_some();
            if !is_over {
                recovery.state = State::WaitingForApproval;
            }
            if !was_asked {
                self.record(owner, &asked(&recovery)).await?;
            }
            match self.store.put_recovery(owner, &recovery).await {
                Ok(()) if is_over => {
                    self.record_end(owner, &recovery).await?;
                    return self.go_on(token, false).await;
                }
                Ok(()) => return Ok(()),
                Err(StoreError::LostRace(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::LostRace(format!("recovery {id}")).into())
    }

    /// What a recovery is when the state machine waits no longer for an answer: failed if nobody gave one in time.
    pub async fn expire(&self, owner: &OwnerName, id: RecoveryId) -> Result<Recovery> {
        for _ in 0..RACES {
            let mut recovery = self.recovery(owner, id).await?;
            if !recovery.expire(self.clock.now()) {
                self.record_end(owner, &recovery).await?;
                return Ok(recovery);
            }
            match self.store.put_recovery(owner, &recovery).await {
                Ok(()) => {
                    recovery.version += 1;
                    self.record_end(owner, &recovery).await?;
                    return Ok(recovery);
                }
                Err(StoreError::LostRace(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::LostRace(format!("recovery {id}")).into())
    }

    /// That nobody answered in time. Recorded again, it is the same event.
    async fn record_end(&self, owner: &OwnerName, recovery: &Recovery) -> Result<()> {
        let Some(ended) = recovery.ended else { return Ok(()) };
        if !recovery.errors.iter().any(|error| error.code == EXPIRED) {
            return Ok(());
        }
        let (suite, details) = (Actor::Suite("recovery".to_owned()), "nobody said yes or no in time".to_owned());
        self.record(owner, &event(recovery.id, ended, suite, "expire", details)).await
    }

    async fn recovery(&self, owner: &OwnerName, id: RecoveryId) -> Result<Recovery> {
        self.store.recovery(owner, id).await?.ok_or_else(|| Error::not_found("recovery", id))
    }

    /// Who has no right link learns nothing, not even whether there is such a recovery.
    async fn by_link(&self, link: &Link, from: &str) -> Result<Recovery> {
        let found = self.store.recovery(&link.owner, link.recovery).await?;
        let Some(recovery) = found else { return Err(bad_link()) };
        let now = self.clock.now();
        if link.check(&recovery).is_err() {
            // What nobody waits for is not written down: who guesses is not to fill the trail.
            let who = Actor::Link(from.to_owned());
            if may_answer(&recovery, &who, now).is_ok() {
                self.record(&link.owner, &refused(recovery.id, &who, &BadLink.to_string(), now)).await?;
            }
            return Err(bad_link());
        }
        let until = recovery.approval.as_ref().map(|approval| approval.expires);
        match until.filter(|_| link.is_over(now)) {
            Some(until) => Err(conflict(&Unfit::Expired(recovery.id, until))),
            None => Ok(recovery),
        }
    }

    async fn not_fit(
        &self,
        owner: &OwnerName,
        recovery: Recovery,
        who: &Actor,
        request: &AnswerRequest,
        unfit: Unfit,
    ) -> Result<Recovery> {
        if let Unfit::Answered { answer, .. } = &unfit {
            // One link is one answer: that it says the same again does not make it the same person.
            if matches!(who, Actor::Caller(_)) && answer.by == who.to_string() && answer.approved == request.approved
            {
                // The same again: what was lost of the first time is done now.
                self.hear(owner, &recovery, who).await?;
                return Ok(recovery);
            }
            self.wake(&recovery).await?;
        }
        self.refuse(owner, recovery.id, who, &unfit).await
    }

    async fn refuse(&self, owner: &OwnerName, id: RecoveryId, who: &Actor, unfit: &Unfit) -> Result<Recovery> {
        self.record(owner, &refused(id, who, &unfit.to_string(), self.clock.now())).await?;
        Err(conflict(unfit))
    }

    /// What follows from an answer on record. Nobody goes on with what the trail does not have.
    async fn hear(&self, owner: &OwnerName, recovery: &Recovery, who: &Actor) -> Result<()> {
        if let Some(answer) = recovery.approval.as_ref().and_then(|approval| approval.answer.as_ref()) {
            self.record(owner, &said(recovery.id, answer, who)).await?;
        }
        self.wake(recovery).await
    }

    /// Wakes who waits with the token of a recovery that was answered. Without a token nobody waits yet.
    async fn wake(&self, recovery: &Recovery) -> Result<()> {
        let Some(approval) = &recovery.approval else { return Ok(()) };
        match (&approval.token, &approval.answer) {
            (Some(token), Some(answer)) => self.go_on(token, answer.approved).await,
            _ => Ok(()),
        }
    }

    async fn go_on(&self, token: &str, approved: bool) -> Result<()> {
        let output = serde_json::to_string(&Answered { approved }).map_err(|error| AwsError {
            refusal: Refusal::Invalid,
            action: "cpm".to_owned(),
            code: "Unwritable".to_owned(),
            message: error.to_string(),
        })?;
        self.executions.wake_with(token, &output).await?;
        Ok(())
    }

    async fn record(&self, owner: &OwnerName, event: &Event) -> Result<()> {
        Ok(self.store.record(owner, event).await?)
    }
}

fn reason(request: &AnswerRequest) -> Result<Option<String>> {
    let Some(reason) = &request.reason else { return Ok(None) };
    let reason: Reason = reason.parse().map_err(|error| Error::bad_input(format!("{error}"), "say it shorter"))?;
    Ok(reason.into_words())
}

fn conflict(unfit: &Unfit) -> Error {
    Error::conflict(unfit.to_string(), unfit.advice())
}

fn bad_link() -> Error {
    let advice =
        "open the link from the message itself, whole; or answer with `cpm recover approve` or `cpm recover refuse`";
    Error::bad_input(BadLink.to_string(), advice)
}

fn event(recovery: RecoveryId, time: jiff::Timestamp, actor: Actor, action: &str, details: String) -> Event {
    Event { time, actor, action: format!("recovery.{action}"), subject: recovery.to_string(), details }
}

fn asked(recovery: &Recovery) -> Event {
    let until = recovery.approval.as_ref().map(|approval| approval.expires.to_string()).unwrap_or_default();
    let details = format!("{} asked for it; somebody else can say yes or no until {until}", recovery.asked_by);
    event(recovery.id, recovery.started, Actor::Suite("recovery".to_owned()), "ask", details)
}

/// Told again of the same answer, it is the same event.
fn said(recovery: RecoveryId, answer: &Answer, who: &Actor) -> Event {
    let details = answer.reason.clone().unwrap_or_else(|| "without a reason".to_owned());
    event(recovery, answer.at, who.clone(), if answer.approved { "approve" } else { "refuse" }, details)
}

fn refused(recovery: RecoveryId, who: &Actor, why: &str, now: jiff::Timestamp) -> Event {
    event(recovery, now, who.clone(), "answer-refused", why.to_owned())
}

/// Tells people of a recovery that begins to wait for an answer, and of what became of that. The link is for e-mails.
pub(crate) async fn publish(
    publisher: &dyn Publisher,
    sender: &Sender<'_>,
    change: &Change<Recovery>,
    page: Option<&str>,
) -> std::result::Result<(), AwsError> {
    let waits = |recovery: &Recovery| recovery.state == State::WaitingForApproval;
    let waited = change.before.as_deref().is_some_and(waits);
    let Some(after) = change.after.as_deref() else { return Ok(()) };
    let message = match (waited, waits(after)) {
        (false, true) => {
            let link = page.zip(Link::new(sender.owner, after)).map(|(page, link)| link.url(page));
            Message::asked(sender, after, link.as_deref(), change.time)
        }
        (true, false) => Message::answered(sender, after, change.time),
        _ => return Ok(()),
    };
    publisher.publish(&message).await
}
