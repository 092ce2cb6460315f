use cpm_domain::unit::UnitKind;
use cpm_domain::{
    aws::{AwsError, Refusal},
    id::BackupId,
};
use cpm_ports::{Access, Backups, Clock, Driver, Executions, Machine, Place};
use futures::future::join_all;
use jiff::SignedDuration;

use super::*;
use crate::{Estate, Fate, Whom, at_each_call, at_once, sample};

async fn next(estate: &Estate) -> Option<u64> {
    estate.store.next_id(&sample::root()).await.ok().map(|id| id.0)
}

#[test]
fn a_call_fails_before_or_after_its_effect() {
    let estate = Estate::new();
    estate.faults.fail_call(2, When::Before);
    estate.faults.fail_call(4, When::After);
    estate.faults.fail_call(5, When::Halfway);
    let given: Vec<_> = (0..6).map(|_| at_once(next(&estate))).collect();
    assert_eq!(given, [Some(1), None, Some(2), None, None, Some(4)], "a call of one part has no half");
}

#[test]
fn calls_are_counted_across_ports() {
    let estate = Estate::new();
    let place = sample::place("us-east-1");
    estate.faults.fail_call(3, When::Before);
    at_once(next(&estate)).unwrap();
    at_once(estate.aws.find(&place, UnitKind::EbsSnapshot, &sample::sought())).unwrap();
    let error = at_once(estate.executions.look(Machine::Backup, "web-1")).unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Unknown, "states:DescribeExecution"));
    let calls: Vec<_> = estate.faults.calls().iter().map(ToString::to_string).collect();
    assert_eq!(
        calls,
        ["store:next_id root", "ec2:DescribeSnapshots cpm:deployment=cpm", "states:DescribeExecution web-1"]
    );
    assert_eq!(estate.faults.tally()["store:next_id"], 1);
    assert_eq!(estate.faults.count("*"), 3);
}

#[test]
fn outside_of_run_the_dead_fail_until_they_are_revived() {
    let estate = Estate::new();
    estate.faults.crash_at(1, When::After);
    assert_eq!([at_once(next(&estate)), at_once(next(&estate))], [None, None]);
    assert_eq!(estate.faults.died_at().unwrap().name, "store:next_id");
    assert_eq!(at_once(next(&estate.beside())), Some(2), "somebody else lives");
    estate.faults.revive();
    assert_eq!(at_once(next(&estate)), Some(3));
    assert_eq!(estate.faults.count("store:next_id"), 2, "the dead call nobody");
}

#[tokio::test]
async fn inside_of_run_no_call_and_no_wait_returns_to_the_dead() {
    let estate = Estate::new();
    estate.faults.crash_at(1, When::After);
    let went_on = std::cell::Cell::new(false);
    let ended = estate
        .faults
        .run(async {
            next(&estate).await;
            went_on.set(true);
        })
        .await;
    assert_eq!((ended, went_on.get()), (None, false));
    estate.faults.run(estate.clock.sleep(SignedDuration::from_secs(1))).await;
    assert_eq!((estate.clock.now(), estate.clock.sleeps().len()), (sample::start(), 0));
    estate.faults.revive();
    assert_eq!(estate.faults.run(next(&estate)).await, Some(Some(2)));
}

#[tokio::test]
async fn those_beside_a_call_die_with_it() {
    let estate = Estate::new();
    estate.faults.crash_at(3, When::Before);
    assert!(estate.faults.run(join_all((0..9).map(|_| next(&estate)))).await.is_none());
    assert_eq!(at_once(next(&estate.beside())), Some(3));
}

#[test]
fn throttles_and_refusals_are_for_the_next_calls_of_a_name() {
    let estate = Estate::new();
    let place = sample::place("us-east-1");
    estate.faults.throttle_next("ec2:Describe*", 2);
    let find = || {
        at_once(estate.aws.find(&place, UnitKind::EbsSnapshot, &sample::sought()))
            .map_err(|error| (error.refusal, error.code))
            .map(|_| ())
    };
    assert_eq!(at_once(next(&estate)), Some(1));
    let throttled = Err((Refusal::Throttled, "RequestLimitExceeded".to_owned()));
    assert_eq!([find(), find(), find()], [throttled.clone(), throttled, Ok(())]);
    let quota =
        AwsError { refusal: Refusal::Limit, action: String::new(), code: "Quota".into(), message: "m".into() };
    estate.faults.refuse_next("ec2:DescribeSnapshots", 1, &quota);
    assert_eq!([find(), find()], [Err((Refusal::Limit, "Quota".to_owned())), Ok(())]);
    estate.faults.throttle_next("store:*", 1);
    assert_eq!([at_once(next(&estate)), at_once(next(&estate))], [None, Some(2)]);
}

#[test]
fn denials_are_for_a_place_until_taken_back() {
    let estate = Estate::new();
    estate.aws.site("222222222222", "us-east-1");
    let there = |region: &str| Place {
        access: Access::for_backup(&sample::member("prod", "222222222222")),
        region: region.parse().unwrap(),
    };
    let denied = |place: &Place| at_once(estate.aws.tagged(place)).err().map(|error| error.action);
    estate.faults.deny("ec2:DescribeVolumes", "eu-west-1");
    assert_eq!(denied(&sample::place("eu-west-1")).as_deref(), Some("ec2:DescribeVolumes"));
    assert_eq!(denied(&sample::place("us-east-1")), None);
    estate.faults.allow("ec2:DescribeVolumes");
    estate.faults.deny("sts:AssumeRole", Whom::account("222222222222").within("us-east-1"));
    assert_eq!(denied(&there("us-east-1")).as_deref(), Some("sts:AssumeRole"));
    assert_eq!(denied(&there("eu-west-1")), None);
    assert_eq!(denied(&sample::place("us-east-1")), None);
    estate.faults.clear();
    estate.faults.deny("ec2:*", &there("us-east-1"));
    assert_eq!(denied(&there("us-east-1")).as_deref(), Some("ec2:DescribeInstances"));
}

#[test]
fn somebody_comes_in_between_once() {
    let estate = Estate::new();
    let other = estate.beside();
    estate.faults.meanwhile("store:next_id", move || {
        at_once(next(&other));
    });
    assert_eq!([at_once(next(&estate)), at_once(next(&estate))], [Some(2), Some(3)]);
    assert_eq!(estate.faults.calls().len(), 2);
}

#[tokio::test]
async fn calls_beside_each_other_come_in_other_orders() {
    let mut orders = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let estate = Estate::new();
        estate.faults.interleave(seed);
        orders.insert(join_all((0..5).map(|_| next(&estate))).await);
    }
    assert!(orders.len() > 5, "{orders:?}");
}

#[tokio::test]
async fn each_call_is_tried_at_each_point() {
    let tried = std::cell::RefCell::new(Vec::new());
    let calls = at_each_call(
        Fate::Killed,
        async || Estate::new(),
        async |estate: &Estate| {
            next(estate).await;
            estate.store.create(&sample::root(), &sample::backup(7, "web"), &[], &[]).await.ok();
        },
        async |estate: &Estate, crash| {
            let record = estate.store.backup(&sample::root(), BackupId(7)).await.unwrap().is_some();
            tried.borrow_mut().push((crash.n, crash.when, record));
        },
    )
    .await;
    assert_eq!(calls, 2);
    let expected = [
        (1, When::Before, false),
        (1, When::After, false),
        (2, When::Before, false),
        (2, When::Halfway, false),
        (2, When::After, true),
    ];
    assert_eq!(*tried.borrow(), expected);
}

#[tokio::test]
async fn an_unanswered_call_does_not_end_the_process() {
    let calls = at_each_call(
        Fate::Unanswered,
        async || Estate::new(),
        async |estate: &Estate| {
            next(estate).await;
            next(estate).await;
        },
        async |estate: &Estate, crash| assert_eq!(estate.faults.calls().len(), 2, "{crash}"),
    )
    .await;
    assert_eq!(calls, 2);
}
