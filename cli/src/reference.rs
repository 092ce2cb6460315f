//! The reference page, `docs/reference/cli.md`, is written from the command line itself.

use std::{env, fmt::Write as _, fs};

use clap::{Command, CommandFactory as _};

use crate::command::Cli;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/cli.md");

const HEAD: &str = "\
# The command line

`cpm` speaks to the HTTP API of a deployment. It finds the deployment by `--stack NAME`, by the address in `CPM_API_URL`,
or by the stack in `CPM_STACK`, in this order. Requests are signed with the credentials that the AWS CLI would take:
variables, profiles with IAM Identity Center or `credential_process`, containers, instances. The caller needs
`execute-api:Invoke` on the API, and with `--stack` also `cloudformation:DescribeStacks`.

`cpm tag check`, `cpm schedule preview` and `cpm completion` need no deployment.

With `--json` standard output holds one JSON value and nothing else; lists are arrays. Questions, progress, warnings and
errors go to standard error. Whatever asks before it acts takes `--yes`; where nobody can be asked it refuses without it.
`cpm recover` alone goes ahead there: it makes what is new beside what is there, unless its plan says otherwise.

Where `--region` says where something is recovered to or looked for, the Region of the deployment is `--deployment-region`,
or `--region` before the command: `cpm --region us-east-1 recover instance 17 --region eu-west-1`.

";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut command = Cli::command().term_width(100).disable_help_subcommand(true);
    command.build();
    describe(&mut page, &command, true);
    page
}

/// The global options and `--help` are the same everywhere: the first section alone shows them.
fn describe(page: &mut String, command: &Command, is_first: bool) {
    let mut shown = command.clone().term_width(100);
    if !is_first {
        shown = shown.mut_args(|argument| {
            let everywhere = argument.is_global_set() || argument.get_id() == "help";
            argument.hide(everywhere)
        });
    }
    let help = shown.render_help().to_string();
    let lines: Vec<&str> = help.trim().lines().map(str::trim_end).collect();
    let name = command.get_bin_name().unwrap_or("cpm");
    // Writing to a text cannot fail.
    let _ = writeln!(page, "## `{name}`\n\n```text\n{}\n```\n", lines.join("\n"));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        describe(page, below, false);
    }
}

#[test]
fn says_what_the_command_line_does() {
    let page = format!("{}\n", page().trim_end());
    if env::var_os("CPM_WRITE_REFERENCE").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    let written = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        written == page,
        "docs/reference/cli.md is behind: write it with CPM_WRITE_REFERENCE=1 cargo test -p cpm"
    );
}
