//! What came out of a drill.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Check, CheckKind, CheckState, Drill, Exercise, ExerciseState, Restored, State};
use crate::{recovery::work::MadeKind, script::SsmPlace, unit::Fault};

/// What a drill measured, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Figures {
    /// The recovery time: from the start of the drill until the last target was usable. Only of one in which all were.
    pub rto: Option<u64>,
    /// The recovery point: how old the generation was when the drill began.
    pub rpo: Option<u64>,
}

pub(super) fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

impl Figures {
    /// Of a drill, as far as it is.
    pub fn of(drill: &Drill) -> Self {
        let usable: Option<Vec<Timestamp>> = drill.targets.iter().map(|target| target.usable).collect();
        let last = usable.and_then(|usable| usable.into_iter().max());
        Self {
            rto: last.map(|last| seconds(drill.started, last)),
            rpo: drill.point.map(|point| seconds(point, drill.started)),
        }
    }
}

/// What is to be looked at of what a recovery made. What AWS has said already has passed.
pub fn checks_of(made: &[Restored], script: Option<&SsmPlace>) -> Vec<Check> {
    let mut checks = Vec::new();
    for made in made {
        let mut known = |what, well: Result<(), &str>| {
            let mut check = Check::open(what, &made.id);
            match well {
                Ok(()) => check.pass(),
                Err(message) => check.fail(message),
            }
            checks.push(check);
        };
        match made.kind {
            MadeKind::Instance => {
                known(CheckKind::Running, Ok(()));
                checks.push(Check::open(CheckKind::StatusChecks, &made.id));
                if script == Some(&SsmPlace::EachTarget) {
                    checks.push(Check::open(CheckKind::Script, &made.id));
                }
            }
            MadeKind::Database | MadeKind::Cluster | MadeKind::Warehouse if made.addresses.is_empty() => {
                known(CheckKind::Available, Err("AWS says that it is available, and names no endpoint of it"));
            }
            MadeKind::Database | MadeKind::Cluster | MadeKind::Warehouse | MadeKind::Volume | MadeKind::Table => {
                known(CheckKind::Available, Ok(()));
            }
            MadeKind::Image => {}
        }
    }
    if let (Some(SsmPlace::Instance { .. }), Some(first)) = (script, main(made)) {
        checks.push(Check::open(CheckKind::Script, &first.id));
    }
    checks
}

/// What a script is told of: the cluster of a cluster with members, else the first.
fn main(made: &[Restored]) -> Option<&Restored> {
    made.iter().find(|made| made.kind == MadeKind::Cluster).or_else(|| made.first())
}

/// Ends a target whose checks are all settled.
pub fn settle(exercise: &mut Exercise, now: Timestamp) {
    if exercise.state != ExerciseState::Checking
        || exercise.checks.iter().any(|check| check.state == CheckState::Open)
    {
        return;
    }
    match exercise.checks.iter().find(|check| check.state == CheckState::Failed) {
        None => {
            exercise.state = ExerciseState::Passed;
            exercise.usable = Some(now);
        }
        Some(check) => {
            let why = check.message.clone().unwrap_or_default();
            let fault =
                Fault::new("CheckFailed", format!("the check `{}` of {} failed: {why}", check.what, check.on));
            exercise.fail(match check.what {
                CheckKind::Script => fault.advise("the end of what the script wrote is in the drill's report"),
                _ => fault,
            });
        }
    }
}

/// The first thing that went wrong, of the drill itself, of a target or of what is left of one.
pub fn fault_of(drill: &Drill) -> Option<&Fault> {
    let of_targets = drill.targets.iter().flat_map(|target| target.error.iter().chain(&target.left));
    drill.errors.iter().chain(of_targets).next()
}

/// Ends a drill: whether it succeeded, and its report.
pub fn close(drill: &mut Drill, now: Timestamp) {
    if drill.errors.is_empty() && drill.targets.is_empty() {
        drill.errors.push(Fault::new("NothingRestored", "nothing was restored"));
    }
    let all_passed = drill.targets.iter().all(|target| target.state == ExerciseState::Passed);
    let is_gone = drill.targets.iter().all(|target| target.cleared);
    drill.state = if all_passed && is_gone && drill.errors.is_empty() { State::Succeeded } else { State::Failed };
    drill.ended = Some(now);
    drill.report = Some(report(drill));
}

/// What came out, for people.
pub fn report(drill: &Drill) -> String {
    let mut text = format!("Drill {} of policy {}: {}\n", drill.id, drill.policy, drill.state);
    let figures = Figures::of(drill);
    let _ = writeln!(text, "Started: {}", instant(drill.started));
    match (drill.backup, drill.point) {
        (Some(backup), Some(point)) => {
            let _ = writeln!(text, "Generation: backup {backup} of {}", instant(point));
        }
        _ => text.push_str("Generation: none\n"),
    }
    if let Some(rpo) = figures.rpo {
        let _ = writeln!(text, "Recovery point: {} before the drill", span(rpo));
    }
    if let Some(rto) = figures.rto {
        let _ = writeln!(text, "Recovery time: {} until all was usable", span(rto));
    }
    for error in &drill.errors {
        let _ = writeln!(text, "Error: {error}");
    }
    for target in &drill.targets {
        write_target(&mut text, target);
    }
    let is_all_gone = drill.targets.iter().all(|target| target.cleared);
    match (drill.targets.is_empty(), is_all_gone) {
        (true, _) => {}
        (false, true) => text.push_str("\nAll that was restored is removed again.\n"),
        (false, false) => text.push_str("\nNot all that was restored could be removed: see what is left above.\n"),
    }
    text
}

fn write_target(text: &mut String, target: &Exercise) {
    let (kind, id, region) = (target.resource.kind(), target.resource.id(), &target.region);
    let _ = write!(text, "\n{kind} {id} in {region}: {}", target.state);
    if let Some(took) = target.took() {
        let _ = write!(text, " after {}", span(took));
    }
    if let Some(recovery) = target.recovery {
        let _ = write!(text, ", by recovery {recovery}");
    }
    text.push('\n');
    for check in &target.checks {
        let _ = write!(text, "  {} of {}: {}", check.what, check.on, check.state.as_str());
        if let Some(message) = &check.message {
            let _ = write!(text, " ({message})");
        }
        text.push('\n');
        for line in check.output.iter().flat_map(|output| output.lines()) {
            let _ = writeln!(text, "    | {line}");
        }
    }
    if let Some(error) = &target.error {
        let _ = writeln!(text, "  error: {error}");
    }
    if let Some(left) = target.left.as_ref().filter(|_| !target.cleared) {
        let ids: Vec<&str> = target.made.iter().map(|made| made.id.as_str()).collect();
        let _ =
            writeln!(text, "  left: {}: {left}", if ids.is_empty() { "unknown".to_owned() } else { ids.join(", ") });
    }
}

fn instant(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Seconds for people: `2 h 5 min`.
fn span(seconds: u64) -> String {
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, minutes) => format!("{minutes} min {rest} s"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        drill::DrillId,
        id::BackupId,
        kind::{Kind, Resource},
        recovery::RecoveryId,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).unwrap()
    }

    fn restored(kind: MadeKind, id: &str, addresses: &[&str]) -> Restored {
        Restored { kind, id: id.into(), addresses: addresses.iter().map(ToString::to_string).collect() }
    }

    fn drill() -> Drill {
        let mut web =
            Exercise::planned(1, "us-east-1".parse().unwrap(), Resource::new(Kind::Instance, "i-0000000a").unwrap());
        web.state = ExerciseState::Checking;
        (web.recovery, web.asked, web.restored) = (Some(RecoveryId(7)), Some(at(2)), Some(at(100)));
        web.made = vec![restored(MadeKind::Instance, "i-0000000b", &["10.9.0.4"])];
        web.checks = checks_of(&web.made, Some(&SsmPlace::EachTarget));
        Drill {
            id: DrillId(5),
            policy: "web".parse().unwrap(),
            account: Some("main".parse().unwrap()),
            state: State::Running,
            backup: Some(BackupId(17)),
            point: Some(at(-7_500)),
            slot: None,
            asked_by: Some("jo".into()),
            started: at(0),
            ended: None,
            targets: vec![web],
            interrupted: false,
            clearing: None,
            errors: vec![],
            report: None,
            execution: "x".into(),
            log: vec![],
            version: 1,
        }
    }

    fn pass_all(drill: &mut Drill) {
        drill.targets.iter_mut().flat_map(|target| &mut target.checks).for_each(Check::pass);
        drill.targets.iter_mut().for_each(|target| settle(target, at(312)));
    }

    #[rstest]
    #[case(&[(MadeKind::Instance, "i-1", true)], None, &["running i-1 passed", "status-checks i-1 open"])]
    #[case(
        &[(MadeKind::Instance, "i-1", true), (MadeKind::Instance, "i-2", true)], Some(SsmPlace::EachTarget),
        &["running i-1 passed", "status-checks i-1 open", "script i-1 open",
          "running i-2 passed", "status-checks i-2 open", "script i-2 open"]
    )]
    #[case(&[(MadeKind::Database, "db", false)], None, &["available db failed"])]
    #[case(&[(MadeKind::Volume, "vol-1", false)], Some(SsmPlace::EachTarget), &["available vol-1 passed"])]
    #[case(
        &[(MadeKind::Database, "c-1", true), (MadeKind::Cluster, "c", true)],
        Some(SsmPlace::Instance { instance: "i-1a2b3c4d".parse().unwrap(), region: "us-east-1".parse().unwrap() }),
        &["available c-1 passed", "available c passed", "script c open"]
    )]
    fn what_is_looked_at(
        #[case] made: &[(MadeKind, &str, bool)],
        #[case] script: Option<SsmPlace>,
        #[case] expected: &[&str],
    ) {
        let made: Vec<Restored> = made
            .iter()
            .map(|(kind, id, reachable)| restored(*kind, id, if *reachable { &["x"] } else { &[] }))
            .collect();
        let checks: Vec<String> = checks_of(&made, script.as_ref())
            .iter()
            .map(|check| format!("{} {} {}", check.what, check.on, check.state.as_str()))
            .collect();
        assert_eq!(checks, expected);
    }

    #[test]
    fn one_that_passed_and_is_gone_succeeded() {
        let mut drill = drill();
        assert_eq!(Figures::of(&drill), Figures { rto: None, rpo: Some(7_500) });
        pass_all(&mut drill);
        drill.targets[0].cleared = true;
        close(&mut drill, at(400));
        assert_eq!(drill.state, State::Succeeded);
        assert_eq!(Figures::of(&drill), Figures { rto: Some(312), rpo: Some(7_500) });
        insta::assert_snapshot!(drill.report.unwrap());
    }

    #[test]
    fn one_that_left_something_failed() {
        let mut drill = drill();
        pass_all(&mut drill);
        drill.targets[0].left = Some(Fault::new("UnauthorizedOperation", "no").advise("allow it"));
        close(&mut drill, at(400));
        assert_eq!(drill.state, State::Failed);
        assert_eq!(fault_of(&drill).unwrap().code, "UnauthorizedOperation");
        insta::assert_snapshot!(drill.report.unwrap());
    }

    #[test]
    fn a_check_that_failed_fails_its_target() {
        let mut drill = drill();
        let target = &mut drill.targets[0];
        target.checks[1].pass();
        settle(target, at(200));
        assert_eq!(target.state, ExerciseState::Checking, "the script is open");
        target.checks[2].fail("exit code 3");
        target.checks[2].output = Some("no such table\n".into());
        settle(target, at(200));
        assert_eq!(target.state, ExerciseState::Failed);
        assert_eq!(target.usable, None);
        target.cleared = true;
        close(&mut drill, at(400));
        assert_eq!((drill.state, Figures::of(&drill).rto), (State::Failed, None));
        insta::assert_snapshot!(drill.report.unwrap());
    }

    #[test]
    fn one_that_restored_nothing_failed() {
        let mut drill = Drill { targets: vec![], ..drill() };
        close(&mut drill, at(3));
        assert_eq!(drill.state, State::Failed);
        assert_eq!(fault_of(&drill).unwrap().code, "NothingRestored");
    }
}
