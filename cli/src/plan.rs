//! `cpm plan`, `cpm apply` and `cpm export`: accounts, schedules and policies as code.

mod show;

use std::path::PathBuf;

use clap::Args;
use cpm_contracts::api::{Applied, ApplyRequest, PlanRequest, PlanView};
use cpm_domain::document::Document;

pub(crate) use self::show::applied;
use crate::{
    command::{Answer, Outcome},
    deployment::{Deployment, Session},
    fault::{Fault, Faults},
    file,
    screen::{print, tell},
    table::Layout,
};

/// What `cpm plan` answers by its exit code.
pub(crate) const PLAN_CODES: &str = "\
Exit codes:
  0  nothing would change
  1  it failed, or the files cannot be applied
  2  something would change";

#[derive(Debug, Args)]
pub(crate) struct Files {
    /// A policy file, a directory of files that end in .yaml or .yml, or `-` for standard input. May be given often:
    /// all files together are one document
    #[arg(long = "file", short = 'f', value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// Remove what people made and is in none of the files. What tags made stays
    #[arg(long)]
    prune: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    files: Files,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// `cpm plan -f FILE…`.
pub(crate) async fn plan(session: &Session, files: &Files) -> Answer {
    let (read, deployment) = begin(session, files).await?;
    let plan = planned(&read, &deployment, files.prune).await?;
    session.screen.answer(&plan, |layout| show::plan(layout, &plan))?;
    remarks(session, &read, &plan);
    Ok(match (plan.problems.is_empty(), plan.changes.is_empty()) {
        (false, _) => Outcome::Bad,
        (true, true) => Outcome::Good,
        (true, false) => Outcome::Changes,
    })
}

/// `cpm apply -f FILE…`.
pub(crate) async fn apply(session: &Session, apply: &Apply) -> Answer {
    let (read, deployment) = begin(session, &apply.files).await?;
    let plan = planned(&read, &deployment, apply.files.prune).await?;
    remarks(session, &read, &plan);
    if !plan.problems.is_empty() {
        return Ok(Outcome::Bad);
    }
    if plan.changes.is_empty() {
        let nothing = Applied::default();
        session.screen.answer(&nothing, |_| show::done(&nothing))?;
        return Ok(Outcome::Good);
    }
    if !session.screen.is_json() {
        session.screen.answer(&plan, |layout| show::plan(layout, &plan))?;
    } else if !apply.yes {
        tell(&show::plan(Layout::default(), &plan));
    }
    if !apply.yes && !session.screen.confirm("Apply these changes?")? {
        tell("Nothing was changed.");
        return Ok(Outcome::Bad);
    }
    let request = ApplyRequest {
        document: read.merged.document.clone(),
        prune: apply.files.prune,
        revision: Some(plan.revision.clone()),
    };
    let applied: Applied =
        deployment.client.post(&["apply"], &request).await.map_err(|fault| placed(&read, fault))?;
    session.screen.answer(&applied, |_| show::done(&applied))?;
    Ok(Outcome::Good)
}

/// `cpm export`.
pub(crate) async fn export(session: &Session) -> Answer {
    let deployment = session.deployment().await?;
    let document: Document = deployment.client.get(&["export"], &[]).await?;
    if session.screen.is_json() {
        session.screen.answer(&document, |_| String::new())?;
        return Ok(Outcome::Good);
    }
    let yaml = if document == Document::default() {
        "# Nothing is deployed yet.\n{}\n".to_owned()
    } else {
        serde_saphyr::to_string(&document).map_err(|error| {
            Fault::new(format!("the document cannot be written as YAML: {error}"), "report this as a bug of cpm")
        })?
    };
    print(&yaml)?;
    Ok(Outcome::Good)
}

/// Reads and checks the files before the deployment is spoken to.
async fn begin(session: &Session, files: &Files) -> Result<(file::Files, Deployment), Faults> {
    let read = file::Files::read(&files.files)?;
    read.check()?;
    Ok((read, session.deployment().await?))
}

async fn planned(read: &file::Files, deployment: &Deployment, prune: bool) -> Result<PlanView, Faults> {
    let request = PlanRequest { document: read.merged.document.clone(), prune };
    deployment.client.post(&["plan"], &request).await.map_err(|fault| placed(read, fault))
}

/// Shows the problems of a refused document at their places.
fn placed(read: &file::Files, fault: Fault) -> Faults {
    if fault.problems().is_empty() { fault.into() } else { read.faults(fault.problems()) }
}

/// Problems and warnings of a plan, at their places.
fn remarks(session: &Session, read: &file::Files, plan: &PlanView) {
    let warnings = plan.warnings.iter().map(|warning| read.fault(warning).warning());
    let problems = plan.problems.iter().map(|problem| read.fault(problem));
    let all: Vec<Fault> = warnings.chain(problems).collect();
    if !all.is_empty() {
        session.screen.fault(&Faults(all));
    }
}
