//! Things to store.

use cpm_domain::{
    account::{Account, AccountType, AssumedRole, Role, ScanRule},
    alert::{Alert, Category, Severity},
    app_aware::Vss,
    audit::{Actor, Event},
    backup::{Backup, Level, LogLine, Phase, Slot, Trigger},
    freezer::{Entry, FreezerName, Frozen},
    id::{BackupId, Region},
    kind::{Kind, Resource},
    name::{OwnerName, PolicyName, ScheduleName},
    policy::{AutoTargetRemoval, Origin, Policy, RetryRule, SuccessRule, Wait},
    scan::{Scan, ScanKind, ScanLine},
    schedule::Schedule,
    script::{ScriptKind, ScriptPhase, ScriptRun, ScriptState},
    status::{Status, Tally},
    target::{PutBy, Target},
    unit::{Fault, Image, Unit, UnitKind, UnitSet, UnitState},
};
use cpm_ports::Lease;
use jiff::{SignedDuration, Timestamp};

pub fn root() -> OwnerName {
    OwnerName::root()
}

/// `seconds` after an instant that is not a whole second itself.
pub fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-03-01T02:00:00.25Z".parse().unwrap();
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

pub fn region(name: &str) -> Region {
    name.parse().unwrap()
}

pub fn policy_name(name: &str) -> PolicyName {
    name.parse().unwrap()
}

pub fn schedule_name(name: &str) -> ScheduleName {
    name.parse().unwrap()
}

/// An account of another number.
pub fn account(name: &str) -> Account {
    Account {
        name: name.parse().unwrap(),
        kind: AccountType::Dr,
        role: Role::Assumed(AssumedRole {
            account: "111122223333".parse().unwrap(),
            name: "cpm-backup".into(),
            external_id: Some("x7".into()),
        }),
        scan: ScanRule { enabled: true, regions: Some(vec![region("eu-west-1"), region("us-east-1")]) },
    }
}

/// A schedule with a description, an end, weekdays and a disabled window.
pub fn schedule(name: &str) -> Schedule {
    serde_json::from_value(serde_json::json!({
        "name": name,
        "description": "at night",
        "repeat": {"every": 1, "unit": "days"},
        "start": "2026-01-01T02:00",
        "end": "2027-01-01T00:00",
        "timezone": "Europe/Berlin",
        "weekdays": ["mon", "tue"],
        "disabled": [{"day": "every", "from": "18:00", "to": "01:00"}],
    }))
    .unwrap()
}

/// A policy that a tag scan made.
pub fn policy(name: &str) -> Policy {
    Policy {
        name: policy_name(name),
        description: Some(String::new()),
        account: "prod".parse().unwrap(),
        enabled: true,
        generations: 30,
        schedules: vec![schedule_name("nightly"), schedule_name("hourly")],
        auto_target_removal: AutoTargetRemoval::YesAndAlert,
        success: SuccessRule::Snapshots,
        retry: RetryRule { count: 3, wait: Wait::from_seconds(90) },
        scripts: serde_json::from_value(serde_json::json!({
            "enabled": true,
            "timeout": "1m",
            "collect_output": true,
            "before": {"ssm": {"instance": "i-0000000a", "region": "eu-west-1", "shell": "#!/bin/sh\nflüsh\n"}},
            "after": {"ssm": {"each_target": true, "document": "thaw-db"}},
            "complete": {"lambda": "arn:aws:lambda:eu-west-1:111122223333:function:truncate-logs"},
        }))
        .unwrap(),
        vss: Vss::Aws,
        max_frozen: Some(Wait::from_seconds(10)),
        origin: Origin::TagScan { template: policy_name("gold") },
        created: at(0),
    }
}

pub fn target(region_name: &str, id: &str) -> Target {
    Target::new(Resource::of_kinds(Kind::ALL, id).unwrap(), region(region_name), PutBy::Tag)
}

/// An audit event at `at(seconds)`.
pub fn event(seconds: i64, subject: &str) -> Event {
    Event {
        time: at(seconds),
        actor: Actor::Caller("arn:aws:iam::111122223333:user/jo".into()),
        action: "policy.create".into(),
        subject: subject.into(),
        details: "by hand".into(),
    }
}

pub fn lease(policy: &str, holder: &str, expires: Timestamp) -> Lease {
    Lease {
        policy: policy_name(policy),
        holder: holder.into(),
        execution: format!("execution-of-{holder}"),
        backup: BackupId(17),
        expires,
        resumed: 1,
    }
}

/// A backup that has a slot, a tally and a log.
pub fn backup(id: u64, policy: &str) -> Backup {
    Backup {
        id: BackupId(id),
        policy: policy_name(policy),
        account: "prod".parse().unwrap(),
        phase: Phase::Planned,
        status: Status::InProgress,
        counts: false,
        trigger: Trigger::Schedule,
        attempt: 0,
        slot: Some(Slot { schedule: schedule_name("nightly"), at: at(0) }),
        started: at(1),
        ended: None,
        frozen_ms: Some(u64::from(u32::MAX) + 1),
        runs: 0,
        late: 0,
        frozen: None,
        max_frozen: Some(Wait::from_seconds(10)),
        success: SuccessRule::NoIssues,
        retry: RetryRule::default(),
        sets: 1,
        tally: Tally { open: 2, missing: 1, ..Tally::default() },
        execution: "an-execution".into(),
        wake: Some("a-token".into()),
        log: vec![LogLine { time: at(2), level: Level::Warning, message: "wörds".into() }],
    }
}

pub fn freezer_name(name: &str) -> FreezerName {
    name.parse().unwrap()
}

/// What [`backup`] is in the freezer.
pub fn entry(id: u64, policy: &str, name: &str) -> Entry {
    let frozen =
        Frozen { name: freezer_name(name), description: Some("because\nof it".parse().unwrap()), time: at(4) };
    Entry::new(&backup(id, policy), frozen)
}

/// A set of two volumes, one of them with a snapshot when `snapshot` names one.
pub fn set(number: u32, snapshot: Option<&str>) -> UnitSet {
    let volume = |id: &str| Unit::planned(UnitKind::EbsSnapshot, Resource::Volume(id.parse().unwrap()));
    let mut first = volume("vol-0000000a");
    if let Some(snapshot) = snapshot {
        first.id = Some(snapshot.parse().unwrap());
        first.state = UnitState::Pending;
        first.started = Some(at(3));
    }
    UnitSet {
        number,
        region: region("eu-west-1"),
        target: Resource::Instance("i-0000000a".parse().unwrap()),
        excluded: vec!["vol-0000000c".parse().unwrap()],
        exclude_boot: true,
        image: Some(Image { initial: true, reboot: false, left_out: vec!["/dev/sdb".into()] }),
        by_document: None,
        tags: [("Name".to_owned(), "wörld".to_owned()), ("empty".to_owned(), String::new())].into(),
        units: vec![first, volume("vol-0000000b")],
        version: 0,
    }
}

/// A run that failed with an output.
pub fn run(phase: ScriptPhase, number: u32) -> ScriptRun {
    ScriptRun {
        phase,
        number,
        kind: ScriptKind::Vss,
        region: Some(region("eu-west-1")),
        target: "i-0000000a".into(),
        instance: Some("i-0000000a".parse().unwrap()),
        state: ScriptState::Failed,
        exit_code: Some(-1),
        started: Some(at(4)),
        ended: Some(at(5)),
        command: Some("ef7fdfd8-9b57-4151-a15c-db9a12345678".into()),
        output: Some("of two\nlïnes\n".into()),
        truncated: true,
        error: Some(Fault::new("Script.ExitCode", "it ended with -1")),
        version: 0,
    }
}

pub fn alert(category: Category, subject: &str, count: u32) -> Alert {
    Alert {
        category,
        subject: subject.into(),
        policy: None,
        severity: Severity::Error,
        title: "a title".into(),
        message: "a message\nof two lines".into(),
        since: at(0),
        time: at(i64::from(count)),
        count,
        announced: 1,
    }
}

pub fn scan(id: &str) -> Scan {
    Scan {
        id: id.into(),
        kind: ScanKind::Snapshots,
        started: at(0),
        ended: None,
        asked_by: "schedule".into(),
        places: 3,
        failed_places: 1,
        found: 2,
        changes: 1,
        errors: 0,
        dry_run: true,
    }
}

pub fn line(account: &str, region_name: &str, message: impl Into<String>) -> ScanLine {
    ScanLine {
        account: account.parse().unwrap(),
        region: region(region_name),
        resource: Some("i-0000000a".into()),
        value: None,
        level: Level::Info,
        message: message.into(),
    }
}
