//! What the table's stream tells: alerts, and recoveries that wait for an answer, to SNS for those who subscribed; changes
//! of backups and recoveries to the event bus.

mod record;

use aws_lambda_events::dynamodb::Event;
use cpm_app::stream::Notifier;
use cpm_aws_eventbridge::Bus;
use cpm_aws_sns::Topic;
use cpm_runtime::{Failure, Settings, aws_config, init_tracing, serve};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_tracing();
    let settings = Settings::from_env()?;
    let config = aws_config();
    let topic = Topic::new(&config, Settings::required("CPM_ALERT_TOPIC")?);
    let bus = Bus::new(&config, Settings::required("CPM_EVENT_BUS")?);
    let (deployment, account) = (&settings.deployment, &settings.account);
    // Without an address of the API no links are sent: people answer by the command line.
    let address = std::env::var("CPM_APPROVAL_URL").ok().filter(|address| !address.is_empty());
    let approvals = address.as_deref();
    let notifier = Notifier { publisher: &topic, bus: &bus, deployment, account, approvals };
    serve(|event, _| tell(&notifier, event)).await
}

/// Tells in order, and stops at the first record that cannot be told: the stream comes back to it and those after it.
async fn tell(notifier: &Notifier<'_>, event: Event) -> Result<Value, Failure> {
    let (mut places, mut records) = (Vec::new(), Vec::new());
    let mut stopped = None;
    for record in event.records {
        places.push(record.change.sequence_number.clone());
        match record::read(record) {
            Ok(record) => records.push(record),
            Err(message) => {
                stopped = Some((records.len(), message));
                break;
            }
        }
    }
    if let Err(untold) = notifier.tell(&records).await {
        stopped = Some((untold.record, untold.error.to_string()));
    }
    let Some((record, message)) = stopped else { return Ok(json!({"batchItemFailures": []})) };
    let place = places.into_iter().nth(record).flatten();
    tracing::error!(message, place, "not told");
    Ok(json!({"batchItemFailures": [{"itemIdentifier": place}]}))
}
