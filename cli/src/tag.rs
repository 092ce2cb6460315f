//! `cpm tag`.

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use cpm_domain::{
    kind::Kind,
    tag::{Entry, Parsed, parse, render},
};

use crate::{
    command::{Answer, Outcome},
    deployment::Session,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the value of a `cpm backup` tag before it is written. Needs no deployment
    Check(Check),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the value is right
  1  it has errors; what has none still counts

The language is described in docs/reference/tag.md.")]
pub(crate) struct Check {
    /// The kind of resource that the tag is for
    #[arg(long, default_value = Kind::Instance.as_str(), hide_possible_values = true, value_name = "instance|volume|rds|aurora|redshift|dynamodb",
          value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)).try_map(|word| word.parse::<Kind>()))]
    kind: Kind,
    /// The value, in quotes: `#` begins a comment in most shells
    #[arg(allow_hyphen_values = true)]
    value: String,
}

/// `cpm tag check VALUE`.
pub(crate) fn check(session: &Session, check: &Check) -> Answer {
    let parsed = parse(&check.value, check.kind);
    session.screen.answer(&parsed, |_| shown(&check.value, &parsed))?;
    Ok(if parsed.errors.is_empty() { Outcome::Good } else { Outcome::Bad })
}

fn shown(value: &str, parsed: &Parsed) -> String {
    let mut blocks: Vec<String> = parsed.errors.iter().map(|error| format!("{}\n", render(value, error))).collect();
    let entries: Vec<String> = parsed.entries.iter().map(|entry| format!("  {}\n", means(entry))).collect();
    if parsed.no_backup {
        blocks.push("The resource is in no policy that a tag put it in.\n".to_owned());
    } else if entries.is_empty() {
        blocks.push("Nothing of it counts.\n".to_owned());
    } else {
        let heading = if parsed.errors.is_empty() { "The resource is backed up by" } else { "What still counts" };
        blocks.push(format!("{heading}:\n{}", entries.concat()));
    }
    blocks.join("\n")
}

fn means(entry: &Entry) -> String {
    let made = entry.template.as_ref().map(|template| format!(", made after `{template}` if it is not there"));
    let options = entry.options.iter().map(|option| format!(" #{option}")).collect::<Vec<_>>().concat();
    let options = if options.is_empty() { options } else { format!(", with{options}") };
    format!("`{}`{}{options}", entry.policy, made.unwrap_or_default())
}
