//! The command line: its words, and who carries them out.

use clap::{Args, Parser, Subcommand};
use cpm_domain::schedule::Zone;

use crate::{
    account, agent, alert, audit, backup, cleanup, completion, deployment::Session, drill, fault::Faults, freezer,
    image, plan, policy, rebuild, recover, scan, scenario, schedule, tag,
};

/// The exit code for a command line that makes no sense, as in BSD's sysexits.h: 2 is taken by `cpm plan`.
pub(crate) const USAGE: u8 = 64;

const EXIT_CODES: &str = "\
Exit codes:
  0    done; for `plan`: nothing would change
  1    it failed, or the answer is no: a backup that is not successful, a recovery that did not
       succeed, a tag with errors
  2    `plan` only: something would change
  64   the command line makes no sense
  130  stopped by Ctrl-C while waiting";

/// Backs up and protects what runs in AWS accounts, by policies, schedules and tags, and recovers it.
#[derive(Debug, Parser)]
#[command(name = "cpm", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The deployment, by the name of its CloudFormation stack. Else the environment says it: `CPM_API_URL`, the
    /// address of its API, or `CPM_STACK`
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) stack: Option<String>,
    /// The AWS Region of the deployment [default: that of the AWS configuration, such as `AWS_REGION`]
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The profile of the AWS configuration to sign with [default: the usual chain, such as `AWS_PROFILE`]
    #[arg(long, global = true, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// The time zone to show times in [default: `CPM_TIMEZONE`, else the deployment's if it is known, else UTC]
    #[arg(long, global = true, value_name = "ZONE")]
    pub(crate) timezone: Option<Zone>,
    /// Print the answer as JSON and nothing else on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what policy files would change, and who would gain or lose protection
    #[command(after_help = plan::PLAN_CODES)]
    Plan(plan::Files),
    /// Bring accounts, schedules and policies in line with policy files
    Apply(plan::Apply),
    /// Print all accounts, schedules and policies as a policy file
    Export,
    /// The AWS accounts that are backed up
    #[command(subcommand)]
    Account(account::Command),
    /// When backups run
    #[command(subcommand)]
    Schedule(schedule::Command),
    /// What is backed up, and how
    #[command(subcommand)]
    Policy(policy::Command),
    /// Backups: run, watch and look at them
    #[command(subcommand)]
    Backup(backup::Command),
    /// Recovery: from a backup back to something that runs
    #[command(subcommand)]
    Recover(recover::Command),
    /// Images to launch an instance from
    #[command(subcommand)]
    Image(image::Command),
    /// Recoveries that nobody needs, to know that those that somebody needs succeed
    #[command(subcommand)]
    Drill(drill::Command),
    /// Recoveries and checks in an order, as one
    #[command(subcommand)]
    Scenario(scenario::Command),
    /// Backups that stay until they are taken out, even if their policy goes
    #[command(subcommand)]
    Freezer(freezer::Command),
    /// The agents of Systems Manager that run scripts and VSS
    #[command(subcommand)]
    Agent(agent::Command),
    /// Scans for `cpm backup` tags
    #[command(subcommand)]
    Scan(scan::Command),
    /// Deletion of backups that are no longer kept
    #[command(subcommand)]
    Cleanup(cleanup::Command),
    /// What is wrong now
    #[command(subcommand)]
    Alert(alert::Command),
    /// Who changed what
    #[command(subcommand)]
    Audit(audit::Command),
    /// Bring snapshots back on record by their tags, after records were lost
    Rebuild(rebuild::Rebuild),
    /// The language of the `cpm backup` tag
    #[command(subcommand)]
    Tag(tag::Command),
    /// Print the completion script of a shell
    Completion(completion::Completion),
}

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done, or yes.
    Good,
    /// No.
    Bad,
    /// Something would change.
    Changes,
}

impl Outcome {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Bad => 1,
            Self::Changes => 2,
        }
    }
}

/// How a command ended.
pub(crate) type Answer = Result<Outcome, Faults>;

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    match command {
        Command::Plan(files) => plan::plan(session, &files).await,
        Command::Apply(apply) => plan::apply(session, &apply).await,
        Command::Export => plan::export(session).await,
        Command::Account(command) => account::run(session, command).await,
        Command::Schedule(command) => schedule::run(session, command).await,
        Command::Policy(command) => policy::run(session, command).await,
        Command::Backup(command) => backup::run(session, command).await,
        Command::Recover(command) => recover::run(session, command).await,
        Command::Image(command) => image::run(session, command).await,
        Command::Drill(command) => drill::run(session, command).await,
        Command::Scenario(command) => scenario::run(session, command).await,
        Command::Freezer(command) => freezer::run(session, command).await,
        Command::Agent(command) => agent::run(session, command).await,
        Command::Scan(command) => scan::run(session, command).await,
        Command::Cleanup(command) => cleanup::run(session, command).await,
        Command::Alert(alert::Command::List) => alert::list(session).await,
        Command::Audit(audit::Command::List(list)) => audit::list(session, &list).await,
        Command::Rebuild(rebuild) => rebuild::run(session, &rebuild).await,
        Command::Tag(tag::Command::Check(check)) => tag::check(session, &check),
        Command::Completion(shell) => completion::write(&shell),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn makes_sense() {
        Cli::command().debug_assert();
    }
}
