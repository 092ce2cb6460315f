//! Of an Aurora cluster (§9.5).

use clap::Args;
use cpm_domain::recovery::plan::{MemberPlan, RecoveryKind, Wanted};

use super::{
    Flags, of_another_kind,
    value::{number, pairs, set, set_list, set_tags, switch, tag, yes_or_no},
};
use crate::fault::Fault;

#[derive(Debug, Args)]
#[command(next_help_heading = "The cluster [default of each: as it was]")]
pub(crate) struct Aurora {
    /// Its identifier; no cluster may have it
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// A member, the writer first, instead of those that it had. Keys: class, zone, public (yes, no), parameter-group,
    /// promotion-tier. May be given often
    #[arg(long = "member", value_name = "ID:KEY=VALUE,…", value_parser = member)]
    members: Vec<MemberPlan>,
    /// The cluster alone, without members
    #[arg(long, conflicts_with = "members")]
    no_members: bool,
    /// Its port
    #[arg(long, value_name = "NUMBER")]
    port: Option<u16>,
    /// One of its availability zones. May be given often
    #[arg(long = "zone", value_name = "ZONE")]
    zones: Vec<String>,
    /// Its subnet group
    #[arg(long, value_name = "NAME")]
    subnet_group: Option<String>,
    /// A security group, by its id. May be given often
    #[arg(long = "security-group", value_name = "GROUP")]
    security_groups: Vec<String>,
    /// Its parameter group
    #[arg(long, value_name = "NAME")]
    parameter_group: Option<String>,
    /// The key that it is encrypted with
    #[arg(long, value_name = "KEY")]
    kms_key: Option<String>,
    /// Whether it is kept from being deleted
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    deletion_protection: Option<bool>,
    /// Whether people are let in by IAM
    #[arg(long, value_name = "yes|no", value_parser = switch(), hide_possible_values = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    iam_authentication: Option<bool>,
    /// A tag, instead of those that it had. May be given often
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// Without its tags
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
}

const MEMBER_KEYS: [&str; 5] = ["class", "zone", "public", "parameter-group", "promotion-tier"];

/// `ID:KEY=VALUE,…`; a member needs its class.
fn member(text: &str) -> Result<MemberPlan, String> {
    let (id, fields) = text.split_once(':').ok_or("write ID:class=CLASS, such as `orders-1:class=db.r6g.large`")?;
    let pairs = pairs(fields, &MEMBER_KEYS)?;
    let text = |key: &str| pairs.get(key).map(|value| (*value).to_owned());
    Ok(MemberPlan {
        id: id.to_owned(),
        class: text("class").ok_or("a member needs its class, such as `class=db.r6g.large`")?,
        zone: text("zone"),
        public: pairs.get("public").map(|value| yes_or_no("public", value)).transpose()?,
        parameter_group: text("parameter-group"),
        promotion_tier: pairs.get("promotion-tier").map(|value| number("promotion-tier", value)).transpose()?,
    })
}

impl Flags for Aurora {
    const KIND: RecoveryKind = RecoveryKind::Aurora;

    fn change(&self, wanted: &mut Wanted) -> Result<(), Fault> {
        let Wanted::Aurora(plan) = wanted else { return Err(of_another_kind()) };
        set(&mut plan.id, self.id.as_ref());
        if self.no_members {
            plan.members = Some(Vec::new());
        }
        set_list(&mut plan.members, &self.members);
        set(&mut plan.port, self.port.map(i32::from).as_ref());
        set_list(&mut plan.zones, &self.zones);
        set(&mut plan.subnet_group, self.subnet_group.as_ref());
        set_list(&mut plan.security_groups, &self.security_groups);
        set(&mut plan.parameter_group, self.parameter_group.as_ref());
        set(&mut plan.kms_key, self.kms_key.as_ref());
        set(&mut plan.deletion_protection, self.deletion_protection.as_ref());
        set(&mut plan.iam_authentication, self.iam_authentication.as_ref());
        set_tags(&mut plan.tags, &self.tags, self.no_tags);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_member_with_all_its_keys() {
        let read = member("db-1:class=db.r6g.large,zone=us-east-1a,public=no,parameter-group=p,promotion-tier=1");
        let whole = MemberPlan {
            id: "db-1".into(),
            class: "db.r6g.large".into(),
            zone: Some("us-east-1a".into()),
            public: Some(false),
            parameter_group: Some("p".into()),
            promotion_tier: Some(1),
        };
        assert_eq!(read, Ok(whole));
    }

    #[rstest]
    #[case("db-1", "write ID:class=CLASS")]
    #[case("db-1:zone=us-east-1a", "a member needs its class")]
    #[case("db-1:clas=x", "write `class`")]
    #[case("db-1:class=x,promotion-tier=first", "is a whole number")]
    fn mistakes_in_members(#[case] text: &str, #[case] said: &str) {
        let error = member(text).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}
