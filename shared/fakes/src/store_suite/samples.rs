//! Things to store.

use cpm_domain::{
    account::{Account, AccountType, AssumedRole, Role, ScanRule},
    alert::{Alert, Category, Severity},
    app_aware::Vss,
    audit::{Actor, Event},
    aws::Platform,
    backup::{Backup, Level, LogLine, Phase, Slot, Trigger},
    drill::{Check, CheckKind, Drill, DrillId, DrillRule, Exercise, ExerciseState, Restored, State as DrillState},
    freezer::{Entry, FreezerName, Frozen},
    id::{BackupId, Region},
    kind::{Kind, Resource},
    name::{OwnerName, PolicyName, ScheduleName},
    origin::{self, SourceRecord},
    policy::{AutoTargetRemoval, Origin, Policy, RecoveryRule, RetryRule, SuccessRule, Wait},
    recovery::{
        Approval, Recovery, RecoveryId,
        plan::{Plan, RecoveryKind},
        work::{MadeKind, Work},
    },
    scan::{Scan, ScanKind, ScanLine},
    scenario::{Run, RunId},
    schedule::Schedule,
    script::{ScriptKind, ScriptPhase, ScriptRun, ScriptState},
    status::{Status, Tally},
    target::{PutBy, Target},
    unit::{Fault, Image, Unit, UnitKind, UnitSet, UnitState},
};
use cpm_ports::{Held, Hold, Lease};
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
        recovery: RecoveryRule { approval: true },
        drill: Some(drill_rule()),
        origin: Origin::TagScan { template: policy_name("gold") },
        created: at(0),
    }
}

/// A rule in which nothing is left out.
pub fn drill_rule() -> DrillRule {
    serde_json::from_value(serde_json::json!({
        "schedule": "nightly",
        "quarantine": {
            "subnet": "subnet-0000000a", "security_groups": ["sg-0000000a"], "db_subnet_group": "away",
            "redshift_subnet_group": "far", "zone": "eu-west-1a",
        },
        "checks": {"script": {"ssm": {"each_target": true, "shell": "#!/bin/sh\ncurl localhost\n"}}, "timeout": "5m"},
        "targets": ["i-0000000a"],
    }))
    .unwrap()
}

/// A drill under way, of a policy.
pub fn drill(id: u64, policy: &str) -> Drill {
    let mut exercise = Exercise::planned(1, region("eu-west-1"), Resource::Instance("i-0000000a".parse().unwrap()));
    exercise.state = ExerciseState::Checking;
    (exercise.recovery, exercise.asked, exercise.restored) = (Some(RecoveryId(3)), Some(at(2)), Some(at(3)));
    exercise.made =
        vec![Restored { kind: MadeKind::Instance, id: "i-0000000b".into(), addresses: vec!["10.0.0.1".into()] }];
    let mut check = Check::open(CheckKind::Script, "i-0000000b");
    (check.begun, check.command) = (Some(at(4)), Some("a-command".into()));
    check.fail("wörds");
    exercise.checks = vec![check];
    exercise.left = Some(Fault::new("Code", "words").advise("wait"));
    Drill {
        id: DrillId(id),
        policy: policy_name(policy),
        account: Some("prod".parse().unwrap()),
        state: DrillState::Running,
        backup: Some(BackupId(17)),
        point: Some(at(0)),
        slot: Some(Slot { schedule: schedule_name("nightly"), at: at(0) }),
        asked_by: Some("jo".into()),
        started: at(1),
        ended: None,
        targets: vec![exercise],
        interrupted: true,
        clearing: Some(at(5)),
        errors: vec![Fault::new("Code", "words")],
        report: Some("a report\n".into()),
        execution: "an-execution".into(),
        log: vec![LogLine { time: at(2), level: Level::Warning, message: "wörds".into() }],
        version: 0,
    }
}

/// A run of a scenario under way.
pub fn scenario(id: u64) -> Run {
    let spec = serde_json::from_value(serde_json::json!({"name": "shop", "steps": [
        {"name": "db", "recover": {"backup": 17, "rds": {"id": "orders-2", "port": 5432, "tags": {"a": ""}}}},
        {"name": "works", "needs": ["db"], "check": {
            "ssm": {"instance": "i-0000000a", "region": "eu-west-1", "account": "prod", "shell": "exit 0"},
            "env": {"DB": "${db.endpoint}"}}}]}))
    .unwrap();
    let mut run = Run::new(RunId(id), spec, "jo".into(), "an-execution".into(), at(1));
    run.steps[0].recovery = Some(RecoveryId(3));
    run.steps[0].place = Some(("prod".parse().unwrap(), region("eu-west-1")));
    run.steps[0].made = [("endpoint".to_owned(), "db.example".to_owned())].into();
    run
}

pub fn hold(on: Held, execution: &str, expires: Timestamp) -> Hold {
    Hold { on, number: 5, execution: execution.into(), expires, resumed: 1 }
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

/// How a source was, by its place, its kind and its id.
pub fn origin(region_name: &str, kind: Kind, id: &str) -> SourceRecord {
    let resource = Resource::new(kind, id).unwrap();
    let tags = || [("Name".to_owned(), "wörld".to_owned()), ("empty".to_owned(), String::new())].into();
    let origin = match &resource {
        Resource::Instance(id) => instance_origin(id),
        Resource::Volume(id) => origin::Origin::Volume(volume_origin(id.as_str())),
        Resource::Rds(_) => origin::Origin::Rds(Box::new(origin::DatabaseOrigin {
            id: id.to_owned(),
            engine: "postgres".into(),
            port: Some(5432),
            multi_az: true,
            log_exports: vec!["upgrade".into()],
            tags: tags(),
            ..origin::DatabaseOrigin::default()
        })),
        Resource::Aurora(_) => origin::Origin::Aurora(Box::new(origin::ClusterOrigin {
            id: id.to_owned(),
            capacity: Some((1, 32)),
            members: vec![origin::MemberOrigin { is_writer: true, ..origin::MemberOrigin::default() }],
            tags: tags(),
            ..origin::ClusterOrigin::default()
        })),
        Resource::Redshift(_) => origin::Origin::Redshift(Box::new(origin::WarehouseOrigin {
            id: id.to_owned(),
            nodes: 2,
            tags: tags(),
            ..origin::WarehouseOrigin::default()
        })),
        Resource::Dynamodb(_) => origin::Origin::Dynamodb(Box::new(origin::TableOrigin {
            name: id.to_owned(),
            read_units: Some(i64::from(i32::MAX) + 1),
            tags: tags(),
            ..origin::TableOrigin::default()
        })),
    };
    SourceRecord { region: region(region_name), resource, origin }
}

fn volume_origin(id: &str) -> origin::VolumeOrigin {
    serde_json::from_value(serde_json::json!({
        "id": id, "zone": "eu-west-1a", "size": 8, "volume_type": "gp3", "iops": 3000, "encrypted": true,
        "device": "/dev/xvda", "is_root": true, "tags": {"Name": "wörld", "empty": ""},
    }))
    .unwrap()
}

fn instance_origin(id: &cpm_domain::id::InstanceId) -> origin::Origin {
    let instance = serde_json::json!({
        "id": id, "instance_type": "m5.large", "architecture": "x86_64", "platform": Platform::Linux,
        "image": {"id": "ami-0000000a", "known": true}, "zone": "eu-west-1a", "user_data": "IyEvYmluL3NoCg==",
        "metadata": {"http_tokens": "required", "hop_limit": 2},
        "volumes": [volume_origin("vol-0000000a"), volume_origin("vol-0000000b")],
    });
    origin::Origin::Instance(Box::new(serde_json::from_value(instance).unwrap()))
}

/// A recovery that waits for somebody to say yes.
pub fn recovery(id: u64, policy: &str) -> Recovery {
    let plan = Plan {
        source: Some("i-0000000a".into()),
        on_failure: cpm_domain::recovery::OnFailure::Remove,
        ..Plan::new(BackupId(17), RecoveryKind::Instance)
    };
    let place = ("prod".parse().unwrap(), region("eu-west-1"));
    let approval = Approval::asked(at(0), cpm_domain::recovery::approval::Secret::new([7; 32]));
    let recovery = Recovery {
        purpose: cpm_domain::recovery::Purpose::Drill(3),
        asked_by: "jo".into(),
        started: at(1),
        works: 3,
        errors: vec![Fault::new("a.Code", "wörds")],
        execution: Some("an-execution".into()),
        log: vec![LogLine { time: at(2), level: Level::Warning, message: "wörds".into() }],
        ..Recovery::new(RecoveryId(id), policy_name(policy), place, plan, at(0))
    };
    recovery.held_by(Some(Approval { token: Some("a-token".into()), ..approval }))
}

/// A launch that made an instance with a volume.
pub fn work(number: u32) -> Work {
    serde_json::from_value(serde_json::json!({
        "number": number,
        "needs": [1, 2],
        "what": {
            "action": "launch", "image": {"work": 1}, "count": 1, "instance_type": "m5.large", "monitoring": true,
            "ebs_optimized": false, "ephemeral": {"/dev/sdb": "ephemeral0"},
            "devices": [{
                "device": "/dev/xvda", "snapshot": "snap-0000000a", "size": 8, "volume_type": "gp3",
                "delete_on_termination": true, "tags": {"Name": "wörld", "empty": ""}, "source": "vol-0000000a",
            }],
        },
        "region": "eu-west-1",
        "from": "snap-0000000a",
        "state": "pending",
        "made": [{
            "kind": "instance", "id": "i-0000000b", "state": "pending", "addresses": ["10.0.0.4"],
            "parts": [{"kind": "volume", "id": "vol-0000000d", "state": "ready", "device": "/dev/xvda"}],
        }],
        "asked": at(3),
        "error": Fault::new("a.Code", "wörds"),
        "version": 0,
    }))
    .unwrap()
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
