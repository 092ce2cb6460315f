//! Recoveries: from a backup back to something that runs (§9 of the guide).
//!
//! A [`plan::Plan`] says what is wanted; what it leaves out is filled in from the source as it was ([`crate::origin`]). It is
//! held against [`facts::Facts`], what AWS says of the place it goes to, and all that is wrong is said at once. Then it
//! becomes [`work::Work`]s: one call to AWS each, written down before AWS is asked, which need each other and can be
//! repeated. What was made is found by its tags, and nothing else is ever undone.

pub mod approval;
pub mod course;
pub mod facts;
pub mod image;
pub mod making;
pub mod plan;
pub mod state_change;
mod words;
pub mod work;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    aws::Tags,
    backup::LogLine,
    id::{BackupId, Region, number},
    name::{AccountName, OwnerName, PolicyName},
    provenance::{BACKUP, DEPLOYMENT, OWNER},
    recovery::{course::Course, plan::Plan},
    unit::Fault,
};

/// On what a recovery made: its number.
pub const RECOVERY: &str = "cpm:recovery";
/// On what a recovery made: which of its works did.
pub const WORK: &str = "cpm:work";
/// On a volume that a recovery took off an instance and is to delete: the number of the recovery. Its plan names it.
pub const REPLACED: &str = "cpm:replaced-by";

number! {
    /// The number of a recovery: counted up from 1 for each owner, never used twice. Written `r17`.
    #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, example = "r17"))]
    RecoveryId, "r", "the number of a recovery", "r17"
}

/// How a recovery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RecoveryState))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Somebody else than who asked has to say yes.
    WaitingForApproval,
    /// AWS makes what it asks for, or it undoes what it made.
    Running,
    /// All of it is there.
    Succeeded,
    /// Something of it is not; what is, is listed.
    Failed,
    /// It failed, and what it made is gone again.
    Undone,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::WaitingForApproval, Self::Running, Self::Succeeded, Self::Failed, Self::Undone];

    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitingForApproval => "waiting-for-approval",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Undone => "undone",
        }
    }

    /// Nothing more will come.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Undone)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What becomes of what a recovery made when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// It stays, and is listed.
    #[default]
    Keep,
    /// It goes.
    Remove,
}

/// Why a recovery runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RecoveryPurpose))]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Somebody asked for it.
    #[default]
    Manual,
    /// A drill did: what it makes goes again. The drill's number.
    Drill(u64),
    /// A scenario did: its name, and the name of its step.
    Scenario {
        /// The run of the scenario.
        run: String,
        /// The step.
        step: String,
    },
}

/// What somebody said to a recovery that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RecoveryAnswer))]
pub struct Answer {
    /// Yes or no.
    pub approved: bool,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// That somebody else has to say yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// A yes after this is too late.
    pub expires: Timestamp,
    /// What links by which people can answer are signed with. It is shown to nobody.
    pub secret: approval::Secret,
    /// The token of the waiting execution, once it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// A recovery on record. Its works are records of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// Its number.
    pub id: RecoveryId,
    /// Of which backup.
    pub backup: BackupId,
    /// Of which policy that backup is.
    pub policy: PolicyName,
    /// Into which account.
    pub account: AccountName,
    /// Into which Region.
    pub region: Region,
    /// The role by which it works instead of the account's own for recoveries: name and external id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<AdHocRole>,
    /// How it stands.
    pub state: State,
    /// What is wanted, with every default filled in.
    pub plan: Plan,
    /// What becomes of what it made when it fails.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Why it runs.
    #[serde(default)]
    pub purpose: Purpose,
    /// Who asked for it.
    pub asked_by: String,
    /// That somebody else has to say yes; none: nobody has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// When the plan was last held against AWS.
    pub checked: Timestamp,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// How many works it has, without those that make up for others; none before they are written.
    #[serde(default)]
    pub works: u32,
    /// What went wrong beside its works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// The execution that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// Where it is in its life, beside what people are shown.
    #[serde(default)]
    pub course: Course,
    /// Its log.
    #[serde(default)]
    pub log: Vec<LogLine>,
    /// Counted up by each write: a write that lost its race is seen.
    pub version: u64,
}

impl Recovery {
    /// One that runs from now on, of a backup of `policy`, into this account and Region; nobody has to say yes.
    pub fn new(id: RecoveryId, policy: PolicyName, place: (AccountName, Region), plan: Plan, now: Timestamp) -> Self {
        let (account, region) = place;
        Self {
            id,
            backup: plan.backup,
            policy,
            account,
            region,
            role: plan.role.clone(),
            state: State::Running,
            on_failure: plan.on_failure,
            plan,
            purpose: Purpose::default(),
            asked_by: String::new(),
            approval: None,
            checked: now,
            started: now,
            ended: None,
            works: 0,
            errors: Vec::new(),
            execution: None,
            course: Course::default(),
            log: Vec::new(),
            version: 0,
        }
    }

    /// The same, waiting for somebody to say yes if that is asked for.
    #[must_use]
    pub fn held_by(self, approval: Option<Approval>) -> Self {
        let state = if approval.is_some() { State::WaitingForApproval } else { self.state };
        Self { state, approval, ..self }
    }
}

/// A role that one recovery works by, apart from the account's (§9.1, §14.4.2). It must be of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AdHocRole {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy asks for, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

impl AdHocRole {
    /// The number of its account and its name with its path; none: it is not the ARN of a role.
    pub fn parts(&self) -> Option<(&str, &str)> {
        let (partition, rest) = self.arn.strip_prefix("arn:")?.split_once(":iam::")?;
        let (account, name) = rest.split_once(":role/")?;
        let is_number = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        (partition.starts_with("aws") && is_number && !name.is_empty()).then_some((account, name))
    }
}

/// Whose makings are looked for, and what they are marked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark<'a> {
    /// Of this deployment.
    pub deployment: &'a str,
    /// Of this owner.
    pub owner: &'a OwnerName,
    /// Of this recovery.
    pub recovery: RecoveryId,
    /// Of a backup.
    pub backup: BackupId,
}

impl Mark<'_> {
    /// The tags that everything it made has.
    pub fn sought(&self) -> Vec<(&'static str, String)> {
        vec![
            (DEPLOYMENT, self.deployment.to_owned()),
            (OWNER, self.owner.to_string()),
            (RECOVERY, self.recovery.to_string()),
        ]
    }

    /// The tags of what a work makes.
    pub fn tags(&self, work: u32) -> Tags {
        let mut tags: Tags = self.sought().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        tags.insert(BACKUP.to_owned(), self.backup.to_string());
        tags.insert(WORK.to_owned(), work.to_string());
        tags
    }

    /// Whether something with these tags is one of its makings.
    pub fn fits(&self, tags: &Tags) -> bool {
        self.sought().iter().all(|(key, value)| tags.get(*key) == Some(value))
    }

    /// By which AWS knows a call again: the same for each repetition of a work.
    pub fn token(&self, work: u32) -> String {
        format!("{}-{}-{}-{work}", self.deployment, self.owner, self.recovery)
    }
}
