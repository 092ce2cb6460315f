//! Events by the EventBridge API.

use std::fmt::Display;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_eventbridge::{
    Client,
    config::Builder,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use cpm_aws_call::{ANSWER, common, once, refused, timeouts};
use cpm_domain::{
    aws::{AwsError, Refusal},
    state_change::{Event, SOURCE},
};
use cpm_ports::{EventBus, Untaken};

const PUT: &str = "events:PutEvents";

/// A bus of EventBridge.
#[derive(Debug)]
pub struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    /// The bus of that name. Nothing is asked yet.
    ///
    /// Calls are made once: the stream that feeds the notifier repeats what failed.
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        let config = Builder::from(config).retry_config(once()).timeout_config(timeouts(ANSWER)).build();
        Self { client: Client::from_conf(config), name: name.into() }
    }

    fn entry(&self, event: &Event) -> Result<PutEventsRequestEntry, AwsError> {
        let detail = serde_json::to_string(event).map_err(unwritable)?;
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(event.detail_type())
            .detail(detail)
            .time(DateTime::from_secs(event.time().as_second()));
        Ok(entry.build())
    }
}

#[async_trait]
impl EventBus for Bus {
    async fn put(&self, events: &[Event]) -> Result<(), Untaken> {
        let entries: Result<Vec<_>, _> = events.iter().map(|event| self.entry(event)).collect();
        let call = self.client.put_events().set_entries(Some(entries.map_err(all)?));
        let answer = call.send().await.map_err(|error| all(refused(PUT, &error, meaning)))?;
        match answer.failed_entry_count() {
            0 => Ok(()),
            count => Err(first_untaken(answer.entries(), count)),
        }
    }
}

/// Nothing of a call was taken.
fn all(error: AwsError) -> Untaken {
    Untaken { event: 0, error }
}

/// Each entry of the answer is about the entry of the request at the same place.
fn first_untaken(entries: &[PutEventsResultEntry], count: i32) -> Untaken {
    let failed = |(event, entry): (usize, &PutEventsResultEntry)| {
        let code = entry.error_code()?;
        let refusal = meaning(code).or_else(|| common(code)).unwrap_or(Refusal::Invalid);
        let message = entry.error_message().unwrap_or_default().to_owned();
        Some(Untaken { event, error: AwsError { refusal, action: PUT.to_owned(), code: code.to_owned(), message } })
    };
    entries.iter().enumerate().find_map(failed).unwrap_or_else(|| {
        all(AwsError {
            refusal: Refusal::Unknown,
            action: PUT.to_owned(),
            code: "UnreadableAnswer".to_owned(),
            message: format!("{count} events were not taken, and AWS does not say which"),
        })
    })
}

fn unwritable(error: impl Display) -> AwsError {
    AwsError {
        refusal: Refusal::Invalid,
        action: PUT.to_owned(),
        code: "UnwritableEvent".to_owned(),
        message: error.to_string(),
    }
}

/// What an error code of EventBridge means, of a call or of an entry.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>
fn meaning(code: &str) -> Option<Refusal> {
    Some(match code {
        "InternalException" => Refusal::Unknown,
        "NotAuthorizedForSourceException" | "NotAuthorizedForDetailTypeException" => Refusal::Denied,
        "ResourceNotFoundException" => Refusal::NotFound,
        _ => return None,
    })
}
