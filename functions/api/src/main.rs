//! The HTTP API: what the console, the CLI and scripts talk to.

use std::{collections::HashMap, sync::Arc};

use cpm_api::{World, router};
use cpm_aws_dynamodb::Table;
use cpm_aws_ec2::Ec2;
use cpm_aws_lambda::Recoverer;
use cpm_aws_place::Roles;
use cpm_aws_sfn::Sfn;
use cpm_aws_ssm::Ssm;
use cpm_ports::{Drivers, Machine};
use cpm_runtime::{Settings, SystemClock, aws_config, init_tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    init_tracing();
    let settings = Settings::from_env()?;
    let machines = HashMap::from([
        (Machine::Backup, Settings::required("CPM_BACKUP_STATE_MACHINE")?),
        (Machine::TagScan, Settings::required("CPM_TAG_SCAN_STATE_MACHINE")?),
        (Machine::Cleanup, Settings::required("CPM_CLEANUP_STATE_MACHINE")?),
        (Machine::Recovery, Settings::required("CPM_RECOVERY_STATE_MACHINE")?),
        (Machine::Drill, Settings::required("CPM_DRILL_STATE_MACHINE")?),
        (Machine::Scenario, Settings::required("CPM_SCENARIO_STATE_MACHINE")?),
    ]);
    let recoverer = Settings::required("CPM_RECOVERER")?;
    let config = aws_config();
    let roles = Roles::new(&config);
    let world = World {
        store: Arc::new(Table::new(&config, &settings.table)),
        executions: Arc::new(Sfn::new(&config, machines)),
        drivers: Drivers::new(vec![Arc::new(Ec2::of(&roles))]),
        agents: Arc::new(Ssm::new(&roles)),
        planner: Arc::new(Recoverer::new(&config, recoverer)),
        clock: Arc::new(SystemClock),
        timezone: settings.timezone,
    };
    lambda_http::run(router(world)).await
}
