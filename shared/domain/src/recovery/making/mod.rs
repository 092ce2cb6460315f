//! How a plan becomes calls, kind by kind: filled in, held against AWS, taken apart into works.
//!
//! 1. [`fill`] writes down what the plan leaves out, from the source as it was.
//! 2. [`questions`] says what has to be asked of AWS.
//! 3. [`settle`] fills in what only AWS knows, such as the zone of a subnet.
//! 4. [`check`] names all that is wrong, at once.
//! 5. [`works`] takes it apart.

mod aurora;
mod dynamodb;
mod ebs;
mod instance;
mod managed;
mod rds;
mod redshift;
mod tags;
mod volumes;
mod works;

use crate::{
    id::{BackupId, Region},
    kind::Resource,
    origin::Origin,
    recovery::{
        RecoveryId,
        facts::{Facts, Question},
        plan::{Plan, PlanProblem, Wanted},
        work::Work,
    },
    unit::Unit,
};

/// What a recovery is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// The backup.
    pub backup: BackupId,
    /// The target of the backup.
    pub source: Resource,
    /// Where its units are.
    pub region: Region,
    /// How it was; none: that is not on record.
    pub origin: Option<Origin>,
    /// Its units that AWS made and that are not deleted.
    pub units: Vec<Unit>,
    /// Of an instance: its initial image, if there is one.
    pub initial_image: Option<Unit>,
    /// The number of the account that it goes to, when that is another than the backup's: units are shared with it.
    pub shared_with: Option<String>,
    /// The number of the account of the backup, when that is another than where it goes to: shared snapshots of databases
    /// are known by their ARN only.
    pub shared_by: Option<String>,
}

/// What was found out about a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// All that is wrong.
    pub problems: Vec<PlanProblem>,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

impl Findings {
    /// Adds what is wrong with a field.
    pub fn problem(&mut self, field: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) {
        self.problems.push(PlanProblem { field: field.into(), message: message.into(), advice: advice.into() });
    }

    /// Adds what is worth knowing.
    pub fn warning(&mut self, message: impl Into<String>) {
        self.warnings.push(message.into());
    }
}

/// Writes down what the plan leaves out, from the source as it was.
pub fn fill(plan: &mut Plan, subject: &Subject) {
    plan.source.get_or_insert_with(|| subject.source.id().to_owned());
    plan.region.get_or_insert_with(|| subject.region.clone());
    match &mut plan.wanted {
        Wanted::Instance(wanted) => instance::fill(wanted, subject),
        Wanted::Volumes(wanted) => volumes::fill(wanted, subject),
        Wanted::Rds(wanted) => rds::fill(wanted, subject),
        Wanted::Aurora(wanted) => aurora::fill(wanted, subject),
        Wanted::Redshift(wanted) => redshift::fill(wanted, subject),
        Wanted::Dynamodb(wanted) => dynamodb::fill(wanted, subject),
    }
}

/// What has to be asked of AWS, of a plan that is filled in.
pub fn questions(plan: &Plan, subject: &Subject) -> Vec<Question> {
    let mut questions = match &plan.wanted {
        Wanted::Instance(wanted) => instance::questions(wanted, subject),
        Wanted::Volumes(wanted) => volumes::questions(wanted, subject),
        Wanted::Rds(wanted) => rds::questions(wanted, subject),
        Wanted::Aurora(wanted) => aurora::questions(wanted, subject),
        Wanted::Redshift(wanted) => redshift::questions(wanted, subject),
        Wanted::Dynamodb(wanted) => dynamodb::questions(wanted, subject),
    };
    questions.sort();
    questions.dedup();
    questions
}

/// Fills in what only AWS knows.
pub fn settle(plan: &mut Plan, subject: &Subject, facts: &Facts) {
    match &mut plan.wanted {
        Wanted::Instance(wanted) => instance::settle(wanted, subject, facts),
        Wanted::Volumes(wanted) => volumes::settle(wanted, subject, facts),
        Wanted::Rds(_) | Wanted::Aurora(_) | Wanted::Redshift(_) | Wanted::Dynamodb(_) => {}
    }
}

/// Names all that is wrong, at once.
pub fn check(plan: &Plan, subject: &Subject, facts: &Facts) -> Findings {
    let mut findings = Findings::default();
    check_region(plan, subject, &mut findings);
    match &plan.wanted {
        Wanted::Instance(wanted) => instance::check(wanted, subject, facts, &mut findings),
        Wanted::Volumes(wanted) => volumes::check(wanted, subject, facts, &mut findings),
        Wanted::Rds(wanted) => rds::check(wanted, subject, facts, &mut findings),
        Wanted::Aurora(wanted) => aurora::check(wanted, subject, facts, &mut findings),
        Wanted::Redshift(wanted) => redshift::check(wanted, subject, facts, &mut findings),
        Wanted::Dynamodb(wanted) => dynamodb::check(wanted, subject, facts, &mut findings),
    }
    findings
}

/// AWS makes things in the Region of what they are made of.
fn check_region(plan: &Plan, subject: &Subject, findings: &mut Findings) {
    let there = &subject.region;
    let Some(region) = plan.region.as_ref().filter(|region| *region != there) else { return };
    findings.problem(
        "region",
        format!(
            "what backup {} has of {} is in {there}, and nothing is made of it in {region}",
            subject.backup,
            subject.source.id()
        ),
        format!("leave `region` out, or recover from a backup that has a DR copy in {region}"),
    );
}

/// Takes a plan that has no problem apart into calls. The same plan gives the same works.
pub fn works(id: RecoveryId, plan: &Plan, subject: &Subject, facts: &Facts) -> Vec<Work> {
    let region = plan.region.as_ref().unwrap_or(&subject.region);
    match &plan.wanted {
        Wanted::Instance(wanted) => instance::works(id, wanted, region, subject, facts),
        Wanted::Volumes(wanted) => volumes::works(wanted, region, subject, facts),
        Wanted::Rds(wanted) => rds::works(wanted, region, subject),
        Wanted::Aurora(wanted) => aurora::works(wanted, region, subject, facts),
        Wanted::Redshift(wanted) => redshift::works(wanted, region, subject),
        Wanted::Dynamodb(wanted) => dynamodb::works(wanted, region, subject),
    }
}
