//! Every minute: starts what is due, takes up what died, beats the heart.

use std::collections::HashMap;

use cpm_app::schedule::Dispatcher;
use cpm_aws_dynamodb::Table;
use cpm_aws_sfn::Sfn;
use cpm_ports::{Deadline, Machine};
use cpm_runtime::{Failure, Settings, SystemClock, aws_config, init_tracing, metric, serve};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_tracing();
    let settings = Settings::from_env()?;
    let config = aws_config();
    let table = Table::new(&config, &settings.table);
    let backup = Settings::required("CPM_BACKUP_STATE_MACHINE")?;
    let recovery = Settings::required("CPM_RECOVERY_STATE_MACHINE")?;
    let drill = Settings::required("CPM_DRILL_STATE_MACHINE")?;
    let scenario = Settings::required("CPM_SCENARIO_STATE_MACHINE")?;
    let machines = [
        (Machine::Backup, backup),
        (Machine::Recovery, recovery),
        (Machine::Drill, drill),
        (Machine::Scenario, scenario),
    ];
    let sfn = Sfn::new(&config, HashMap::from(machines));
    let dispatcher = Dispatcher { store: &table, executions: &sfn, clock: &SystemClock };
    serve(|_: Value, deadline| tick(&dispatcher, &settings.deployment, deadline)).await
}

async fn tick(dispatcher: &Dispatcher<'_>, deployment: &str, deadline: Deadline) -> Result<Value, Failure> {
    let tick = dispatcher.tick(deadline).await?;
    // The heart beats when the tick is over: one that dies half-way is noticed.
    metric(deployment, "Ticks", 1, dispatcher.clock.now());
    tracing::info!(?tick, "tick");
    Ok(json!({
        "started": tick.started,
        "already": tick.already,
        "made_up": tick.made_up,
        "resumed": tick.resumed,
        "watched": tick.watched,
        "failed": tick.failed,
        "cut_short": tick.cut_short,
    }))
}
