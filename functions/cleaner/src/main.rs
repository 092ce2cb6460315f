//! The steps of cleanup: plan, delete, settle; of recoveries: tidy, undo; and of drills: clear. The only function that can delete.

use cpm_app::cleanup::Steps;
use cpm_aws_dynamodb::Table;
use cpm_contracts::cleanup::Step;
use cpm_ports::Deadline;
use cpm_runtime::{Failure, Settings, SystemClock, aws_config, init_tracing, serve};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_tracing();
    let settings = Settings::from_env()?;
    let config = aws_config();
    let table = Table::new(&config, &settings.table);
    let deleters = cpm_aws_targets::deleters(&config);
    let removers = cpm_aws_targets::removers(&config);
    let steps = Steps {
        store: &table,
        deleters: &deleters,
        removers: &removers,
        clock: &SystemClock,
        deployment: &settings.deployment,
    };
    serve(|step, deadline| run(&steps, step, deadline)).await
}

async fn run(steps: &Steps<'_>, step: Step, deadline: Deadline) -> Result<Value, Failure> {
    Ok(match step {
        Step::Plan { start } => json!(steps.plan(&start).await?),
        Step::Delete => json!(steps.delete(deadline).await?),
        Step::Settle => json!(steps.settle().await?),
        Step::Tidy { running } => json!(steps.tidy(&running, deadline).await?),
        Step::Undo { running } => json!(steps.undo(&running, deadline).await?),
        Step::Clear { running } => json!(steps.clear(&running, deadline).await?),
    })
}
