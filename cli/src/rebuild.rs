//! `cpm rebuild`.

use clap::Args;
use cpm_contracts::api::{RebuildRequest, Started};

use crate::{command::Answer, deployment::Session, scan, screen::tell};

#[derive(Debug, Args)]
#[command(after_help = "\
Every snapshot of the suite carries tags that say which backup it belongs to. Without --yes nothing is \
written: what would come on record is shown.

Exit codes:
  0  everything was read
  1  an account or a Region could not be read, or the scan died")]
pub(crate) struct Rebuild {
    /// Bring them on record; without it, a dry run
    #[arg(long, short)]
    yes: bool,
}

/// `cpm rebuild`.
pub(crate) async fn run(session: &Session, rebuild: &Rebuild) -> Answer {
    let deployment = session.deployment().await?;
    let request = RebuildRequest { dry_run: !rebuild.yes };
    let started: Started = deployment.client.post(&["rebuild"], &request).await?;
    let outcome = scan::follow(session, &deployment, &started, "a scan for snapshots").await?;
    if !rebuild.yes && !session.screen.is_json() {
        tell("Nothing was written. `cpm rebuild --yes` brings it on record.");
    }
    Ok(outcome)
}
