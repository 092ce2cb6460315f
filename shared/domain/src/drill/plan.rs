//! Which generation a drill restores, which of its targets, and how.

use super::{DrillId, DrillRule, Exercise, ExerciseState, MAX_TARGETS, Quarantine};
use crate::{
    aws::Tags,
    backup::{Backup, Phase},
    id::{BackupId, Region},
    kind::{Kind, Resource},
    name::AccountName,
    origin::{ClusterOrigin, Origin},
    recovery::{
        OnFailure,
        plan::{
            ClusterPlan, DatabasePlan, ImageHandling, InstancePlan, MemberPlan, Plan, RecoveryKind, TablePlan,
            VolumePlan, VolumesPlan, Wanted, WarehousePlan,
        },
    },
    tag::TAG_KEY,
    unit::{Fault, UnitSet, UnitState},
};

/// The newest generation among backups, newest first. One in the freezer is none while it is there.
pub fn newest(backups: &[Backup]) -> Option<&Backup> {
    backups.iter().find(|backup| backup.counts && backup.phase == Phase::Finished && backup.frozen.is_none())
}

/// The targets of a generation that a drill restores, in order of Region and id; those that it cannot are failed already.
pub fn choose(rule: &DrillRule, backup: BackupId, sets: &[UnitSet]) -> Result<Vec<Exercise>, Fault> {
    let is_there = |set: &&UnitSet| set.units.iter().any(|unit| unit.state == UnitState::Completed);
    let mut all: Vec<(Region, Resource)> =
        sets.iter().filter(is_there).map(|set| (set.region.clone(), set.target.clone())).collect();
    all.sort();
    all.dedup();
    let is_wanted =
        |resource: &Resource| rule.targets.is_empty() || rule.targets.iter().any(|id| id == resource.id());
    let wanted: Vec<&(Region, Resource)> = all.iter().filter(|(_, resource)| is_wanted(resource)).collect();
    let missing: Vec<&str> = rule
        .targets
        .iter()
        .filter(|id| !all.iter().any(|(_, resource)| resource.id() == id.as_str()))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return Err(Fault::new(
            "NoTarget",
            format!("backup {backup} has nothing of {}, which the policy's drill names", missing.join(", ")),
        )
        .advise("correct `drill.targets` of the policy, or see why the backup lacks them"));
    }
    if wanted.is_empty() {
        return Err(Fault::new("NoTarget", format!("backup {backup} has nothing that can be restored"))
            .advise(format!("look at it with `cpm backup show {backup}`")));
    }
    if wanted.len() > MAX_TARGETS {
        let message = format!("backup {backup} has {} targets, and a drill restores {MAX_TARGETS}", wanted.len());
        return Err(Fault::new("TooManyTargets", message).advise("name those that matter most in `drill.targets`"));
    }
    let numbered = (1_u32..).zip(wanted);
    Ok(numbered
        .map(|(number, (region, resource))| Exercise::planned(number, region.clone(), resource.clone()))
        .collect())
}

/// How a target is restored into the quarantine: as it was, but with a name, addresses and a network of its own, and
/// without what would keep it from being removed.
pub fn quarantined(
    rule: &DrillRule,
    exercise: &Exercise,
    backup: BackupId,
    account: &AccountName,
    origin: Option<&Origin>,
    name: &str,
) -> Result<Plan, Fault> {
    debug_assert!(exercise.state == ExerciseState::Planned, "it is planned once");
    let quarantine = &rule.quarantine;
    let wanted = match (exercise.resource.kind(), origin) {
        (Kind::Instance, _) => Wanted::Instance(Box::new(instance(quarantine)?)),
        (Kind::Volume, _) => Wanted::Volumes(volumes(quarantine, &exercise.resource)),
        (Kind::Rds, _) => Wanted::Rds(Box::new(database(quarantine, name)?)),
        (Kind::Aurora, Some(Origin::Aurora(origin))) => {
            Wanted::Aurora(Box::new(cluster(quarantine, name, Some(origin))?))
        }
        (Kind::Aurora, _) => Wanted::Aurora(Box::new(cluster(quarantine, name, None)?)),
        (Kind::Redshift, _) => Wanted::Redshift(Box::new(warehouse(quarantine, name)?)),
        (Kind::Dynamodb, _) => Wanted::Dynamodb(TablePlan {
            name: Some(name.to_owned()),
            deletion_protection: Some(false),
            ..TablePlan::default()
        }),
    };
    Ok(Plan {
        backup,
        source: Some(exercise.resource.id().to_owned()),
        account: Some(account.clone()),
        region: Some(exercise.region.clone()),
        role: None,
        // The drill removes what its recoveries made, also of one that failed.
        on_failure: OnFailure::Keep,
        wanted,
    })
}

fn lacking(what: &str, field: &str) -> Fault {
    Fault::new("NoQuarantine", format!("the policy's drill names no {what} for what it restores"))
        .advise(format!("write `drill.quarantine.{field}` into the policy"))
}

fn instance(quarantine: &Quarantine) -> Result<InstancePlan, Fault> {
    let subnet = quarantine.subnet.clone().ok_or_else(|| lacking("subnet", "subnet"))?;
    Ok(InstancePlan {
        image_handling: Some(ImageHandling::Deregister),
        count: Some(1),
        subnet: Some(subnet),
        // Of the zone that it was in.
        placement_group: Some(String::new()),
        private_ip: Some(String::new()),
        secondary_ips: Some(Vec::new()),
        public_ip: Some(false),
        elastic_ip: Some(String::new()),
        security_groups: Some(quarantine.security_groups.clone()),
        termination_protection: Some(false),
        ..InstancePlan::default()
    })
}

fn volumes(quarantine: &Quarantine, resource: &Resource) -> VolumesPlan {
    let volumes = match resource {
        Resource::Volume(id) => vec![VolumePlan { zone: quarantine.zone.clone(), ..VolumePlan::new(id.clone()) }],
        _ => Vec::new(),
    };
    VolumesPlan { attach_to: None, attach_behavior: None, volumes }
}

fn database(quarantine: &Quarantine, name: &str) -> Result<DatabasePlan, Fault> {
    let group = quarantine.db_subnet_group.clone();
    Ok(DatabasePlan {
        id: Some(name.to_owned()),
        multi_az: Some(false),
        subnet_group: Some(group.ok_or_else(|| lacking("subnet group of databases", "db_subnet_group"))?),
        security_groups: Some(quarantine.security_groups.clone()),
        public: Some(false),
        deletion_protection: Some(false),
        ..DatabasePlan::default()
    })
}

/// With its writer alone: readers show nothing more.
fn cluster(quarantine: &Quarantine, name: &str, origin: Option<&ClusterOrigin>) -> Result<ClusterPlan, Fault> {
    let group = quarantine.db_subnet_group.clone();
    let writer = origin.and_then(|origin| origin.members.iter().find(|member| member.is_writer));
    let members = writer.map(|writer| {
        vec![MemberPlan {
            id: format!("{name}-1"),
            class: writer.class.clone(),
            zone: None,
            public: Some(false),
            parameter_group: writer.parameter_group.clone(),
            promotion_tier: None,
        }]
    });
    Ok(ClusterPlan {
        id: Some(name.to_owned()),
        subnet_group: Some(group.ok_or_else(|| lacking("subnet group of databases", "db_subnet_group"))?),
        security_groups: Some(quarantine.security_groups.clone()),
        deletion_protection: Some(false),
        members,
        ..ClusterPlan::default()
    })
}

fn warehouse(quarantine: &Quarantine, name: &str) -> Result<WarehousePlan, Fault> {
    let group = quarantine.redshift_subnet_group.clone();
    Ok(WarehousePlan {
        id: Some(name.to_owned()),
        subnet_group: Some(group.ok_or_else(|| lacking("subnet group of Redshift", "redshift_subnet_group"))?),
        security_groups: Some(quarantine.security_groups.clone()),
        public: Some(false),
        ..WarehousePlan::default()
    })
}

impl Exercise {
    /// The name of what is restored of it, where a name has to be given: letters, digits and single hyphens, in lower
    /// case, up to 40.
    pub fn name(&self, deployment: &str, drill: DrillId) -> String {
        let mut prefix = String::new();
        for c in deployment.chars().map(|c| c.to_ascii_lowercase()) {
            let c = if c.is_ascii_alphanumeric() { c } else { '-' };
            if !(c == '-' && prefix.ends_with('-')) && prefix.len() < 16 {
                prefix.push(c);
            }
        }
        let prefix = prefix.trim_matches(|c: char| c == '-' || c.is_ascii_digit());
        let prefix = if prefix.is_empty() { "cpm" } else { prefix };
        format!("{prefix}-drill-{}-{}", drill.0, self.number)
    }
}

/// What its source was tagged with stays, but no tag scan may take it for a target.
pub fn without_policy_tag(plan: &mut Plan) {
    let strip = |tags: &mut Option<Tags>| {
        if let Some(tags) = tags {
            tags.remove(TAG_KEY);
        }
    };
    match &mut plan.wanted {
        Wanted::Instance(wanted) => {
            strip(&mut wanted.tags);
            wanted.volumes.iter_mut().for_each(|volume| strip(&mut volume.tags));
        }
        Wanted::Volumes(wanted) => wanted.volumes.iter_mut().for_each(|volume| strip(&mut volume.tags)),
        Wanted::Rds(wanted) => strip(&mut wanted.tags),
        Wanted::Aurora(wanted) => strip(&mut wanted.tags),
        Wanted::Redshift(wanted) => strip(&mut wanted.tags),
        Wanted::Dynamodb(wanted) => strip(&mut wanted.tags),
    }
}

impl Exercise {
    /// What is recovered of it.
    pub fn kind(&self) -> RecoveryKind {
        match self.resource.kind() {
            Kind::Instance => RecoveryKind::Instance,
            Kind::Volume => RecoveryKind::Volumes,
            Kind::Rds => RecoveryKind::Rds,
            Kind::Aurora => RecoveryKind::Aurora,
            Kind::Redshift => RecoveryKind::Redshift,
            Kind::Dynamodb => RecoveryKind::Dynamodb,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::{
        id::UnitId,
        origin::MemberOrigin,
        unit::{Unit, UnitKind},
    };

    fn rule(value: serde_json::Value) -> DrillRule {
        serde_json::from_value(value).unwrap()
    }

    fn whole() -> DrillRule {
        rule(json!({"quarantine": {
            "subnet": "subnet-1a2b3c4d", "security_groups": ["sg-1a2b3c4d"], "db_subnet_group": "away",
            "redshift_subnet_group": "far", "zone": "us-east-1b"}}))
    }

    fn exercise(kind: Kind, id: &str) -> Exercise {
        Exercise::planned(3, "us-east-1".parse().unwrap(), Resource::new(kind, id).unwrap())
    }

    fn planned(rule: &DrillRule, kind: Kind, id: &str, origin: Option<&Origin>) -> Result<Plan, Fault> {
        let exercise = exercise(kind, id);
        let name = exercise.name("Cpm--Test_1", DrillId(5));
        quarantined(rule, &exercise, BackupId(17), &"main".parse().unwrap(), origin, &name)
    }

    fn set(target: &str, state: UnitState) -> UnitSet {
        let target = Resource::of_kinds(Kind::ALL, target).unwrap();
        let mut unit = Unit::planned(UnitKind::EbsSnapshot, target.clone());
        unit.id = Some(UnitId::new("snap-1a2b3c4d"));
        unit.state = state;
        UnitSet {
            number: 1,
            region: "us-east-1".parse().unwrap(),
            target,
            excluded: vec![],
            exclude_boot: false,
            image: None,
            by_document: None,
            tags: Tags::new(),
            units: vec![unit],
            version: 0,
        }
    }

    #[rstest]
    #[case(Kind::Instance, "i-1a2b3c4d", "subnet")]
    #[case(Kind::Rds, "orders", "db_subnet_group")]
    #[case(Kind::Aurora, "ledger", "db_subnet_group")]
    #[case(Kind::Redshift, "dwh", "redshift_subnet_group")]
    fn what_has_no_place_is_not_restored(#[case] kind: Kind, #[case] id: &str, #[case] field: &str) {
        let fault = planned(&rule(json!({"quarantine": {}})), kind, id, None).unwrap_err();
        assert_eq!(fault.code, "NoQuarantine");
        assert!(fault.advice.unwrap().contains(&format!("drill.quarantine.{field}")));
    }

    #[test]
    fn plans_into_the_quarantine() {
        let member = |id: &str, is_writer| MemberOrigin {
            id: id.to_owned(),
            is_writer,
            class: "db.r6g.large".to_owned(),
            ..MemberOrigin::default()
        };
        let origin = Origin::Aurora(Box::new(ClusterOrigin {
            members: vec![member("ledger-1", true), member("ledger-2", false)],
            ..ClusterOrigin::default()
        }));
        let plans: Vec<Plan> = [
            (Kind::Instance, "i-1a2b3c4d", None),
            (Kind::Volume, "vol-1a2b3c4d", None),
            (Kind::Rds, "orders", None),
            (Kind::Aurora, "ledger", Some(&origin)),
            (Kind::Redshift, "dwh", None),
            (Kind::Dynamodb, "sessions", None),
        ]
        .into_iter()
        .map(|(kind, id, origin)| planned(&whole(), kind, id, origin).unwrap())
        .collect();
        insta::assert_snapshot!(serde_json::to_string_pretty(&plans).unwrap());
    }

    #[rstest]
    #[case("cpm", "cpm-drill-5-3")]
    #[case("Backup--Suite", "backup-suite-drill-5-3")]
    #[case("-1", "cpm-drill-5-3")]
    #[case("a-very-long-name-of-a-stack", "a-very-long-name-drill-5-3")]
    fn names_fit_every_service(#[case] deployment: &str, #[case] name: &str) {
        let given = exercise(Kind::Rds, "orders").name(deployment, DrillId(5));
        assert_eq!(given, name);
        assert!(given.len() <= 40 && !given.contains("--"));
    }

    #[test]
    fn no_tag_scan_takes_it_for_a_target() {
        let mut plan: Plan = serde_json::from_value(json!({"backup": 17, "instance": {
            "tags": {"cpm backup": "web", "Name": "w"},
            "volumes": [{"volume": "vol-1a2b3c4d", "tags": {"cpm backup": "web"}}]}}))
        .unwrap();
        without_policy_tag(&mut plan);
        let Wanted::Instance(wanted) = plan.wanted else { panic!() };
        assert_eq!(wanted.tags.unwrap().keys().collect::<Vec<_>>(), ["Name"]);
        assert_eq!(wanted.volumes[0].tags, Some(Tags::new()));
    }

    #[test]
    fn what_a_generation_has_is_chosen() {
        let sets = [
            set("vol-1a2b3c4d", UnitState::Completed),
            set("i-1a2b3c4d", UnitState::Completed),
            set("i-1a2b3c4d", UnitState::Completed),
            set("i-0000000b", UnitState::Failed),
        ];
        let ids = |rule: &DrillRule| -> Vec<String> {
            let chosen = choose(rule, BackupId(17), &sets).unwrap();
            assert!((1..).zip(&chosen).all(|(n, exercise)| exercise.number == n));
            chosen.iter().map(|exercise| exercise.resource.id().to_owned()).collect()
        };
        assert_eq!(ids(&whole()), ["i-1a2b3c4d", "vol-1a2b3c4d"]);
        assert_eq!(ids(&DrillRule { targets: vec!["vol-1a2b3c4d".into()], ..whole() }), ["vol-1a2b3c4d"]);
        let other = DrillRule { targets: vec!["i-0000000b".into()], ..whole() };
        let fault = choose(&other, BackupId(17), &sets).unwrap_err();
        assert!(fault.message.contains("i-0000000b"), "{fault}");
        assert_eq!(choose(&whole(), BackupId(17), &[]).unwrap_err().code, "NoTarget");
    }
}
