//! `cpm`, the command line of Cloud Protection Manager.
//!
//! A command is a module named by its noun. Each turns its words into requests to the deployment's HTTP API, or into
//! questions to the domain when no deployment is needed, and shows the answer: for people as tables, with `--json` for
//! programs, in shapes that stay. What fails is told as one block with what, where and what to do.

mod account;
mod agent;
mod alert;
mod audit;
mod backup;
mod cleanup;
mod client;
mod command;
mod completion;
mod deployment;
mod drill;
mod fault;
mod file;
mod freezer;
mod image;
mod pages;
mod plan;
mod policy;
mod rebuild;
mod recover;
mod scan;
mod scenario;
mod schedule;
mod screen;
mod table;
mod tag;
mod times;
mod wait;

#[cfg(test)]
mod reference;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    command::{Cli, USAGE, run},
    deployment::Session,
    screen::Screen,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A broken pipe is nobody's failure.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let session = Session::new(cli.global.clone(), Screen::new(cli.global.json));
    match run(&session, cli.command).await {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(faults) => {
            session.screen.fault(&faults);
            ExitCode::from(faults.code())
        }
    }
}
