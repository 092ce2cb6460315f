//! Plan: gathers what a recovery is made of, fills the plan in, and holds it against AWS. Nothing is made.

use std::collections::BTreeSet;

use cpm_domain::{
    account::Account,
    aws::AwsError,
    backup::{Backup, Phase},
    id::UnitId,
    name::OwnerName,
    recovery::{
        facts::{Facts, Question},
        making::{self, Findings, Subject},
        plan::{Checked, Plan},
    },
    unit::{Unit, UnitKind, UnitSet, UnitState},
};
use cpm_ports::{Access, Place};
use futures::future::join_all;

use super::{FUNCTION, Steps, access};
use crate::Result;

/// What a plan is about.
pub(super) struct Gathered {
    pub(super) subject: Subject,
    /// The account that was backed up.
    source: Account,
    /// The account that it goes to.
    target: Account,
}

/// What came of holding a plan against AWS.
pub(super) struct Looked {
    pub(super) checked: Checked,
    /// What AWS refused to tell.
    pub(super) refusals: Vec<AwsError>,
}

impl Steps<'_> {
    /// Fills a plan in and holds it against AWS. All that is wrong is said at once.
    pub async fn plan(&self, owner: &OwnerName, plan: &Plan) -> Result<Checked> {
        Ok(self.look_over(owner, plan).await?.checked)
    }

    pub(super) async fn look_over(&self, owner: &OwnerName, plan: &Plan) -> Result<Looked> {
        let (mut plan, mut findings) = (plan.clone(), Findings::default());
        let Some(gathered) = self.gather(owner, &mut plan, &mut findings).await? else {
            return Ok(Looked { checked: checked(plan, findings), refusals: Vec::new() });
        };
        let subject = &gathered.subject;
        making::fill(&mut plan, subject);
        let questions = making::questions(&plan, subject);
        let (asked, role) =
            futures::join!(self.facts(&gathered, &plan, questions), self.check_role(&gathered, &plan));
        let (facts, mut refusals) = asked;
        match role {
            Ok(problem) => findings.problems.extend(problem),
            Err(error) => refusals.push((target_place(&gathered, &plan), error)),
        }
        for (place, error) in &refusals {
            refused(&mut findings, place, error);
        }
        // What could not be asked would all seem to be missing.
        if refusals.is_empty() {
            making::settle(&mut plan, subject, &facts);
            let found = making::check(&plan, subject, &facts);
            findings.problems.extend(found.problems);
            findings.warnings.extend(found.warnings);
        }
        let refusals = refusals.into_iter().map(|(_, error)| error).collect();
        Ok(Looked { checked: checked(plan, findings), refusals })
    }

    /// Finds what the plan speaks of; none when that is not there, and `findings` say why.
    pub(super) async fn gather(
        &self,
        owner: &OwnerName,
        plan: &mut Plan,
        findings: &mut Findings,
    ) -> Result<Option<Gathered>> {
        let Some(backup) = self.store.backup(owner, plan.backup).await? else {
            let message = format!("there is no backup {}", plan.backup);
            findings.problem("backup", message, "list what there is with `cpm backup list`");
            return Ok(None);
        };
        if !is_recoverable(&backup, findings) {
            return Ok(None);
        }
        let name = plan.account.get_or_insert_with(|| backup.account.clone()).clone();
        let (sets, origins, images, source, target) = futures::try_join!(
            self.store.sets(owner, backup.id),
            self.store.origins(owner, backup.id),
            self.store.images(owner),
            self.store.account(owner, &backup.account),
            self.store.account(owner, &name),
        )?;
        if target.is_none() {
            let advice = "write one that `cpm account list` shows, or put it into a policy file first";
            findings.problem("account", format!("there is no account `{name}`"), advice);
        }
        if source.is_none() {
            let message = format!("the account `{}` of the backup is no longer there", backup.account);
            findings.problem("backup", message, "put the account back: the suite gets at its snapshots by its role");
        }
        let of_source = of_source(plan, &sets, findings);
        let (Some(target), Some(source), Some(of_source)) = (target, source, of_source) else { return Ok(None) };
        let Some(first) = of_source.first() else { return Ok(None) };
        let (region, resource) = (first.region.clone(), first.target.clone());
        let units = of_source.iter().filter(|set| !set.is_initial_image()).flat_map(|set| &set.units);
        let units: Vec<Unit> = units.filter(|unit| is_there(unit)).cloned().collect();
        let initial = images.iter().find(|image| image.account == backup.account && image.is_of(&source.name, first));
        let origin = origins.into_iter().find(|origin| origin.region == region && origin.resource == resource);
        let shared_with = self.shared_with(&source, &target);
        let subject = Subject {
            backup: backup.id,
            initial_image: initial.and_then(|image| image.current.as_ref()).map(|image| Unit {
                id: Some(image.id.clone()),
                parts: image.parts.clone(),
                state: UnitState::Completed,
                started: Some(image.made),
                ..Unit::planned(UnitKind::Ami, resource.clone())
            }),
            source: resource,
            region,
            origin: origin.map(|origin| origin.origin),
            units,
            shared_by: shared_with.as_ref().map(|_| source.number().unwrap_or(self.own).to_string()),
            shared_with,
        };
        if subject.units.is_empty() && subject.initial_image.is_none() {
            let message = format!("backup {} holds nothing of {}", backup.id, subject.source.id());
            findings.problem("source", message, "see why with `cpm backup show`, and take another backup");
            return Ok(None);
        }
        Ok(Some(Gathered { subject, source, target }))
    }

    /// The number of the account that units are shared with: that of `target`, when it is another than that of `source`.
    fn shared_with(&self, source: &Account, target: &Account) -> Option<String> {
        let number = |account: &Account| account.number().unwrap_or(self.own).to_string();
        Some(number(target)).filter(|target| *target != number(source))
    }

    /// Asks all services at once: of the account that it goes to and, of what is not shared with it yet, of the one that
    /// was backed up.
    pub(super) async fn facts(
        &self,
        gathered: &Gathered,
        plan: &Plan,
        questions: Vec<Question>,
    ) -> (Facts, Vec<(Place, AwsError)>) {
        let shared = gathered.subject.shared_with.is_some();
        let (at_source, at_target): (Vec<_>, Vec<_>) =
            questions.into_iter().partition(|question| shared && is_of_units(question, &gathered.subject));
        let source =
            Place { access: Access::for_recovery(&gathered.source), region: gathered.subject.region.clone() };
        let places = [(target_place(gathered, plan), at_target), (source, at_source)];
        let asked = places.iter().filter(|(_, questions)| !questions.is_empty()).flat_map(|(place, questions)| {
            self.restorers.iter().map(move |restorer| async move { (place, restorer.ask(place, questions).await) })
        });
        let (mut facts, mut refusals) = (Facts::default(), Vec::new());
        for (place, answer) in join_all(asked).await {
            match answer {
                Ok(answer) => facts.merge(answer),
                Err(error) => refusals.push((place.clone(), error)),
            }
        }
        (facts, refusals)
    }

    /// Whether a role of the plan's own is of the account that it goes to (§9.1).
    async fn check_role(
        &self,
        gathered: &Gathered,
        plan: &Plan,
    ) -> std::result::Result<Option<cpm_domain::recovery::plan::PlanProblem>, AwsError> {
        let Some(role) = &plan.role else { return Ok(None) };
        let problem = |message: String, advice: &str| {
            let mut findings = Findings::default();
            findings.problem("role.arn", message, advice);
            Ok(findings.problems.pop())
        };
        let number = gathered.target.number().unwrap_or(self.own).as_str();
        let Some((account, _)) = role.parts() else {
            let advice = "write it as `arn:aws:iam::111122223333:role/name`";
            return problem(format!("`{}` is not the ARN of a role", role.arn), advice);
        };
        let advice = "write a role of that account, or another `account`";
        if account != number {
            let message = format!("the role is of account {account}, and `{}` is {number}", gathered.target.name);
            return problem(message, advice);
        }
        match self.identity.account(&target_place(gathered, plan)).await? {
            is if is == number => Ok(None),
            is => {
                problem(format!("the role leads to account {is}, and `{}` is {number}", gathered.target.name), advice)
            }
        }
    }
}

fn checked(plan: Plan, findings: Findings) -> Checked {
    Checked { plan, problems: findings.problems, warnings: findings.warnings }
}

pub(super) fn target_place(gathered: &Gathered, plan: &Plan) -> Place {
    let region = plan.region.clone().unwrap_or_else(|| gathered.subject.region.clone());
    Place { access: access(plan.role.as_ref(), &gathered.target), region }
}

fn refused(findings: &mut Findings, place: &Place, error: &AwsError) {
    let fault = error.to_fault(&place.access.whom(FUNCTION));
    let advice = fault.advice.unwrap_or_else(|| "see AWS's words, and plan again".to_owned());
    let field = if error.action == "sts:AssumeRole" { "role" } else { "account" };
    let message = format!("AWS would not say how it is there: {}: {}", fault.code, fault.message);
    findings.problem(field, message, advice);
}

fn is_recoverable(backup: &Backup, findings: &mut Findings) -> bool {
    let id = backup.id;
    let (message, advice) = match backup.phase {
        Phase::Finished => return true,
        Phase::Planned | Phase::Asked => {
            (format!("backup {id} is still running"), format!("wait for it with `cpm backup show {id}`"))
        }
        Phase::Deleting | Phase::Deleted => (
            format!("backup {id} is deleted or being deleted"),
            format!("take another of `cpm backup list --policy {}`", backup.policy),
        ),
    };
    findings.problem("backup", message, advice);
    false
}

fn is_there(unit: &Unit) -> bool {
    unit.id.is_some() && unit.state == UnitState::Completed
}

/// Where and what a set is of.
fn key(set: &UnitSet) -> (&str, &str) {
    (set.region.as_str(), set.target.id())
}

/// The sets of the target that is wanted: the one that is named, or the only one.
fn of_source<'a>(plan: &Plan, sets: &'a [UnitSet], findings: &mut Findings) -> Option<Vec<&'a UnitSet>> {
    let kind = plan.wanted.kind();
    let of_kind: Vec<&UnitSet> = sets.iter().filter(|set| kind.sources().contains(&set.target.kind())).collect();
    let is_named = |set: &&&UnitSet| plan.source.as_ref().is_none_or(|source| *source == set.target.id());
    let named: Vec<&UnitSet> = of_kind.iter().filter(is_named).copied().collect();
    let mut targets: BTreeSet<(&str, &str)> = named.iter().map(|set| key(set)).collect();
    // Tables and databases of one name may be in several Regions.
    if let Some(region) = plan.region.as_ref().filter(|_| targets.len() > 1) {
        targets.retain(|(of, _)| *of == region.as_str());
    }
    let all: BTreeSet<(&str, &str)> = of_kind.iter().map(|set| key(set)).collect();
    let all: Vec<String> = all.iter().map(|(region, id)| format!("{id} ({region})")).collect();
    let (message, advice) = match (targets.len(), all.is_empty()) {
        (1, _) => {
            let is_wanted = |set: &&UnitSet| targets.contains(&key(set));
            return Some(named.into_iter().filter(is_wanted).collect());
        }
        (_, true) => (
            format!("backup {} has nothing that could become this: {kind}", plan.backup),
            format!("see what is in it with `cpm recover show {}`", plan.backup),
        ),
        (0, false) => {
            let source = plan.source.as_deref().unwrap_or_default();
            let region = plan.region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
            (format!("backup {} has no {source}{region}", plan.backup), format!("it has {}", all.join(", ")))
        }
        _ => (
            "which one is not said".to_owned(),
            format!("write `source` and, if need be, `region`: {}", all.join(", ")),
        ),
    };
    findings.problem("source", message, advice);
    None
}

/// Whether a question is about something of the backup, which only its own account sees before it is shared.
fn is_of_units(question: &Question, subject: &Subject) -> bool {
    let units = || subject.units.iter().chain(&subject.initial_image);
    let has = |id: &str| {
        let is = |unit: &Unit| unit.id.as_ref().is_some_and(|unit| unit.as_str() == id);
        units().any(|unit| is(unit) || unit.parts.iter().any(|part| part.as_str() == id))
    };
    let unit = |id: &UnitId| has(id.as_str());
    match question {
        Question::Snapshot(id) => has(id.as_str()),
        Question::Image(id) => has(id),
        Question::DatabaseSnapshot(id)
        | Question::ClusterSnapshot(id)
        | Question::WarehouseSnapshot(id)
        | Question::TableBackup(id) => unit(id),
        _ => false,
    }
}

/// Whether works are made of the answer: the rest was only checked.
pub(super) fn makes_works(question: &Question) -> bool {
    matches!(
        question,
        Question::Snapshot(_)
            | Question::Image(_)
            | Question::Instance(_)
            | Question::ElasticIp(_)
            | Question::DatabaseSnapshot(_)
            | Question::ClusterSnapshot(_)
            | Question::WarehouseSnapshot(_)
            | Question::TableBackup(_)
    )
}
