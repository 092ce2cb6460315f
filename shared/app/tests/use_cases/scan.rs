//! Policies follow tags; records follow snapshots.

use std::sync::Arc;

use async_trait::async_trait;
use cpm_app::scan::{Steps, tag_changed};
use cpm_contracts::scan::{Looked, StartScan};
use cpm_domain::{
    account::ScanRule,
    alert::Category,
    aws::{AwsError, Found, FoundUnit, Quota, Refusal, Tagged, UnitRequest},
    backup::{Level, Phase},
    id::BackupId,
    kind::{Kind, Resource},
    name::PolicyName,
    origin::{Completed, Reading},
    policy::{AutoTargetRemoval, Origin},
    provenance::Sought,
    scan::{ScanKind, TagNews},
    status::Status,
    tag::{BackupOption, TAG_KEY},
    target::{PutBy, Target},
    unit::{UnitKind, UnitReport},
};
use cpm_fakes::{DEPLOYMENT, Estate, Fate, OWN_ACCOUNT, at_each_call, at_once, sample};
use cpm_ports::{
    Alerts, AuditTrail, Backups, Clock, Configuration, Deadline, Driver, Drivers, Place, PolicyChange, Scans, Slots,
};
use jiff::SignedDuration;
use rstest::rstest;

use crate::machine::{End, Execution, start};

fn steps(estate: &Estate) -> Steps<'_> {
    Steps {
        store: &estate.store,
        regions: &estate.aws,
        drivers: &estate.drivers,
        clock: &estate.clock,
        deployment: DEPLOYMENT,
    }
}

/// The tag-scan state machine.
async fn scan(estate: &Estate, id: &str, start: &StartScan) -> Vec<Looked> {
    scan_with(&steps(estate), estate, id, start).await
}

async fn scan_with(steps: &Steps<'_>, estate: &Estate, id: &str, start: &StartScan) -> Vec<Looked> {
    let planned = steps.plan(id, start).await.unwrap();
    let mut looked = Vec::new();
    for place in &planned.places {
        let deadline = Deadline(estate.clock.now() + SignedDuration::from_mins(4));
        looked.push(steps.look(id, place, start, deadline).await.unwrap());
    }
    steps.finish(id, &looked).await.unwrap();
    looked
}

fn tags() -> StartScan {
    StartScan::default()
}

fn rebuild(dry_run: bool) -> StartScan {
    StartScan { kind: ScanKind::Snapshots, dry_run, ..StartScan::default() }
}

/// A service beside the others that cannot be read.
struct Unreadable;

#[async_trait]
impl Driver for Unreadable {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Redshift]
    }

    fn units(&self) -> &'static [UnitKind] {
        &[]
    }

    async fn describe(&self, _: &Place, _: Kind, _: &[Resource]) -> Result<Vec<Found>, AwsError> {
        Ok(Vec::new())
    }

    async fn complete(&self, _: &Place, reading: Reading) -> Completed {
        Completed::as_they_are(reading.origins)
    }

    async fn tagged(&self, _: &Place) -> Result<Vec<Tagged>, AwsError> {
        Err(AwsError {
            refusal: Refusal::Denied,
            action: "redshift:DescribeClusters".to_owned(),
            code: "AccessDenied".to_owned(),
            message: "not authorized".to_owned(),
        })
    }

    async fn create(&self, _: &Place, _: &UnitRequest) -> Result<Vec<UnitReport>, AwsError> {
        Ok(Vec::new())
    }

    async fn find(&self, _: &Place, _: UnitKind, _: &Sought<'_>) -> Result<Vec<FoundUnit>, AwsError> {
        Ok(Vec::new())
    }

    async fn quotas(&self, _: &Place, _: &[UnitKind]) -> Result<Vec<Quota>, AwsError> {
        Ok(Vec::new())
    }
}

/// The account `main` allows scans in two Regions; there is a policy `web` with an hourly schedule.
fn estate() -> Estate {
    let estate = Estate::new();
    let regions = vec!["us-east-1".parse().unwrap(), "eu-west-1".parse().unwrap()];
    let scan = ScanRule { enabled: true, regions: Some(regions) };
    estate.account(cpm_domain::account::Account { scan, ..sample::account("main") });
    estate.schedule(sample::schedule("nightly"));
    let schedules = vec!["nightly".parse().unwrap()];
    estate.policy(cpm_domain::policy::Policy { schedules, ..sample::policy("web") }, []);
    estate
}

async fn targets(estate: &Estate, policy: &str) -> Vec<Target> {
    estate.beside().store.targets(&sample::root(), &policy.parse().unwrap()).await.unwrap()
}

fn name(text: &str) -> PolicyName {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_tag_puts_in_and_takes_out() {
    let estate = estate();
    let (web, lone) = (estate.instance("us-east-1", 2), estate.volume("eu-west-1"));
    estate.aws.tag(&web, TAG_KEY, "web#only-snaps");
    estate.aws.tag(&lone, TAG_KEY, "web");
    let looked = scan(&estate, "1", &tags()).await;
    assert_eq!(looked.iter().map(|looked| looked.changes).sum::<u32>(), 2);
    let put = targets(&estate, "web").await;
    assert_eq!(put.len(), 2);
    assert!(put.iter().all(|target| target.put_by == PutBy::Tag));
    assert!(scan(&estate, "2", &tags()).await.iter().all(|looked| looked.changes == 0), "nothing more to do");
    estate.aws.untag(&web, TAG_KEY);
    scan(&estate, "3", &tags()).await;
    assert_eq!(targets(&estate, "web").await.len(), 1);
    let audited = estate.beside().store.events(&sample::root(), None, 100).await.unwrap();
    assert!(audited.iter().any(|event| event.action == "target.remove"));
}

#[tokio::test]
async fn what_a_person_put_in_stays() {
    let estate = estate();
    let (web, other) = (estate.instance("us-east-1", 1), estate.instance("us-east-1", 1));
    let by_person = [&web, &other].map(|id| PolicyChange::PutTarget(name("web"), estate.target(id)));
    estate.change(by_person);
    estate.aws.tag(&web, TAG_KEY, "no-backup");
    scan(&estate, "1", &tags()).await;
    assert_eq!(targets(&estate, "web").await.len(), 2);
    let lines = estate.beside().store.scan_lines(&sample::root(), "1").await.unwrap();
    assert!(lines.iter().any(|line| line.message.contains("a person put it into web")), "{lines:#?}");
}

#[tokio::test]
async fn a_template_makes_a_policy_that_runs() {
    let estate = estate();
    let web = estate.instance("us-east-1", 1);
    estate.aws.tag(&web, TAG_KEY, "shop:web");
    scan(&estate, "1", &tags()).await;
    let policy = estate.beside().store.policy(&sample::root(), &name("shop")).await.unwrap().unwrap();
    assert_eq!(policy.auto_target_removal, AutoTargetRemoval::YesAndAlert);
    assert_eq!(policy.origin, Origin::TagScan { template: name("web") });
    let slots = estate.beside().store.slots(&sample::root(), &name("shop")).await.unwrap();
    assert!(slots.len() == 1 && slots[0].1.is_some(), "{slots:?}");
    assert_eq!(targets(&estate, "shop").await.len(), 1);
    assert_eq!(targets(&estate, "web").await.len(), 0);
}

#[tokio::test]
async fn a_wrong_tag_says_so_and_the_rest_counts() {
    let estate = estate();
    let web = estate.instance("us-east-1", 1);
    for value in ["web nowhere", "web#only-snap web", "web shop;web", "web new:nowhere"] {
        estate.aws.tag(&web, TAG_KEY, value);
        let looked = scan(&estate, value, &tags()).await;
        assert_eq!(looked.iter().map(|looked| looked.errors).sum::<u32>(), 1, "{value}");
        assert_eq!(targets(&estate, "web").await.len(), 1, "{value}");
        let lines = estate.beside().store.scan_lines(&sample::root(), value).await.unwrap();
        let wrong: Vec<_> = lines.iter().filter(|line| line.level == Level::Error).collect();
        assert!(wrong[0].value.as_deref() == Some(value) && wrong[0].resource.as_deref() == Some(web.as_str()));
    }
}

#[tokio::test]
async fn options_are_kept() {
    let estate = estate();
    let web = estate.instance("us-east-1", 1);
    estate.aws.tag(&web, TAG_KEY, "web#initial-ami#app-aware");
    scan(&estate, "1", &tags()).await;
    let target = targets(&estate, "web").await.remove(0);
    assert_eq!(
        (target.option, target.app_aware.clone()),
        (Some(BackupOption::InitialAmi), Some(cpm_domain::app_aware::AppAware::default()))
    );
}

#[tokio::test]
async fn a_region_that_cannot_be_read_changes_nothing_there() {
    let estate = estate();
    let (web, far) = (estate.instance("us-east-1", 1), estate.instance("eu-west-1", 1));
    estate.aws.tag(&web, TAG_KEY, "web");
    estate.aws.tag(&far, TAG_KEY, "web");
    scan(&estate, "1", &tags()).await;
    estate.faults.deny("ec2:DescribeInstances", "eu-west-1");
    let looked = scan(&estate, "2", &tags()).await;
    assert_eq!(looked.iter().filter(|looked| looked.failed).count(), 1);
    assert_eq!(targets(&estate, "web").await.len(), 2, "no protection is lost for want of a permission");
    let alerts = estate.beside().store.alerts(&sample::root()).await.unwrap();
    assert!(
        alerts.iter().any(|alert| alert.category == Category::Scan && alert.message.contains("DescribeInstances"))
    );
    estate.faults.clear();
    scan(&estate, "3", &tags()).await;
    assert_eq!(estate.beside().store.alerts(&sample::root()).await.unwrap(), []);
}

#[tokio::test]
async fn a_service_that_cannot_be_read_is_told_and_costs_no_other() {
    let estate = estate();
    let web = estate.instance("us-east-1", 1);
    estate.aws.tag(&web, TAG_KEY, "web");
    let drivers = Drivers::new(vec![Arc::new(estate.aws.clone()), Arc::new(Unreadable)]);
    let half = Steps { drivers: &drivers, ..steps(&estate) };
    for id in ["1", "2"] {
        let looked = scan_with(&half, &estate, id, &tags()).await;
        assert!(looked.iter().all(|looked| looked.failed), "what is not all read is not read");
        assert_eq!(targets(&estate, "web").await.len(), 1);
        let alerts = estate.beside().store.alerts(&sample::root()).await.unwrap();
        assert_eq!(alerts.len(), 2, "one a Region");
        assert!(alerts.iter().all(|alert| alert.message.contains("redshift:DescribeClusters")));
    }
    scan(&estate, "3", &tags()).await;
    assert_eq!(estate.beside().store.alerts(&sample::root()).await.unwrap(), []);
}

#[tokio::test]
async fn killed_anywhere_the_next_scan_goes_on() {
    at_each_call(
        Fate::Killed,
        async || {
            let estate = estate();
            for region in ["us-east-1", "eu-west-1"] {
                let web = estate.instance(region, 1);
                estate.aws.tag(web, TAG_KEY, "shop:web web");
            }
            estate
        },
        async |estate: &Estate| {
            scan(estate, "1", &tags()).await;
        },
        async |estate: &Estate, crash| {
            scan(estate, "2", &tags()).await;
            assert_eq!(targets(estate, "shop").await.len(), 2, "{crash}");
            assert_eq!(targets(estate, "web").await.len(), 2, "{crash}");
        },
    )
    .await;
}

#[tokio::test]
async fn two_scans_that_make_one_policy() {
    let estate = estate();
    let web = estate.instance("us-east-1", 1);
    estate.aws.tag(&web, TAG_KEY, "shop:web");
    let other = estate.beside();
    estate.faults.meanwhile("store:change", move || {
        let policy = other.store.clone();
        let template = cpm_fakes::at_once(policy.policy(&sample::root(), &name("web"))).unwrap().unwrap();
        let made = template.from_template(name("shop"), "main".parse().unwrap(), other.clock.now());
        other.change([PolicyChange::CreatePolicy(made)]);
    });
    scan(&estate, "1", &tags()).await;
    assert_eq!(targets(&estate, "shop").await.len(), 1);
}

#[tokio::test]
async fn an_event_has_its_effect_at_once() {
    let estate = estate();
    let web = estate.instance("us-east-1", 1);
    let resource = sample::resource(&web);
    let (own, region) = (OWN_ACCOUNT.parse().unwrap(), "us-east-1".parse().unwrap());
    for (version, value, held) in [(1, Some("web"), 1), (2, Some("web#only-snaps"), 1), (3, None, 0)] {
        tag_changed(&estate.store, &estate.clock, &own, (&own, &region), &resource, &news(version, value))
            .await
            .unwrap();
        assert_eq!(targets(&estate, "web").await.len(), held, "{value:?}");
    }
    // Another account's resource is none of this account's.
    let theirs = "222222222222".parse().unwrap();
    tag_changed(&estate.store, &estate.clock, &own, (&theirs, &region), &resource, &news(4, Some("web")))
        .await
        .unwrap();
    assert_eq!(targets(&estate, "web").await.len(), 0);
}

fn news(version: u64, value: Option<&str>) -> TagNews {
    TagNews { version, value: value.map(str::to_owned) }
}

/// What a function does that hears of a change of the tag: version 7 took it off, all others set it.
async fn hear(estate: &Estate, version: u64) -> cpm_app::Result<usize> {
    let web = sample::resource("i-00000000000000001");
    let (own, region) = (OWN_ACCOUNT.parse().unwrap(), "us-east-1".parse().unwrap());
    let news = news(version, (version != 7).then_some("web"));
    tag_changed(&estate.store, &estate.clock, &own, (&own, &region), &web, &news).await
}

/// Taken off and set again at once: whatever order the two are heard in, and however often, the resource is a target.
#[rstest]
#[case(&[6, 7, 8])]
#[case(&[6, 8, 7])]
#[case(&[8, 7, 6])]
#[case(&[6, 8, 7, 8, 7])]
#[tokio::test]
async fn the_newest_event_of_a_tag_counts(#[case] heard: &[u64]) {
    let estate = estate();
    estate.instance("us-east-1", 1);
    for version in heard {
        hear(&estate, *version).await.unwrap();
    }
    assert_eq!(targets(&estate, "web").await.len(), 1);
}

/// Two functions work on two events at once, the older one writes last, and it may die at any call.
#[tokio::test]
async fn an_older_event_that_is_late_gives_way() {
    let calls = at_each_call(
        Fate::Killed,
        async || {
            let estate = estate();
            estate.instance("us-east-1", 1);
            hear(&estate.beside(), 6).await.unwrap();
            let beside = estate.beside();
            estate.faults.meanwhile("store:change", move || {
                at_once(hear(&beside, 8)).unwrap();
            });
            estate
        },
        async |estate: &Estate| {
            if hear(estate, 7).await.is_ok() {
                assert_eq!(targets(estate, "web").await.len(), 1, "it saw what came meanwhile");
            }
        },
        async |estate: &Estate, crash| {
            // Of an event that was not dealt with EventBridge tells again.
            hear(estate, 8).await.unwrap();
            hear(estate, 7).await.unwrap();
            assert_eq!(targets(estate, "web").await.len(), 1, "{crash}");
        },
    )
    .await;
    assert!(calls >= 4, "{calls} calls");
}

#[tokio::test]
async fn records_come_back_from_tags() {
    let estate = estate();
    estate.aws.enable(OWN_ACCOUNT, &["us-east-1", "eu-west-1"]);
    let (web, far) = (estate.instance("us-east-1", 3), estate.instance("eu-west-1", 2));
    estate.change([&web, &far].map(|id| PolicyChange::PutTarget(name("web"), estate.target(id))));
    let End::Finished(_, id) = Execution::new(&estate, "x", start("web")).run().await else { panic!() };
    let before = estate.beside().store.sets(&sample::root(), id).await.unwrap();
    assert!(scan(&estate, "1", &rebuild(false)).await.iter().all(|looked| looked.changes == 0), "all on record");

    let mut lost = estate.beside().store.backup(&sample::root(), id).await.unwrap().unwrap();
    lost.phase = Phase::Deleting;
    estate.beside().store.put(&sample::root(), &lost, Phase::Finished).await.unwrap();
    estate.beside().store.remove(&sample::root(), id).await.unwrap();
    assert!(!estate.breaches().is_empty(), "orphans");
    let dry: u32 = scan(&estate, "2", &rebuild(true)).await.iter().map(|looked| looked.changes).sum();
    assert!(dry > 0);
    assert_eq!(estate.beside().store.backup(&sample::root(), id).await.unwrap(), None, "a dry run changes nothing");

    scan(&estate, "3", &rebuild(false)).await;
    let backup = estate.beside().store.backup(&sample::root(), id).await.unwrap().unwrap();
    assert_eq!((backup.status, backup.counts, backup.sets), (Status::PartiallySuccessful, false, 2));
    let after = estate.beside().store.sets(&sample::root(), id).await.unwrap();
    let snapshots = |sets: &[cpm_domain::unit::UnitSet]| {
        let mut ids: Vec<_> = sets.iter().flat_map(|set| &set.units).map(|unit| unit.id.clone().unwrap()).collect();
        ids.sort();
        ids
    };
    assert_eq!(snapshots(&before), snapshots(&after));
    assert_eq!(estate.breaches(), Vec::<String>::new());
    assert!(scan(&estate, "4", &rebuild(false)).await.iter().all(|looked| looked.changes == 0));
    let next = estate.beside().store.next_id(&sample::root()).await.unwrap();
    assert!(next > BackupId(1), "numbers are never given twice");
}
