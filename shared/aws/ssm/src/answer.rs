//! How answers are read.

use aws_sdk_ssm::{
    operation::get_command_invocation::GetCommandInvocationOutput,
    types::{InstanceInformation, PingStatus, PlatformType},
};
use cpm_aws_place::{time, unreadable};
use cpm_domain::{
    aws::{AwsError, Platform},
    command::{Agent, CommandReport, CommandState, Ping},
};
use jiff::Timestamp;

/// What AWS and its agent write at the end of what they cut.
///
/// <https://github.com/aws/amazon-ssm-agent> (`OutputTruncatedSuffix`, `TruncateOutput`)
const CUT: [&str; 3] = ["--output truncated--", "---Output truncated---", "---Error truncated----"];

/// The exit code of a command that has not begun.
const NOT_BEGUN: i32 = -1;

pub(crate) fn report(answer: &GetCommandInvocationOutput) -> CommandReport {
    let status = answer.status().map_or("", |status| status.as_str());
    let details = answer.status_details().filter(|details| !details.is_empty());
    let (output, output_cut) = whole(answer.standard_output_content().unwrap_or_default());
    let (error_output, error_cut) = whole(answer.standard_error_content().unwrap_or_default());
    CommandReport {
        state: details.and_then(state).or_else(|| state(status)).unwrap_or(CommandState::Open),
        words: details.unwrap_or(status).to_owned(),
        exit_code: Some(answer.response_code()).filter(|code| *code != NOT_BEGUN).map(i64::from),
        started: moment(answer.execution_start_date_time()),
        ended: moment(answer.execution_end_date_time()),
        output,
        error_output,
        truncated: output_cut || error_cut,
    }
}

/// A word of `Status` or `StatusDetails`; the documentation writes some of the latter with spaces.
///
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html>
fn state(word: &str) -> Option<CommandState> {
    match word.replace(' ', "").as_str() {
        "Pending" | "InProgress" | "Delayed" | "Cancelling" => Some(CommandState::Open),
        "Success" => Some(CommandState::Succeeded),
        "Failed" | "Cancelled" | "Undeliverable" | "Terminated" | "InvalidPlatform" | "AccessDenied" => {
            Some(CommandState::Failed)
        }
        "TimedOut" | "DeliveryTimedOut" | "ExecutionTimedOut" => Some(CommandState::TimedOut),
        _ => None,
    }
}

/// A text without the mark of its being cut, and whether it has one.
fn whole(text: &str) -> (String, bool) {
    let bare = text.trim_end();
    match CUT.iter().find_map(|mark| bare.strip_suffix(mark)) {
        Some(kept) => (kept.trim_end_matches(['\r', '\n']).to_owned(), true),
        None => (text.to_owned(), false),
    }
}

/// A time as ISO 8601, empty when there is none.
fn moment(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(|text| text.parse().ok())
}

/// The agent of an instance that `action` tells.
pub(crate) fn agent(action: &str, told: &InstanceInformation) -> Result<Agent, AwsError> {
    let id = told.instance_id().unwrap_or_default();
    Ok(Agent {
        instance: id.parse().map_err(|_| unreadable(action, id))?,
        ping: match told.ping_status() {
            Some(PingStatus::Online) => Ping::Online,
            Some(PingStatus::ConnectionLost) => Ping::ConnectionLost,
            _ => Ping::Inactive,
        },
        version: told.agent_version().filter(|version| !version.is_empty()).map(str::to_owned),
        last_seen: time(told.last_ping_date_time()),
        platform: match told.platform_type() {
            Some(PlatformType::Linux | PlatformType::Macos) => Platform::Linux,
            Some(PlatformType::Windows) => Platform::Windows,
            _ => Platform::Unknown,
        },
    })
}
