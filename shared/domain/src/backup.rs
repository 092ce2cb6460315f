//! A backup: one run of a policy.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    freezer::Frozen,
    id::BackupId,
    name::{AccountName, PolicyName, ScheduleName},
    policy::{RetryRule, SuccessRule, Wait},
    status::{Outcome, Status, Tally},
};

/// Why a backup ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// It was due.
    Schedule,
    /// Somebody asked for it.
    Manual,
    /// The one before it failed.
    Retry,
}

impl Trigger {
    /// As written in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Manual => "manual",
            Self::Retry => "retry",
        }
    }
}

/// Where in its life a backup is. It only ever moves downwards in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The units are written down.
    Planned,
    /// AWS was asked for all of them.
    Asked,
    /// Every unit is settled and the outcome is decided.
    Finished,
    /// Its time is over: the cleaner deletes its units.
    Deleting,
    /// No unit is left in AWS; the record stays for its keep-days.
    Deleted,
}

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What happened.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
}

/// A line of a backup's log, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogLine {
    /// When.
    pub time: Timestamp,
    /// How loud.
    pub level: Level,
    /// One sentence.
    pub message: String,
}

/// What a backup keeps of its log; the rest is counted in a last line. Units keep their own errors.
pub const MAX_LOG_LINES: usize = 200;

/// Lines of one step, bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    lines: Vec<LogLine>,
    left_out: usize,
}

impl Log {
    /// The most lines of one step.
    pub const MAX_STEP: usize = 50;

    /// Adds a line.
    pub fn line(&mut self, time: Timestamp, level: Level, message: impl Into<String>) {
        if self.lines.len() < Self::MAX_STEP {
            self.lines.push(LogLine { time, level, message: message.into() });
        } else {
            self.left_out += 1;
        }
    }

    /// Adds what happened.
    pub fn info(&mut self, time: Timestamp, message: impl Into<String>) {
        self.line(time, Level::Info, message);
    }

    /// Adds what is worth a look.
    pub fn warning(&mut self, time: Timestamp, message: impl Into<String>) {
        self.line(time, Level::Warning, message);
    }

    /// Adds what failed.
    pub fn error(&mut self, time: Timestamp, message: impl Into<String>) {
        self.line(time, Level::Error, message);
    }

    /// The lines, with a last one that counts what was left out.
    pub fn into_lines(mut self) -> Vec<LogLine> {
        if let (true, Some(last)) = (self.left_out > 0, self.lines.last()) {
            let time = last.time;
            let message = format!("{} more lines were left out; the units keep their own errors", self.left_out);
            self.lines.push(LogLine { time, level: Level::Warning, message });
        }
        self.lines
    }
}

/// What makes a backup the answer to one due instant of one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The schedule.
    pub schedule: ScheduleName,
    /// The due instant.
    pub at: Timestamp,
}

/// One run of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its number.
    pub id: BackupId,
    /// The policy.
    pub policy: PolicyName,
    /// The account of the policy.
    pub account: AccountName,
    /// Where in its life it is.
    pub phase: Phase,
    /// The status.
    pub status: Status,
    /// Whether it is a generation.
    pub counts: bool,
    /// Why it ran.
    pub trigger: Trigger,
    /// 0 for the first try, else which retry of its slot this is.
    pub attempt: u32,
    /// The slot, unless somebody asked for it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// From the end of `before` to the start of `after`, in milliseconds, when scripts ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_ms: Option<u64>,
    /// How many runs of scripts it has.
    #[serde(default)]
    pub runs: u32,
    /// How many sets were asked for only after `after` had run: they are not of the scripts' point in time.
    #[serde(default)]
    pub late: u32,
    /// That it is in the freezer; none: it is not. One that is being deleted or deleted never is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Frozen>,
    /// What that may be at most, as the policy said when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_frozen: Option<Wait>,
    /// What counts, as the policy said when it began.
    pub success: SuccessRule,
    /// The retries, as the policy said when it began.
    pub retry: RetryRule,
    /// How many sets of units it has.
    pub sets: u32,
    /// How its units stand; exact once it is finished.
    pub tally: Tally,
    /// The execution that runs it.
    pub execution: String,
    /// The token by which its waiting execution is woken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake: Option<String>,
    /// Its log.
    #[serde(default)]
    pub log: Vec<LogLine>,
}

impl Backup {
    /// Whether it is in the monitor: neither gone nor going.
    pub fn is_kept(&self) -> bool {
        self.phase <= Phase::Finished
    }

    /// What its end was, if it ended.
    pub fn outcome(&self) -> Option<Outcome> {
        (self.phase >= Phase::Finished).then_some(Outcome {
            status: self.status,
            counts: self.counts,
            empty: self.sets == 0 && self.tally.missing == 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_bounded_and_says_so() {
        let mut log = Log::default();
        for n in 0..60 {
            log.info(Timestamp::UNIX_EPOCH, format!("line {n}"));
        }
        let lines = log.into_lines();
        assert_eq!(lines.len(), Log::MAX_STEP + 1);
        assert_eq!(lines[50].message, "10 more lines were left out; the units keep their own errors");
    }
}
