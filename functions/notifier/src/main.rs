//! Alerts to SNS: what the table's stream tells of alerts is published to those who subscribed.

mod record;

use aws_lambda_events::dynamodb::Event;
use cpm_app::alert::publish;
use cpm_aws_sns::Topic;
use cpm_domain::message::Sender;
use cpm_runtime::{Failure, Settings, SystemClock, aws_config, init_tracing, serve};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_tracing();
    let settings = Settings::from_env()?;
    let topic = Topic::new(&aws_config().await, Settings::required("CPM_ALERT_TOPIC")?);
    serve(|event, _| tell(&topic, &settings, event)).await
}

/// Publishes in order, and stops at the first record that cannot be: the stream comes back to it and those after it.
async fn tell(topic: &Topic, settings: &Settings, event: Event) -> Result<Value, Failure> {
    for record in &event.records {
        let outcome = async {
            let (owner, change) = record::read(record, &SystemClock)?;
            let sender = Sender { deployment: &settings.deployment, account: &settings.account, owner: &owner };
            publish(topic, &sender, &change).await.map_err(|error| error.to_string())
        };
        if let Err(message) = outcome.await {
            tracing::error!(message, record = record.event_id, "not published");
            let place = record.change.sequence_number.clone();
            return Ok(json!({"batchItemFailures": [{"itemIdentifier": place}]}));
        }
    }
    Ok(json!({"batchItemFailures": []}))
}
