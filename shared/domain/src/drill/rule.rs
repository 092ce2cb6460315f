//! What a policy says of its drills.

use serde::{Deserialize, Serialize};

use crate::{
    id::is_ec2_id,
    kind::Kind,
    name::ScheduleName,
    policy::Wait,
    script::{RefusedScript, Script, ScriptSpec, SsmPlace, SsmScript},
};

/// The most targets of one drill: its record is one item of the table.
pub const MAX_TARGETS: usize = 100;

/// The drills of a policy: its newest generation is restored into a quarantine, checked, and removed again.
///
/// ```
/// use cpm_domain::drill::DrillRule;
///
/// let rule: DrillRule = serde_json::from_str(
///     r#"{"quarantine": {"subnet": "subnet-1a2b3c4d", "security_groups": ["sg-1a2b3c4d"]}}"#,
/// )?;
/// assert_eq!(rule.check(), []);
/// assert_eq!(rule.checks.timeout.to_string(), "10m");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DrillRule {
    /// When drills run by themselves; only when asked for when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleName>,
    /// Where they restore to.
    pub quarantine: Quarantine,
    /// What is looked at.
    #[serde(default, skip_serializing_if = "Checks::is_default")]
    pub checks: Checks,
    /// Which targets of the policy, by id; all of the generation when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
}

/// A place of its own for what drills restore: it must not reach, or be taken for, what runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// The subnet of instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The security groups of instances, databases and clusters, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// The subnet group of databases and Aurora clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_subnet_group: Option<String>,
    /// The subnet group of Redshift clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redshift_subnet_group: Option<String>,
    /// The zone of volumes; that of their source when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// What a drill looks at beside AWS's own checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Runs by Systems Manager: with `each_target` on each instance that the drill made, else on the instance that it names,
    /// once for each target. It succeeds with the exit code 0. Its environment says what there is to check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<ScriptSpec>,
    /// How long all checks of a target may take once it is restored: `1m` to `6h`.
    #[serde(default = "Checks::default_timeout")]
    pub timeout: Wait,
}

impl Checks {
    const LEAST: Wait = Wait::from_seconds(60);
    const MOST: Wait = Wait::from_seconds(6 * 3600);

    fn default_timeout() -> Wait {
        Wait::from_seconds(600)
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Checks {
    fn default() -> Self {
        Self { script: None, timeout: Self::default_timeout() }
    }
}

/// Something wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongRule {
    /// Where, from the rule on: `quarantine.subnet`.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

fn wrong(field: impl Into<String>, message: impl Into<String>, help: &'static str) -> WrongRule {
    WrongRule { field: field.into(), message: message.into(), help }
}

impl DrillRule {
    /// All that is wrong with it.
    pub fn check(&self) -> Vec<WrongRule> {
        let mut all = self.quarantine.check();
        let timeout = self.checks.timeout;
        if timeout < Checks::LEAST || timeout > Checks::MOST {
            let message = format!("it is {timeout}, and checks may take {} to {}", Checks::LEAST, Checks::MOST);
            all.push(wrong("checks.timeout", message, "10m is the default"));
        }
        if let Err(refused) = self.script() {
            all.extend(refused.into_iter().map(|refused| {
                let dot = if refused.field.is_empty() { "" } else { "." };
                wrong(format!("checks.script{dot}{}", refused.field), refused.message, refused.help)
            }));
        }
        for (n, target) in self.targets.iter().enumerate() {
            if target.trim().is_empty() {
                all.push(wrong(format!("targets[{n}]"), "it is empty", "name a target of the policy by its id"));
            } else if self.targets.iter().take(n).any(|other| other == target) {
                all.push(wrong(format!("targets[{n}]"), format!("`{target}` is named twice"), "name it once"));
            }
        }
        if self.targets.len() > MAX_TARGETS {
            let message = format!("they are {}, and a drill restores up to {MAX_TARGETS}", self.targets.len());
            all.push(wrong("targets", message, "name those that matter most"));
        }
        all
    }

    /// Its script as it runs.
    pub fn script(&self) -> Result<Option<SsmScript>, Vec<RefusedScript>> {
        let Some(spec) = &self.checks.script else { return Ok(None) };
        match spec.to_script()? {
            Script::Ssm(script) => Ok(Some(script)),
            Script::Lambda(_) => Err(vec![RefusedScript {
                field: "lambda".to_owned(),
                message: "the script of a drill is one of Systems Manager".to_owned(),
                help: "write `ssm: {…}`",
            }]),
        }
    }

    /// What its quarantine lacks, in words, and the kind that cannot be restored without it.
    pub fn lacking(&self) -> Vec<(&'static str, &'static str, Kind)> {
        let quarantine = &self.quarantine;
        let databases = ("db_subnet_group", "subnet group of databases", quarantine.db_subnet_group.is_some());
        let warehouses =
            ("redshift_subnet_group", "subnet group of Redshift", quarantine.redshift_subnet_group.is_some());
        [
            (("subnet", "subnet", quarantine.subnet.is_some()), Kind::Instance),
            (databases, Kind::Rds),
            (databases, Kind::Aurora),
            (warehouses, Kind::Redshift),
        ]
        .into_iter()
        .filter_map(|((field, what, is_there), kind)| (!is_there).then_some((field, what, kind)))
        .collect()
    }

    /// Where its script runs, if it has one.
    pub fn place_of_script(&self) -> Option<SsmPlace> {
        self.script().ok().flatten().map(|script| script.on)
    }
}

impl Quarantine {
    fn check(&self) -> Vec<WrongRule> {
        let mut all = Vec::new();
        if let Some(subnet) = self.subnet.as_ref().filter(|subnet| !is_ec2_id(subnet, "subnet-")) {
            let message = format!("`{subnet}` is not the id of a subnet");
            all.push(wrong("quarantine.subnet", message, "write one such as `subnet-0123456789abcdef0`"));
        }
        for (n, group) in self.security_groups.iter().enumerate().filter(|(_, group)| !is_ec2_id(group, "sg-")) {
            let message = format!("`{group}` is not the id of a security group");
            let help = "write one such as `sg-0123456789abcdef0`";
            all.push(wrong(format!("quarantine.security_groups[{n}]"), message, help));
        }
        let networked =
            self.subnet.is_some() || self.db_subnet_group.is_some() || self.redshift_subnet_group.is_some();
        if networked && self.security_groups.is_empty() {
            let message = "it names a network and no security group: AWS would take the default one of the VPC";
            all.push(wrong("quarantine.security_groups", message, "name one that lets nothing out that may do harm"));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn places(rule: Value) -> Vec<String> {
        serde_json::from_value::<DrillRule>(rule).unwrap().check().into_iter().map(|wrong| wrong.field).collect()
    }

    #[rstest]
    #[case(json!({"quarantine": {}}), &[])]
    #[case(json!({"quarantine": {"zone": "us-east-1a"}, "targets": ["vol-1a2b3c4d", "orders"]}), &[])]
    #[case(json!({"quarantine": {"subnet": "quarantine"}}), &["quarantine.subnet", "quarantine.security_groups"])]
    #[case(json!({"quarantine": {"subnet": "subnet-1a2b3c4d", "security_groups": ["web"]}}), &["quarantine.security_groups[0]"])]
    #[case(json!({"quarantine": {"db_subnet_group": "quarantine"}}), &["quarantine.security_groups"])]
    #[case(json!({"quarantine": {}, "checks": {"timeout": "10s"}}), &["checks.timeout"])]
    #[case(json!({"quarantine": {}, "checks": {"timeout": "7h"}}), &["checks.timeout"])]
    #[case(json!({"quarantine": {}, "targets": ["a", "", "a"]}), &["targets[1]", "targets[2]"])]
    #[case(json!({"quarantine": {}, "checks": {"script": {"ssm": {"each_target": true}}}}), &["checks.script.ssm"])]
    #[case(
        json!({"quarantine": {}, "checks": {"script": {"lambda": "arn:aws:lambda:us-east-1:111122223333:function:x"}}}),
        &["checks.script.lambda"]
    )]
    fn what_makes_no_sense_is_told_at_its_place(#[case] rule: Value, #[case] expected: &[&str]) {
        assert_eq!(places(rule), expected);
    }

    #[test]
    fn a_rule_is_written_as_short_as_it_can_be() {
        let rule = json!({"quarantine": {"subnet": "subnet-1a2b3c4d", "security_groups": ["sg-1a2b3c4d"]}});
        let read: DrillRule = serde_json::from_value(rule.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), rule);
    }
}
