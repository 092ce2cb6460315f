//! `cpm completion`.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::{
    command::{Answer, Cli, Outcome},
    screen::print,
};

#[derive(Debug, Args)]
#[command(after_help = "For bash: cpm completion bash > ~/.local/share/bash-completion/completions/cpm")]
pub(crate) struct Completion {
    /// The shell
    shell: Shell,
}

/// `cpm completion SHELL`.
pub(crate) fn write(completion: &Completion) -> Answer {
    let mut script = Vec::new();
    generate(completion.shell, &mut Cli::command(), "cpm", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Good)
}
