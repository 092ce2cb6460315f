//! A second person's yes: who may give it, until when, and the links by which it can be given.
//!
//! A link is signed with a secret of the recovery's own, and is good for one answer. It says nothing of who opens it: those
//! who get the message are those who may answer, and the one who asked is to be none of them.

use std::{fmt, str::FromStr};

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Answer, Approval, Purpose, Recovery, RecoveryId, State};
use crate::{
    audit::Actor,
    backup::{Log, MAX_LOG_LINES},
    name::OwnerName,
    policy::RecoveryRule,
    unit::Fault,
};

/// For how long a recovery waits for an answer.
pub const WAITS_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The most characters of a reason.
pub const MAX_REASON: usize = 500;

/// The code of a recovery to which somebody said no.
pub const REFUSED: &str = "Approval.Refused";
/// The code of a recovery to which nobody said anything in time.
pub const EXPIRED: &str = "Approval.Expired";

/// What links are signed with: 32 bytes that nobody can guess. Neither shown nor logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret([u8; 32]);

impl Secret {
    /// Of random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn signer(&self) -> Hmac<Sha256> {
        // HMAC fills a key that is shorter than a block up with zeros (RFC 2104). Given whole, it cannot be refused.
        let mut block = [0; 64];
        block.iter_mut().zip(self.0).for_each(|(byte, of_key)| *byte = of_key);
        Hmac::<Sha256>::new(&block.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

/// Why a text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is written in 64 hexadecimal digits")]
pub struct NoSecret;

impl TryFrom<String> for Secret {
    type Error = NoSecret;

    fn try_from(text: String) -> Result<Self, NoSecret> {
        from_hex(&text).map(Self).ok_or(NoSecret)
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        to_hex(&secret.0)
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |text, byte| text + &format!("{byte:02x}"))
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Whether somebody else has to say yes first. Nobody has to say yes to a drill: it goes into a quarantine, and away again.
pub fn is_needed(rule: RecoveryRule, purpose: &Purpose) -> bool {
    rule.approval && !matches!(purpose, Purpose::Drill(_))
}

impl Approval {
    /// Asked for at `now`.
    pub fn asked(now: Timestamp, secret: Secret) -> Self {
        // Links carry seconds: the record says no more than they do.
        let until = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Self { expires: until.checked_add(WAITS_FOR).unwrap_or(Timestamp::MAX), secret, token: None, answer: None }
    }
}

/// Why somebody cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nobody has to say anything.
    #[error("recovery {0} waits for nobody's answer")]
    NotAsked(RecoveryId),
    /// Who asked does not answer.
    #[error("{1} asked for recovery {0}, and cannot be the one who says yes or no to it")]
    Own(RecoveryId, String),
    /// It was answered.
    #[error("recovery {id} was {} already, by {} at {}", said(.answer), .answer.by, .answer.at)]
    Answered {
        /// Which.
        id: RecoveryId,
        /// What was said.
        answer: Answer,
    },
    /// It is too late.
    #[error("recovery {0} could be answered until {1}: it is too late")]
    Expired(RecoveryId, Timestamp),
    /// It ended without an answer.
    #[error("recovery {0} {1} already")]
    Ended(RecoveryId, State),
}

impl Unfit {
    /// What to do.
    pub fn advice(&self) -> String {
        match self {
            Self::NotAsked(id) | Self::Answered { id, .. } | Self::Ended(id, _) => {
                format!("see how it stands: `cpm recover show {id}`")
            }
            Self::Own(..) => "have somebody else answer, with credentials of their own".to_owned(),
            Self::Expired(..) => "ask for the recovery again".to_owned(),
        }
    }
}

fn said(answer: &Answer) -> &'static str {
    if answer.approved { "approved" } else { "refused" }
}

/// Whether `who` may answer at `now`.
pub fn may_answer(recovery: &Recovery, who: &Actor, now: Timestamp) -> Result<(), Unfit> {
    let id = recovery.id;
    let Some(approval) = &recovery.approval else { return Err(Unfit::NotAsked(id)) };
    if let Some(answer) = &approval.answer {
        return Err(Unfit::Answered { id, answer: answer.clone() });
    }
    if now >= approval.expires {
        return Err(Unfit::Expired(id, approval.expires));
    }
    if recovery.state.is_ended() {
        return Err(Unfit::Ended(id, recovery.state));
    }
    match who {
        Actor::Caller(arn) if is_same_person(&recovery.asked_by, arn) => Err(Unfit::Own(id, arn.clone())),
        // Neither a tag nor the suite is a second person.
        Actor::Tag(_) | Actor::Suite(_) => Err(Unfit::Own(id, who.to_string())),
        Actor::Caller(_) | Actor::Link(_) => Ok(()),
    }
}

/// Whether two callers are one person, as far as their ARNs tell: the same user, or the same session of the same role. A
/// session of IAM Identity Center has the name of who logged in. Case tells nobody apart.
///
/// ```
/// use cpm_domain::recovery::approval::is_same_person;
///
/// let ada = "arn:aws:sts::111122223333:assumed-role/admin/ada";
/// assert!(is_same_person(ada, "arn:aws:iam::111122223333:role/team/admin/ada"));
/// assert!(!is_same_person(ada, "arn:aws:sts::111122223333:assumed-role/admin/grace"));
/// ```
pub fn is_same_person(one: &str, other: &str) -> bool {
    match (Identity::of(one), Identity::of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.eq_ignore_ascii_case(other),
    }
}

/// What an ARN says of a person: account, kind and name, without paths, in lower case.
#[derive(PartialEq, Eq)]
struct Identity {
    account: String,
    kind: &'static str,
    name: String,
}

impl Identity {
    fn of(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (service, account, resource) = (parts.nth(2)?, parts.nth(1)?, parts.next()?);
        let segments: Vec<&str> = resource.split('/').collect();
        let (kind, name) = match (service, segments.as_slice()) {
            ("iam", ["root"]) => ("root", String::new()),
            ("iam", ["user", .., name]) => ("user", (*name).to_owned()),
            ("sts", ["federated-user", name]) => ("federated-user", (*name).to_owned()),
            // A role with its path and a session is written as the role's session, too.
            ("sts", ["assumed-role", .., role, session]) | ("iam", ["role", .., role, session]) => {
                ("session", format!("{role}/{session}"))
            }
            _ => return None,
        };
        Some(Self { account: account.to_owned(), kind, name: name.to_ascii_lowercase() })
    }
}

impl Recovery {
    /// Takes in an answer. A no ends it.
    pub fn take_answer(&mut self, answer: Answer) {
        let (at, words) = (answer.at, said(&answer));
        let why = answer.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let mut log = Log::default();
        log.info(at, format!("{words} by {}{why}", answer.by));
        if answer.approved {
            if self.state == State::WaitingForApproval {
                self.state = State::Running;
            }
        } else {
            self.fail(
                at,
                Fault::new(REFUSED, format!("{} said no{why}", answer.by))
                    .advise("nothing was made; talk to who said no, and ask for the recovery again"),
            );
        }
        self.add_lines(log);
        if let Some(approval) = &mut self.approval {
            approval.answer = Some(answer);
        }
    }

    /// Ends it because nobody answered in time, if that is so. Says whether it is.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let Some(approval) = &self.approval else { return false };
        if approval.answer.is_some() || self.state.is_ended() || now < approval.expires {
            return false;
        }
        let fault = Fault::new(EXPIRED, format!("nobody said yes or no until {}", approval.expires))
            .advise("nothing was made; ask for the recovery again, and tell somebody who may say yes");
        let mut log = Log::default();
        log.error(now, fault.to_string());
        self.add_lines(log);
        self.fail(now, fault);
        true
    }

    fn fail(&mut self, now: Timestamp, fault: Fault) {
        self.state = State::Failed;
        self.ended.get_or_insert(now);
        self.course.watch = None;
        self.errors.push(fault);
    }

    fn add_lines(&mut self, log: Log) {
        let room = MAX_LOG_LINES.saturating_sub(self.log.len());
        self.log.extend(log.into_lines().into_iter().take(room));
    }
}

/// A link by which somebody can answer, as its query says it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Whose recovery.
    pub owner: OwnerName,
    /// Which.
    pub recovery: RecoveryId,
    /// Until when it can be used, in seconds since 1970.
    pub expires: i64,
    /// Over all of that, in hexadecimal digits.
    pub signature: String,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({}, {}, until {}, not shown)", self.owner, self.recovery, self.expires)
    }
}

/// Why a link is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this link was not sent by the suite, or it was altered on its way")]
pub struct BadLink;

impl Link {
    /// The link to a recovery; none: nobody has to answer.
    pub fn new(owner: &OwnerName, recovery: &Recovery) -> Option<Self> {
        let approval = recovery.approval.as_ref()?;
        let expires = approval.expires.as_second();
        let mut signer = approval.secret.signer();
        signer.update(signed(owner, recovery.id, expires).as_bytes());
        let signature = to_hex(&signer.finalize().into_bytes());
        Some(Self { owner: owner.clone(), recovery: recovery.id, expires, signature })
    }

    /// Whether it was made for this recovery, and nothing of it was altered. The time that this takes says nothing of the
    /// right signature.
    pub fn check(&self, recovery: &Recovery) -> Result<(), BadLink> {
        let approval = recovery.approval.as_ref().ok_or(BadLink)?;
        let signature = from_hex(&self.signature).ok_or(BadLink)?;
        let mut signer = approval.secret.signer();
        signer.update(signed(&self.owner, self.recovery, self.expires).as_bytes());
        signer.verify_slice(&signature).map_err(|_| BadLink)?;
        if self.recovery == recovery.id { Ok(()) } else { Err(BadLink) }
    }

    /// Whether it can be used no more at `now`, whatever the record says.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.as_second() >= self.expires
    }

    /// Where it leads, if the page is at `base`.
    pub fn url(&self, base: &str) -> String {
        let Self { owner, recovery, expires, signature } = self;
        format!("{base}?owner={owner}&recovery={recovery}&expires={expires}&signature={signature}")
    }
}

/// What is signed: no two links have the same text, since no part can hold a line break.
fn signed(owner: &OwnerName, recovery: RecoveryId, expires: i64) -> String {
    format!("cpm approval 1\n{owner}\n{recovery}\n{expires}")
}

/// Why somebody said yes or no, in their words: one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// Why a text is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason has {MAX_REASON} characters at most, and this has {0}")]
pub struct LongReason(pub usize);

impl FromStr for Reason {
    type Err = LongReason;

    fn from_str(text: &str) -> Result<Self, LongReason> {
        let words: Vec<&str> =
            text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
        let line = words.join(" ");
        match line.chars().count() {
            length if length > MAX_REASON => Err(LongReason(length)),
            _ => Ok(Self(line)),
        }
    }
}

impl Reason {
    /// Its words; none when there are none.
    pub fn into_words(self) -> Option<String> {
        Some(self.0).filter(|words| !words.is_empty())
    }
}

#[cfg(test)]
mod tests;
