//! Of a table.

use clap::Args;
use cpm_domain::recovery::plan::{RecoveryKind, Wanted};

use super::{
    Flags, of_another_kind,
    value::{set, set_or_none, set_tags, switch, tag},
};
use crate::fault::Fault;

#[derive(Debug, Args)]
#[command(next_help_heading = "The table [default of each: as it was]")]
pub(crate) struct Dynamodb {
    /// Its name; no table may have it
    #[arg(long, visible_alias = "id", value_name = "NAME")]
    name: Option<String>,
    /// Whether its capacity is provisioned
    #[arg(long, value_name = "HOW", value_parser = ["PROVISIONED", "PAY_PER_REQUEST"], ignore_case = true)]
    billing: Option<String>,
    /// Units of reading a second, when provisioned
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    read_units: Option<i64>,
    /// Units of writing a second, when provisioned
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    write_units: Option<i64>,
    /// The key that it is encrypted with
    #[arg(long, value_name = "KEY")]
    kms_key: Option<String>,
    /// Encrypted with AWS's own key
    #[arg(long, conflicts_with = "kms_key")]
    no_kms_key: bool,
    /// Whether it is kept from being deleted
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    deletion_protection: Option<bool>,
    /// A tag, instead of those that it had. May be given often
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// Without its tags
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
}

impl Flags for Dynamodb {
    const KIND: RecoveryKind = RecoveryKind::Dynamodb;

    fn change(&self, wanted: &mut Wanted) -> Result<(), Fault> {
        let Wanted::Dynamodb(plan) = wanted else { return Err(of_another_kind()) };
        set(&mut plan.name, self.name.as_ref());
        set(&mut plan.billing, self.billing.as_ref().map(|word| word.to_uppercase()).as_ref());
        set(&mut plan.read_units, self.read_units.as_ref());
        set(&mut plan.write_units, self.write_units.as_ref());
        set_or_none(&mut plan.kms_key, self.kms_key.as_ref(), self.no_kms_key);
        set(&mut plan.deletion_protection, self.deletion_protection.as_ref());
        set_tags(&mut plan.tags, &self.tags, self.no_tags);
        Ok(())
    }
}
