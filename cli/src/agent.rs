//! `cpm agent`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use cpm_contracts::api::{AgentList, AgentView};
use cpm_domain::{command::Ping, name::PolicyName};

use crate::{
    command::{Answer, Outcome},
    deployment::Session,
    table::{Layout, cell, firm, table, text},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the instances on which scripts or VSS run, and what is missing there
    List(List),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Scripts and VSS run through the SSM Agent of an instance. It needs the agent, an instance profile
with AmazonSSMManagedInstanceCore, and a network path to Systems Manager. AWS is asked now.")]
pub(crate) struct List {
    /// Only those that this policy needs
    #[arg(long)]
    policy: Option<PolicyName>,
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    let Command::List(List { policy }) = command;
    let deployment = session.deployment().await?;
    let query = [("policy", policy.as_ref().map(ToString::to_string))];
    let all: AgentList = deployment.client.get(&["agents"], &query).await?;
    session.screen.answer(&all.agents, |layout| list(layout, &all.agents))?;
    Ok(Outcome::Good)
}

fn list(layout: Layout, agents: &[AgentView]) -> String {
    if agents.is_empty() {
        return "No instance needs an agent: no scripts run on instances, and no target is app-aware.\n".to_owned();
    }
    let columns = [firm("INSTANCE"), text("WHERE"), text("POLICIES"), text("FOR"), text("PLATFORM"), text("AGENT")];
    let row = |view: &AgentView| {
        vec![
            cell(&view.instance),
            cell(format!("{} {}", view.account, view.region)),
            cell(words(&view.policies)),
            cell(words(&view.needed_for)),
            cell(view.platform.as_str()),
            cell(agent(view)),
        ]
    };
    let mut shown = table(layout, &columns, agents.iter().map(row).collect());
    shown.push('\n');
    shown.push_str(&missing(agents));
    shown
}

fn agent(view: &AgentView) -> String {
    let ping = view.ping.map_or("none", Ping::as_str);
    view.version.as_ref().map_or_else(|| ping.to_owned(), |version| format!("{ping} {version}"))
}

/// Sentences, one for each thing that is missing.
fn missing(agents: &[AgentView]) -> String {
    let mut shown = String::new();
    for view in agents {
        for missing in &view.missing {
            // Writing to a text cannot fail.
            let _ = writeln!(shown, "{}: {}; {}", view.instance, missing.what, missing.advice);
        }
    }
    if shown.is_empty() { "Nothing is missing.\n".to_owned() } else { shown }
}

fn words<T: ToString>(words: &[T]) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
