//! Events from EventBridge: settles units, wakes waiting executions, follows tags, notices dead executions.

mod event;

use std::collections::HashMap;

use cpm_app::{recovery, resume, scan, unit};
use cpm_aws_dynamodb::Table;
use cpm_aws_sfn::Sfn;
use cpm_contracts::code;
use cpm_domain::id::AccountId;
use cpm_ports::Clock;
use cpm_runtime::{Failure, Settings, SystemClock, aws_config, init_tracing, serve};
use event::Event;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_tracing();
    let settings = Settings::from_env()?;
    let config = aws_config();
    let (table, sfn) = (Table::new(&config, &settings.table), Sfn::new(&config, HashMap::new()));
    serve(|event, _| hear(&table, &sfn, &settings.account, event)).await
}

async fn hear(table: &Table, sfn: &Sfn, own: &AccountId, event: Value) -> Result<(), Failure> {
    let event = event::read(event).map_err(|message| Failure { code: code::BAD_INPUT.name, message })?;
    match event {
        Event::Units { region, reports } => {
            let heard = unit::hear(table, sfn, &SystemClock, &region, &reports).await?;
            tracing::info!(%region, units = reports.len(), ?heard, "units");
        }
        Event::Tag { account, region, resource, news } => {
            let place = (&account, &region);
            let changes = scan::tag_changed(table, &SystemClock, own, place, &resource, &news).await?;
            tracing::info!(%region, resource = resource.id(), value = news.value, news.version, changes, "tag");
        }
        Event::Died { owner, policy, execution } => {
            let noted = resume::execution_died(table, &owner, &policy, &execution, SystemClock.now()).await?;
            tracing::warn!(%policy, execution, noted, "an execution died");
        }
        Event::RecoveryDied { owner, recovery: id, execution } => {
            let now = SystemClock.now();
            let noted = recovery::resume::execution_died(table, &owner, id, &execution, now).await?;
            tracing::warn!(recovery = %id, execution, noted, "an execution died");
        }
        Event::Other => {}
    }
    Ok(())
}
