//! What is wanted of a recovery: a file that people write, edit and run.
//!
//! Every field may be left out: the source as it was says what it is then. `fill` of each kind writes all of them down,
//! and that is what `--plan` prints. An empty text or list means "none", where the source had one.

mod ec2;
mod managed;

use serde::{Deserialize, Serialize};

pub use self::{
    ec2::{AttachBehavior, ImageHandling, InstancePlan, LaunchFrom, ShutdownBehavior, VolumePlan, VolumesPlan},
    managed::{ClusterPlan, DatabasePlan, MemberPlan, TablePlan, WarehousePlan},
};
use crate::{
    id::{BackupId, Region},
    kind::Kind,
    name::AccountName,
    recovery::{AdHocRole, OnFailure},
};

/// A recovery that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Plan {
    /// Of which backup.
    pub backup: BackupId,
    /// Which of its targets, by id; may be left out when only one fits. Of volumes: the instance that they were attached
    /// to, or the volume alone.
    pub source: Option<String>,
    /// Into which account; the one that was backed up when left out.
    pub account: Option<AccountName>,
    /// Into which Region; the one of the backup when left out.
    pub region: Option<Region>,
    /// By which role, instead of the account's own for recoveries.
    pub role: Option<AdHocRole>,
    /// What becomes of what was made when something fails.
    pub on_failure: OnFailure,
    /// What is made.
    pub wanted: Wanted,
}

impl Plan {
    /// Nothing but defaults.
    pub fn new(backup: BackupId, kind: RecoveryKind) -> Self {
        Self {
            backup,
            source: None,
            account: None,
            region: None,
            role: None,
            on_failure: OnFailure::Keep,
            wanted: Wanted::new(kind),
        }
    }
}

/// A plan as it is written: one of the fields for what is made is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Form {
    backup: BackupId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<AdHocRole>,
    #[serde(default)]
    on_failure: OnFailure,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<Box<InstancePlan>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    volumes: Option<VolumesPlan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rds: Option<Box<DatabasePlan>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aurora: Option<Box<ClusterPlan>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redshift: Option<Box<WarehousePlan>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dynamodb: Option<TablePlan>,
}

/// Why a file is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} of `instance`, `volumes`, `rds`, `aurora`, `redshift`, `dynamodb` are there: write one, `{{}}` for nothing but defaults"
)]
pub struct NotOne(usize);

impl TryFrom<Form> for Plan {
    type Error = NotOne;

    fn try_from(form: Form) -> Result<Self, NotOne> {
        let mut wanted: Vec<Wanted> = [
            form.instance.map(Wanted::Instance),
            form.volumes.map(Wanted::Volumes),
            form.rds.map(Wanted::Rds),
            form.aurora.map(Wanted::Aurora),
            form.redshift.map(Wanted::Redshift),
            form.dynamodb.map(Wanted::Dynamodb),
        ]
        .into_iter()
        .flatten()
        .collect();
        let count = wanted.len();
        match (wanted.pop(), count) {
            (Some(wanted), 1) => Ok(Self {
                backup: form.backup,
                source: form.source,
                account: form.account,
                region: form.region,
                role: form.role,
                on_failure: form.on_failure,
                wanted,
            }),
            _ => Err(NotOne(count)),
        }
    }
}

/// Described as it is written.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Plan {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Form::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Plan {
    fn name() -> std::borrow::Cow<'static, str> {
        "RecoveryPlan".into()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        Form::schemas(schemas);
    }
}

impl From<Plan> for Form {
    fn from(plan: Plan) -> Self {
        let mut form = Self {
            backup: plan.backup,
            source: plan.source,
            account: plan.account,
            region: plan.region,
            role: plan.role,
            on_failure: plan.on_failure,
            instance: None,
            volumes: None,
            rds: None,
            aurora: None,
            redshift: None,
            dynamodb: None,
        };
        match plan.wanted {
            Wanted::Instance(wanted) => form.instance = Some(wanted),
            Wanted::Volumes(wanted) => form.volumes = Some(wanted),
            Wanted::Rds(wanted) => form.rds = Some(wanted),
            Wanted::Aurora(wanted) => form.aurora = Some(wanted),
            Wanted::Redshift(wanted) => form.redshift = Some(wanted),
            Wanted::Dynamodb(wanted) => form.dynamodb = Some(wanted),
        }
        form
    }
}

/// What a recovery makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// An instance with its volumes.
    Instance(Box<InstancePlan>),
    /// Volumes, attached or not.
    Volumes(VolumesPlan),
    /// A database.
    Rds(Box<DatabasePlan>),
    /// A cluster with its members.
    Aurora(Box<ClusterPlan>),
    /// A Redshift cluster.
    Redshift(Box<WarehousePlan>),
    /// A table.
    Dynamodb(TablePlan),
}

/// What is made, in one word: what `cpm recover` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryKind {
    /// An instance.
    Instance,
    /// Volumes.
    Volumes,
    /// A database.
    Rds,
    /// An Aurora cluster.
    Aurora,
    /// A Redshift cluster.
    Redshift,
    /// A table.
    Dynamodb,
}

impl RecoveryKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Instance, Self::Volumes, Self::Rds, Self::Aurora, Self::Redshift, Self::Dynamodb];

    /// As written in answers and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Volumes => "volumes",
            Self::Rds => "rds",
            Self::Aurora => "aurora",
            Self::Redshift => "redshift",
            Self::Dynamodb => "dynamodb",
        }
    }

    /// The kinds of targets that it is recovered from.
    pub const fn sources(self) -> &'static [Kind] {
        match self {
            Self::Instance => &[Kind::Instance],
            Self::Volumes => &[Kind::Instance, Kind::Volume],
            Self::Rds => &[Kind::Rds],
            Self::Aurora => &[Kind::Aurora],
            Self::Redshift => &[Kind::Redshift],
            Self::Dynamodb => &[Kind::Dynamodb],
        }
    }
}

impl std::fmt::Display for RecoveryKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Wanted {
    /// What it is, in one word.
    pub const fn kind(&self) -> RecoveryKind {
        match self {
            Self::Instance(_) => RecoveryKind::Instance,
            Self::Volumes(_) => RecoveryKind::Volumes,
            Self::Rds(_) => RecoveryKind::Rds,
            Self::Aurora(_) => RecoveryKind::Aurora,
            Self::Redshift(_) => RecoveryKind::Redshift,
            Self::Dynamodb(_) => RecoveryKind::Dynamodb,
        }
    }

    /// Nothing but defaults.
    pub fn new(kind: RecoveryKind) -> Self {
        match kind {
            RecoveryKind::Instance => Self::Instance(Box::default()),
            RecoveryKind::Volumes => Self::Volumes(VolumesPlan::default()),
            RecoveryKind::Rds => Self::Rds(Box::default()),
            RecoveryKind::Aurora => Self::Aurora(Box::default()),
            RecoveryKind::Redshift => Self::Redshift(Box::default()),
            RecoveryKind::Dynamodb => Self::Dynamodb(TablePlan::default()),
        }
    }
}

/// What is wrong with a plan, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanProblem {
    /// The field, as in the file: `instance.volumes[2].size`.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to write, or to do.
    pub advice: String,
}

impl std::fmt::Display for PlanProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{} ({})", self.message, self.advice)
    }
}

/// A plan that was held against AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = CheckedPlan))]
pub struct Checked {
    /// The plan with every default filled in, as far as that could be done.
    pub plan: Plan,
    /// All that is wrong with it; none: it can be run.
    pub problems: Vec<PlanProblem>,
    /// What is worth knowing before it runs.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"{"backup": 7, "instance": {}}"#, RecoveryKind::Instance)]
    #[case(r#"{"backup": 7, "dynamodb": {"name": "b"}}"#, RecoveryKind::Dynamodb)]
    fn a_plan_reads_back(#[case] text: &str, #[case] kind: RecoveryKind) {
        let plan: Plan = serde_json::from_str(text).unwrap();
        assert_eq!(plan.wanted.kind(), kind);
        let again: Plan = serde_json::from_value(serde_json::to_value(&plan).unwrap()).unwrap();
        assert_eq!(again, plan);
    }

    #[rstest]
    #[case(r#"{"backup": 7}"#, "0 of `instance`")]
    #[case(r#"{"backup": 7, "instance": {}, "volumes": {}}"#, "2 of `instance`")]
    #[case(r#"{"backup": 7, "instance": {"typ": "x"}}"#, "unknown field `typ`")]
    fn what_is_no_plan_is_told(#[case] text: &str, #[case] message: &str) {
        let error = serde_json::from_str::<Plan>(text).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
