//! Tables.

use super::{
    Findings, Subject,
    managed::{self, Check, Works, fitting, own_tags},
};
use crate::{
    id::Region,
    kind::Kind,
    origin::{Origin, TableOrigin},
    recovery::{
        facts::{Facts, Question},
        plan::TablePlan,
        work::{Action, MadeKind, Ref, Work},
    },
    unit::UnitKind,
};

const UNIT: UnitKind = UnitKind::DynamodbBackup;

const PROVISIONED: &str = "PROVISIONED";
const ON_DEMAND: &str = "PAY_PER_REQUEST";

fn origin(subject: &Subject) -> Option<&TableOrigin> {
    match &subject.origin {
        Some(Origin::Dynamodb(origin)) => Some(origin),
        _ => None,
    }
}

pub(super) fn fill(wanted: &mut TablePlan, subject: &Subject) {
    wanted.name.get_or_insert_with(|| subject.source.id().to_owned());
    let Some(origin) = origin(subject) else { return };
    wanted.billing = wanted.billing.take().or_else(|| origin.billing.clone());
    if wanted.billing.as_deref() == Some(PROVISIONED) {
        wanted.read_units = wanted.read_units.or(origin.read_units);
        wanted.write_units = wanted.write_units.or(origin.write_units);
    }
    // Empty: AWS's own key.
    wanted.kms_key = wanted.kms_key.take().or_else(|| Some(origin.kms_key.clone().unwrap_or_default()));
    wanted.deletion_protection = wanted.deletion_protection.or(Some(origin.deletion_protection));
    wanted.tags = wanted.tags.take().or_else(|| Some(own_tags(&origin.tags)));
}

pub(super) fn questions(wanted: &TablePlan, subject: &Subject) -> Vec<Question> {
    let mut questions = Vec::new();
    managed::ask_name(&mut questions, Kind::Dynamodb, wanted.name.as_deref(), subject, Question::Table);
    questions.extend(managed::unit(subject, UNIT).map(|(_, id)| Question::TableBackup(id.clone())));
    questions.extend(managed::some(wanted.kms_key.as_ref()).map(Question::Key));
    questions.extend(origin(subject).and_then(|origin| origin.kms_key.clone()).map(Question::Key));
    questions
}

pub(super) fn check(wanted: &TablePlan, subject: &Subject, facts: &Facts, findings: &mut Findings) {
    let mut check = Check { at: "dynamodb", subject, facts, findings };
    if let Some(account) = &subject.shared_with {
        check.findings.problem(
            "account",
            format!("AWS shares no backup of a table, and none can be restored in {account}"),
            "recover into the account of the backup, and bring the table over by an export to S3 and an import",
        );
    }
    let key = origin(subject).and_then(|origin| origin.kms_key.as_ref());
    let fact = check.snapshot(UNIT);
    // That a backup is encrypted AWS does not say: the table's key is its key.
    check.snapshot_key(None, key.filter(|_| fact.is_some()));
    check.kms_key("kms_key", wanted.kms_key.as_ref(), key);
    check.name("name", Kind::Dynamodb, wanted.name.as_deref(), Question::Table);
    billing(&mut check, wanted);
    check.tags(wanted.tags.as_ref());
}

fn billing(check: &mut Check<'_>, wanted: &TablePlan) {
    let units = [("read_units", wanted.read_units), ("write_units", wanted.write_units)];
    match wanted.billing.as_deref() {
        Some(PROVISIONED) => {
            for (field, units) in units {
                match units {
                    Some(1..) => {}
                    Some(units) => {
                        check.problem(field, format!("{units} units a second are none"), "write 1 or more");
                    }
                    None => check.problem(field, "a provisioned table needs its units a second", "write 1 or more"),
                }
            }
        }
        Some(ON_DEMAND) | None => {
            for (field, _) in units.iter().filter(|(_, units)| units.is_some()) {
                let message = "only a provisioned table has units a second";
                check.problem(field, message, format!("leave it out, or write `billing: {PROVISIONED}`"));
            }
        }
        Some(other) => {
            let advice = format!("write `{PROVISIONED}` or `{ON_DEMAND}`");
            check.problem("billing", format!("`{other}` is no way to pay for a table"), advice);
        }
    }
}

pub(super) fn works(wanted: &TablePlan, region: &Region, subject: &Subject) -> Vec<Work> {
    let Some((_, unit)) = managed::unit(subject, UNIT) else { return Vec::new() };
    let tags = fitting(wanted.tags.as_ref());
    let plan = TablePlan { deletion_protection: Some(false), tags: Some(tags.clone()), ..wanted.clone() };
    let mut works = Works::new(region);
    let restore = Action::RestoreTable { backup: unit.to_string(), plan };
    let table = works.add(&[], Some(unit), restore);
    // A restored table has no tags at all, not even the suite's.
    let tagged = works.add(&[table], None, Action::TagTable { table: Ref::Work(table), tags });
    works.protect(wanted.deletion_protection, &[table, tagged], MadeKind::Table, table);
    works.into_all()
}

#[cfg(test)]
mod tests;
