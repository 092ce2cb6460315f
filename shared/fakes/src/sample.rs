//! Things to begin with: short to write, ordinary in every field.
//!
//! ```
//! use cpm_domain::policy::Policy;
//! use cpm_fakes::sample;
//!
//! let policy = Policy { generations: 1, ..sample::policy("nightly") };
//! assert_eq!(policy.account.as_str(), "main");
//! ```
//!
//! All of them panic when a text is no name, Region or id.

#![allow(clippy::missing_panics_doc, reason = "said once, above")]

use cpm_domain::{
    account::{Account, AccountType, AssumedRole, Own, Role, ScanRule},
    alert::{Alert, Category, Severity},
    app_aware::Vss,
    audit::{Actor, Event},
    aws::{Tags, UnitRequest},
    backup::{Backup, Phase, Trigger},
    id::{BackupId, UnitSetId, VolumeId},
    kind::{Kind, Resource},
    name::OwnerName,
    policy::{AutoTargetRemoval, Origin, Policy, RecoveryRule, RetryRule, SuccessRule},
    provenance::{Provenance, Sought},
    recovery::{Approval, Recovery, approval::Secret},
    schedule::{Repeat, Schedule, Unit as Every, Zone},
    script::Scripts,
    status::{Status, Tally},
    target::{PutBy, Target},
    unit::{Unit, UnitKind, UnitSet},
};
use cpm_ports::{Access, Lease, Place};
use jiff::{SignedDuration, Timestamp, civil::date};

use crate::{DEPLOYMENT, START, aws::parsed};

/// The first user.
pub fn root() -> OwnerName {
    OwnerName::root()
}

/// When every fake world begins.
pub fn start() -> Timestamp {
    parsed(START)
}

/// The deployment's own account; scans look at it, in every Region.
pub fn account(name: &str) -> Account {
    Account {
        name: parsed(name),
        kind: AccountType::Backup,
        role: Role::Own(Own::Own),
        scan: ScanRule { enabled: true, regions: None },
    }
}

/// Another account, by its number, with the role `cpm-backup`.
pub fn member(name: &str, number: &str) -> Account {
    let role = AssumedRole { account: parsed(number), name: "cpm-backup".to_owned(), external_id: None };
    Account { role: Role::Assumed(role), ..account(name) }
}

/// A place in the deployment's own account.
pub fn place(region: &str) -> Place {
    Place { access: Access::Own, region: parsed(region) }
}

/// A policy of the account `main` that keeps three generations and has no schedule.
pub fn policy(name: &str) -> Policy {
    Policy {
        name: parsed(name),
        description: None,
        account: parsed("main"),
        enabled: true,
        generations: 3,
        schedules: Vec::new(),
        auto_target_removal: AutoTargetRemoval::No,
        success: SuccessRule::NoIssues,
        retry: RetryRule::default(),
        scripts: Scripts::default(),
        vss: Vss::default(),
        max_frozen: None,
        recovery: RecoveryRule::default(),
        drill: None,
        origin: Origin::Person,
        created: start(),
    }
}

/// Daily at 02:00 in UTC, from 1 January 2026.
pub fn schedule(name: &str) -> Schedule {
    let daily = Repeat::new(1, Every::Days)
        .and_then(|repeat| Schedule::new(parsed(name), repeat, date(2026, 1, 1).at(2, 0, 0, 0), Zone::utc()));
    match daily {
        Ok(schedule) => schedule,
        Err(error) => panic!("{error}"),
    }
}

/// An instance, a volume or, by any other name, a database.
pub fn resource(id: impl std::fmt::Display) -> Resource {
    let id = id.to_string();
    Resource::of_kinds(Kind::ALL, &id).unwrap_or_else(|| panic!("`{id}` is no resource"))
}

/// A target that a person put in.
pub fn target(region: &str, id: impl std::fmt::Display) -> Target {
    Target::new(resource(id), parsed(region), PutBy::Person)
}

/// The tags of set `number` of a backup of the policy `web`.
pub fn tags(id: impl std::fmt::Display, backup: u64, number: u32) -> Tags {
    Provenance {
        deployment: DEPLOYMENT.to_owned(),
        owner: root(),
        policy: parsed("web"),
        unit: UnitSetId { backup: BackupId(backup), number },
        source: resource(id),
    }
    .tags()
}

/// All units of the deployment.
pub fn sought() -> Sought<'static> {
    Sought { deployment: DEPLOYMENT, backup: None }
}

/// A request for all snapshots of an instance or a volume, as set 1 of backup 1 of the policy `web`.
pub fn request(id: impl std::fmt::Display) -> UnitRequest {
    let target = resource(id);
    UnitRequest {
        kind: UnitKind::EbsSnapshot,
        name: "cpm-web-a-sample".to_owned(),
        image: None,
        copy_tags: matches!(target, Resource::Instance(_)),
        excluded: Vec::new(),
        exclude_boot: false,
        description: "a sample".to_owned(),
        tags: tags(target.id(), 1, 1),
        target,
    }
}

fn planned(volume: VolumeId) -> Unit {
    Unit::planned(UnitKind::EbsSnapshot, Resource::Volume(volume))
}

/// A planned set of an instance's or a volume's units.
pub fn set(number: u32, region: &str, id: impl std::fmt::Display, volumes: &[VolumeId]) -> UnitSet {
    UnitSet {
        number,
        region: parsed(region),
        target: resource(id),
        excluded: Vec::new(),
        exclude_boot: false,
        image: None,
        by_document: None,
        tags: Tags::new(),
        units: volumes.iter().cloned().map(planned).collect(),
        version: 0,
    }
}

/// A planned backup, asked for by hand.
pub fn backup(id: u64, policy: &str) -> Backup {
    Backup {
        id: BackupId(id),
        policy: parsed(policy),
        account: parsed("main"),
        phase: Phase::Planned,
        status: Status::InProgress,
        counts: false,
        trigger: Trigger::Manual,
        attempt: 0,
        slot: None,
        started: start(),
        ended: None,
        frozen_ms: None,
        runs: 0,
        late: 0,
        frozen: None,
        max_frozen: None,
        success: SuccessRule::NoIssues,
        retry: RetryRule::default(),
        sets: 0,
        tally: Tally::default(),
        execution: format!("{policy}-{id}"),
        wake: None,
        log: Vec::new(),
    }
}

/// A finished backup that counts.
pub fn generation(id: u64, policy: &str) -> Backup {
    let ended = Some(start());
    Backup { phase: Phase::Finished, status: Status::Successful, counts: true, ended, ..backup(id, policy) }
}

/// A recovery of the database `orders` that Ada asked for at the start, and that waits for somebody else's answer.
pub fn waiting(id: u64) -> Recovery {
    let made = serde_json::from_value(serde_json::json!({
        "id": format!("r{id}"), "backup": 17, "policy": "db", "account": "main", "region": "us-east-1",
        "state": "waiting-for-approval", "plan": {"backup": 17, "source": "orders", "rds": {"id": "orders-new"}},
        "asked_by": "arn:aws:sts::111111111111:assumed-role/admin/ada", "checked": START, "started": START, "version": 0
    }));
    let Ok(recovery) = made else { panic!("{made:?}") };
    Recovery { approval: Some(Approval::asked(start(), Secret::new([7; 32]))), ..recovery }
}

/// A lease of two hours.
pub fn lease(policy: &str, holder: &str, backup: u64) -> Lease {
    Lease {
        policy: parsed(policy),
        holder: holder.to_owned(),
        execution: holder.to_owned(),
        backup: BackupId(backup),
        expires: start() + SignedDuration::from_hours(2),
        resumed: 0,
    }
}

/// An event of the audit trail.
pub fn event(action: &str) -> Event {
    Event {
        time: start(),
        actor: Actor::Suite("test".to_owned()),
        action: action.to_owned(),
        subject: "a sample".to_owned(),
        details: String::new(),
    }
}

/// An alert that failed once.
pub fn alert(category: Category, subject: &str) -> Alert {
    Alert {
        category,
        subject: subject.to_owned(),
        policy: None,
        severity: Severity::Error,
        title: "A Sample".to_owned(),
        message: "it failed".to_owned(),
        since: start(),
        time: start(),
        count: 1,
        announced: 1,
    }
}
