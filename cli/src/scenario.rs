//! `cpm scenario`.

mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cpm_contracts::api::{ScenarioList, ScenarioPlan, ScenarioRequest, ScenarioView};
use cpm_domain::scenario::{RunId, State};

use crate::{
    command::{Answer, Outcome},
    deployment::{Deployment, Session},
    fault::Faults,
    file::ScenarioFile,
    pages::{count, newest},
    wait::{Waiting, interruptible},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario: recoveries and checks in an order, as one
    Run(Run),
    /// List runs of scenarios, the newest first
    List(List),
    /// Show a run of a scenario: its steps, what they made, and what went wrong
    Show(Show),
}

#[derive(Debug, Args)]
#[command(after_help = "\
A step is a plan of `cpm recover` or a check by Systems Manager; it runs when the steps that it
`needs` have succeeded. What these made stands in its texts as `${step.endpoint}`,
`${step.instance}`, `${step.private_ip}` and so on; `$${` stands for `${` itself.

Exit codes:
  0    all steps succeeded; with --plan: nothing is wrong; with --no-wait: it is started
  1    a step did not succeed, or something is wrong with the scenario
  130  stopped waiting by Ctrl-C; the scenario goes on")]
pub(crate) struct Run {
    /// The file; `-` is standard input
    file: PathBuf,
    /// Print what it comes to, with checks done and nothing made
    #[arg(long)]
    plan: bool,
    /// Do not wait for its end
    #[arg(long, conflicts_with = "plan")]
    no_wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = count)]
    limit: usize,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes with --wait:
  0  the scenario succeeded
  1  it did not")]
pub(crate) struct Show {
    /// The number of the run, such as `s3`
    run: RunId,
    /// Wait for its end
    #[arg(long)]
    wait: bool,
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    match command {
        Command::Run(run) => begin(session, &run).await,
        Command::List(list) => self::list(session, &list).await,
        Command::Show(show) => self::show(session, &show).await,
    }
}

async fn begin(session: &Session, run: &Run) -> Answer {
    let file = ScenarioFile::read(&run.file)?;
    let problems = file.scenario.check();
    if !problems.is_empty() {
        return Err(Faults(problems.iter().map(|problem| file.fault(problem)).collect()));
    }
    let deployment = session.deployment().await?;
    let request = ScenarioRequest { scenario: file.scenario.clone() };
    if run.plan {
        let planned: ScenarioPlan = deployment.client.post(&["scenarios", "plan"], &request).await?;
        session.screen.answer(&planned, |layout| show::planned(layout, &planned))?;
        return Ok(if planned.ok { Outcome::Good } else { Outcome::Bad });
    }
    let started: ScenarioView = deployment.client.post(&["scenarios"], &request).await?;
    if run.no_wait {
        let id = started.id;
        session.screen.answer(&started, |_| {
            format!("Run {id} of `{}` is started. `cpm scenario show {id}` shows it.\n", started.name)
        })?;
        return Ok(Outcome::Good);
    }
    ended(session, &deployment, started).await
}

async fn show(session: &Session, show: &Show) -> Answer {
    let deployment = session.deployment().await?;
    let run: ScenarioView = deployment.client.get(&["scenarios", &show.run.to_string()], &[]).await?;
    if show.wait {
        return ended(session, &deployment, run).await;
    }
    session.screen.answer(&run, |layout| show::shown(layout, &deployment.times, &run))?;
    Ok(Outcome::Good)
}

/// Waits for the end of a run, and shows it.
async fn ended(session: &Session, deployment: &Deployment, run: ScenarioView) -> Answer {
    let goes_on = format!("the scenario goes on; `cpm scenario show {}` shows it", run.id);
    let id = run.id.to_string();
    let is_over = |run: &ScenarioView| run.state != State::Running;
    let ask = async || deployment.client.get(&["scenarios", &id], &[]).await;
    let run = interruptible(Waiting::from(&session.screen, run, show::standing, is_over, ask), &goes_on).await?;
    session.screen.answer(&run, |layout| show::shown(layout, &deployment.times, &run))?;
    Ok(if run.state == State::Succeeded { Outcome::Good } else { Outcome::Bad })
}

async fn list(session: &Session, list: &List) -> Answer {
    let deployment = session.deployment().await?;
    let runs = newest::<ScenarioList>(&deployment.client, "scenarios", &[], list.limit).await?;
    runs.show(session, |layout, runs| {
        if runs.is_empty() {
            "No scenario was run yet. `cpm scenario run FILE` runs one.\n".to_owned()
        } else {
            show::list(layout, &deployment.times, runs)
        }
    })
}
