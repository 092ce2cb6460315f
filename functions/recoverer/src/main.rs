//! The steps of a recovery: check, ask, prepare, create, progress, finish; and, asked by the API, plan and images. The only
//! function that can launch. Those of drills and scenarios, which ask for recoveries and look at what they made.

use std::collections::HashMap;

use cpm_app::{drill, recovery::Steps, scenario};
use cpm_aws_dynamodb::Table;
use cpm_aws_ec2::Ec2;
use cpm_aws_place::{Roles, Sts};
use cpm_aws_sfn::Sfn;
use cpm_aws_ssm::Ssm;
use cpm_contracts::recovery::Step;
use cpm_ports::{Deadline, Machine};
use cpm_runtime::{Failure, Settings, SystemClock, aws_config, init_tracing, serve};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_tracing();
    let settings = Settings::from_env()?;
    let config = aws_config();
    let table = Table::new(&config, &settings.table);
    let restorers = cpm_aws_targets::restorers(&config);
    let roles = Roles::new(&config);
    let (images, identity) = (Ec2::of(&roles), Sts::new(&roles));
    let commands = Ssm::new(&roles);
    let machine = Settings::required("CPM_RECOVERY_STATE_MACHINE")?;
    let sfn = Sfn::new(&config, HashMap::from([(Machine::Recovery, machine)]));
    let steps = Steps {
        store: &table,
        restorers: &restorers,
        images: &images,
        identity: &identity,
        executions: &sfn,
        clock: &SystemClock,
        deployment: &settings.deployment,
        own: &settings.account,
    };
    let drills = drill::Steps {
        store: &table,
        planner: &steps,
        executions: &sfn,
        commands: &commands,
        health: &images,
        clock: &SystemClock,
        deployment: &settings.deployment,
    };
    let scenarios = scenario::Steps {
        store: &table,
        planner: &steps,
        executions: &sfn,
        commands: &commands,
        clock: &SystemClock,
        deployment: &settings.deployment,
    };
    serve(|step, deadline| run(&steps, &drills, &scenarios, step, deadline)).await
}

async fn run(
    steps: &Steps<'_>,
    drills: &drill::Steps<'_>,
    scenarios: &scenario::Steps<'_>,
    step: Step,
    deadline: Deadline,
) -> Result<Value, Failure> {
    Ok(match step {
        Step::Plan { owner, plan } => json!(steps.plan(&owner, &plan).await?),
        Step::Images { owner, like } => json!(steps.images(&owner, &like).await?),
        Step::Check { running } => json!(steps.check(&running).await?),
        Step::Ask { running, token } => json!(steps.ask(&running, &token).await?),
        Step::Prepare { running } => json!(steps.prepare(&running).await?),
        Step::Create { running } => json!(steps.create(&running, deadline).await?),
        Step::Progress { running, polls } => json!(steps.progress(&running, polls).await?),
        Step::Finish { running, trouble } => json!(steps.finish(&running, trouble.as_ref(), deadline).await?),
        Step::Drill { drill } => drill_step(drills, drill, deadline).await?,
        Step::Scenario { scenario } => scenario_step(scenarios, scenario).await?,
    })
}

async fn drill_step(
    steps: &drill::Steps<'_>,
    step: cpm_contracts::drill::Step,
    deadline: Deadline,
) -> Result<Value, Failure> {
    use cpm_contracts::drill::Step;
    Ok(match step {
        Step::Plan { execution, start } => json!(steps.plan(&execution, &start).await?),
        Step::Recover { running } => json!(steps.recover(&running, deadline).await?),
        Step::Watch { running, polls, trouble } => json!(steps.watch(&running, polls, trouble.as_ref()).await?),
        Step::Finish { running, trouble } => json!(steps.finish(&running, trouble.as_ref()).await?),
    })
}

async fn scenario_step(steps: &scenario::Steps<'_>, step: cpm_contracts::scenario::Step) -> Result<Value, Failure> {
    use cpm_contracts::scenario::Step;
    Ok(match step {
        Step::Advance { running, polls } => json!(steps.advance(&running, polls).await?),
        Step::Finish { running, trouble } => json!(steps.finish(&running, trouble.as_ref()).await?),
    })
}
