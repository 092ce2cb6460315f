//! The steps of a scan: plan, look at one account and Region, finish.

use cpm_app::scan::Steps;
use cpm_aws_dynamodb::Table;
use cpm_aws_ec2::Ec2;
use cpm_contracts::scan::Step;
use cpm_ports::Deadline;
use cpm_runtime::{Failure, Settings, SystemClock, aws_config, init_tracing, serve};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_tracing();
    let settings = Settings::from_env()?;
    let config = aws_config();
    let (table, ec2) = (Table::new(&config, &settings.table), Ec2::new(&config));
    let drivers = cpm_aws_targets::drivers(&config);
    let steps = Steps {
        store: &table,
        regions: &ec2,
        drivers: &drivers,
        clock: &SystemClock,
        deployment: &settings.deployment,
    };
    serve(|step, deadline| run(&steps, step, deadline)).await
}

async fn run(steps: &Steps<'_>, step: Step, deadline: Deadline) -> Result<Value, Failure> {
    Ok(match step {
        Step::Plan { scan, start } => json!(steps.plan(&scan, &start).await?),
        Step::Look { scan, place, start } => json!(steps.look(&scan, &place, &start, deadline).await?),
        Step::Finish { scan, looked } => json!(steps.finish(&scan, &looked).await?),
    })
}
