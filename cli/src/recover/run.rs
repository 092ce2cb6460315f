//! `cpm recover KIND`: a plan, what it comes to, and a recovery to its end.

use cpm_contracts::{
    api::{PanelView, RecoverRequest, RecoveryView},
    recovery::Checked,
};
use cpm_domain::recovery::{State, plan::PlanProblem};

use super::{
    flags::{Flags, Recover},
    show, summary, yaml,
};
use crate::{
    command::{Answer, Outcome},
    deployment::{Deployment, Session},
    fault::{Fault, Faults},
    file::{PlanFile, Printed},
    screen::{print, tell},
    wait::{Waiting, interruptible},
};

/// What `cpm recover` answers by its exit code.
pub(crate) const CODES: &str = "\
Exit codes:
  0    it succeeded; with --plan: nothing is wrong; with --no-wait: it is started
  1    it did not, or something is wrong with the plan
  130  stopped waiting by Ctrl-C; the recovery goes on

On a terminal it shows what will be made, and asks once. Elsewhere it never asks.";

/// Carries a command out.
pub(super) async fn run<F: Flags>(session: &Session, recover: &Recover<F>) -> Answer {
    let common = &recover.common;
    let file = common.file.as_deref().map(|path| PlanFile::read(path, F::KIND)).transpose()?;
    let mut plan = common.changed(file.as_ref().map(|file| file.plan.clone()), F::KIND)?;
    recover.own.change(&mut plan.wanted)?;
    let deployment = session.deployment().await?;
    let request = RecoverRequest { plan };
    let checked: Checked = deployment.client.post(&["recoveries", "plan"], &request).await?;
    if common.plan {
        return shown(session, &deployment, file.as_ref(), &checked).await;
    }
    if !checked.problems.is_empty() {
        return Err(problems(&deployment, file.as_ref(), &checked, &checked.problems).await);
    }
    warn(session, &checked);
    if !common.yes && session.screen.can_ask() {
        tell(&summary::of(&checked.plan));
        if !session.screen.confirm("Recover this?")? {
            tell("Nothing was made.");
            return Ok(Outcome::Bad);
        }
    }
    let request = RecoverRequest { plan: checked.plan.clone() };
    let started = match deployment.client.post::<RecoveryView>(&["recoveries"], &request).await {
        Ok(started) => started,
        Err(fault) => return Err(refused(&deployment, file.as_ref(), &checked, fault).await),
    };
    ended(session, &deployment, started, common.no_wait).await
}

/// `--plan`: the plan on standard output, what is wrong with it on standard error.
async fn shown(session: &Session, deployment: &Deployment, file: Option<&PlanFile>, checked: &Checked) -> Answer {
    if session.screen.is_json() {
        session.screen.answer(checked, |_| String::new())?;
    } else {
        print(&whole(deployment, checked).await?)?;
    }
    warn(session, checked);
    if checked.problems.is_empty() {
        return Ok(Outcome::Good);
    }
    Err(problems(deployment, file, checked, &checked.problems).await)
}

async fn whole(deployment: &Deployment, checked: &Checked) -> Result<String, Fault> {
    let path = ["backups", &checked.plan.backup.to_string(), "recovery"];
    let panel: PanelView = deployment.client.get(&path, &[]).await?;
    yaml::text(&checked.plan, Some(&panel), &deployment.times)
}

fn warn(session: &Session, checked: &Checked) {
    let warnings = checked.warnings.iter().map(|warning| Fault::new(warning, "").warning());
    let warnings: Vec<Fault> = warnings.collect();
    if !warnings.is_empty() {
        session.screen.fault(&Faults(warnings));
    }
}

/// All that is wrong with a plan, each at its place.
async fn problems(
    deployment: &Deployment,
    file: Option<&PlanFile>,
    checked: &Checked,
    problems: &[PlanProblem],
) -> Faults {
    // Without the panel, the comments are missing and the lines are others: the fields are still found.
    let text = whole(deployment, checked).await.or_else(|_| yaml::text(&checked.plan, None, &deployment.times));
    let text = Printed::new("the plan, as --plan prints it", &text.unwrap_or_default());
    Faults(problems.iter().map(|problem| text.fault(problem, &checked.plan, file)).collect())
}

/// What a start was refused for: things that came up since the plan was checked are told at their places as well.
async fn refused(deployment: &Deployment, file: Option<&PlanFile>, checked: &Checked, fault: Fault) -> Faults {
    if fault.problems().is_empty() {
        return fault.into();
    }
    let since: Vec<PlanProblem> = fault
        .problems()
        .iter()
        .map(|problem| PlanProblem {
            field: problem.path.clone(),
            message: problem.message.clone(),
            advice: problem.help.clone(),
        })
        .collect();
    problems(deployment, file, checked, &since).await
}

async fn ended(session: &Session, deployment: &Deployment, started: RecoveryView, no_wait: bool) -> Answer {
    if no_wait {
        session.screen.answer(&started, |_| show::started(&started, &deployment.times))?;
        return Ok(Outcome::Good);
    }
    let ended = followed(session, deployment, started).await?;
    session.screen.answer(&ended, |layout| show::shown(layout, &deployment.times, &ended))?;
    Ok(outcome(&ended))
}

pub(super) fn outcome(recovery: &RecoveryView) -> Outcome {
    if recovery.state == State::Succeeded { Outcome::Good } else { Outcome::Bad }
}

/// The recovery once it has ended.
pub(super) async fn followed(
    session: &Session,
    deployment: &Deployment,
    recovery: RecoveryView,
) -> Result<RecoveryView, Faults> {
    let goes_on = format!("the recovery goes on; `cpm recover show {}` shows it", recovery.id);
    let id = recovery.id.to_string();
    let standing = |recovery: &RecoveryView| show::standing(recovery, &deployment.times);
    let is_over = |recovery: &RecoveryView| recovery.state.is_ended();
    let ask = async || deployment.client.get(&["recoveries", &id], &[]).await;
    interruptible(Waiting::from(&session.screen, recovery, standing, is_over, ask), &goes_on).await
}
