//! The steps of a backup: plan, before, snapshot, after, await, progress, complete, finish.

use std::collections::HashMap;

use cpm_app::backup::{Request, Steps};
use cpm_aws_dynamodb::Table;
use cpm_aws_lambda::Lambda;
use cpm_aws_place::Roles;
use cpm_aws_sfn::Sfn;
use cpm_aws_ssm::Ssm;
use cpm_contracts::backup::Step;
use cpm_ports::Deadline;
use cpm_runtime::{Failure, Settings, SystemClock, aws_config, init_tracing, serve};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_tracing();
    let settings = Settings::from_env()?;
    let config = aws_config();
    let table = Table::new(&config, &settings.table);
    let drivers = cpm_aws_targets::drivers(&config);
    let roles = Roles::new(&config);
    let (systems, functions) = (Ssm::new(&roles), Lambda::new(&roles));
    let vss_document = format!("{}-vss", settings.deployment);
    let sfn = Sfn::new(&config, HashMap::new());
    let steps = Steps {
        store: &table,
        drivers: &drivers,
        executions: &sfn,
        commands: &systems,
        functions: &functions,
        vss_document: &vss_document,
        clock: &SystemClock,
        deployment: &settings.deployment,
    };
    serve(|step, deadline| run(&steps, step, deadline)).await
}

async fn run(steps: &Steps<'_>, step: Step, deadline: Deadline) -> Result<Value, Failure> {
    Ok(match step {
        Step::Plan { execution, start, retried } => {
            json!(steps.plan(&Request { execution, start, retried }, deadline).await?)
        }
        Step::Before { running } => json!(steps.before(&running, deadline).await?),
        Step::Snapshot { running, again } => json!(steps.snapshot(&running, again, deadline).await?),
        Step::After { running, trouble } => json!(steps.after(&running, trouble.as_ref(), deadline).await?),
        Step::Await { running, token } => json!(steps.wait(&running, &token).await?),
        Step::Progress { running, polls } => json!(steps.progress(&running, polls).await?),
        Step::Complete { running } => json!(steps.complete(&running, deadline).await?),
        Step::Finish { running } => json!(steps.finish(&running).await?),
    })
}
