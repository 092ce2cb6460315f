//! Deleting what retention no longer keeps, and nothing else.

use crate::machine::{End, Execution, start};
use cpm_app::cleanup::Steps;
use cpm_contracts::cleanup::{Settled, StartCleanup};
use cpm_domain::{alert::Category, backup::Phase, id::BackupId, policy::Policy, settings::Settings};
use cpm_fakes::{DEPLOYMENT, Estate, Fate, at_each_call, sample};
use cpm_ports::{Alerts, BackupQuery, Backups, Clock, Deadline, PolicyChange};
use jiff::SignedDuration;

pub fn steps(estate: &Estate) -> Steps<'_> {
    Steps {
        store: &estate.store,
        deleters: &estate.deleters,
        removers: &estate.removers,
        clock: &estate.clock,
        deployment: DEPLOYMENT,
    }
}

/// The cleanup state machine.
pub async fn clean(estate: &Estate) -> cpm_app::Result<Settled> {
    let steps = steps(estate);
    let planned = steps.plan(&StartCleanup::default()).await?;
    if !planned.due {
        return Ok(Settled { removed: 0, blocked: 0 });
    }
    loop {
        let deleted = steps.delete(Deadline(estate.clock.now() + SignedDuration::from_mins(4))).await?;
        if !deleted.left {
            return steps.settle().await;
        }
        estate.clock.advance(SignedDuration::from_secs(deleted.wait.into()));
    }
}

/// A policy of two generations that ran `runs` times.
pub async fn estate(runs: u32, volumes: usize) -> Estate {
    let estate = Estate::new();
    let web = estate.instance("us-east-1", volumes);
    estate.policy(Policy { generations: 2, ..sample::policy("web") }, [estate.target(web)]);
    for n in 0..runs {
        estate.clock.advance(SignedDuration::from_hours(1));
        let End::Finished(..) = Execution::new(&estate, &format!("x{n}"), start("web")).run().await else { panic!() };
    }
    estate.faults.forget_calls();
    estate
}

pub async fn ids(estate: &Estate) -> Vec<u64> {
    let query = BackupQuery { policy: None, limit: 100, before: None };
    let page = estate.beside().store.list(&sample::root(), &query).await.unwrap();
    page.backups.iter().map(|backup| backup.id.0).collect()
}

#[tokio::test]
async fn the_newest_generations_stay() {
    let estate = estate(5, 3).await;
    let settled = clean(&estate).await.unwrap();
    assert_eq!(settled, Settled { removed: 3, blocked: 0 });
    assert_eq!(ids(&estate).await, [5, 4]);
    assert_eq!(estate.aws.made().len(), 6);
    assert_eq!(estate.breaches(), Vec::<String>::new());
    assert_eq!(clean(&estate).await.unwrap(), Settled { removed: 0, blocked: 0 }, "a second one finds nothing");
}

#[tokio::test]
async fn snapshots_of_others_stay() {
    let estate = estate(5, 1).await;
    let volume = estate.volume("us-east-1");
    let theirs = estate.aws.here("us-east-1").snapshot(&volume, &cpm_domain::aws::Tags::new());
    clean(&estate).await.unwrap();
    assert!(!estate.aws.deleted().contains(&theirs));
}

#[tokio::test]
async fn killed_anywhere_the_next_cleanup_goes_on() {
    let calls = at_each_call(
        Fate::Killed,
        async || estate(4, 2).await,
        async |estate: &Estate| {
            clean(estate).await.unwrap();
        },
        async |estate: &Estate, crash| {
            clean(estate).await.unwrap();
            assert_eq!(ids(estate).await, [4, 3], "{crash}");
            assert_eq!(estate.breaches(), Vec::<String>::new(), "{crash}");
            assert_eq!(estate.aws.deleted().len(), 4, "{crash}");
        },
    )
    .await;
    assert!(calls > 8, "{calls} calls");
}

#[tokio::test]
async fn what_an_image_uses_stays_on_record_and_is_named() {
    let estate = estate(3, 2).await;
    let sets = estate.beside().store.sets(&sample::root(), BackupId(1)).await.unwrap();
    let used = sets[0].units[0].id.clone().unwrap();
    estate.aws.use_in_image(&used);
    let settled = clean(&estate).await.unwrap();
    assert_eq!(settled, Settled { removed: 0, blocked: 1 });
    let backup = estate.beside().store.backup(&sample::root(), BackupId(1)).await.unwrap().unwrap();
    assert_eq!(backup.phase, Phase::Deleting);
    assert_eq!(estate.aws.deleted().len(), 1, "the other snapshot of the backup is gone");
    let alert = estate.beside().store.alert(&sample::root(), Category::Cleanup, "web").await.unwrap().unwrap();
    assert!(alert.message.contains(used.as_str()), "{}", alert.message);
    // Once nothing uses it any more, it goes, and so does the alert.
    estate.aws.release(&used);
    assert_eq!(clean(&estate).await.unwrap(), Settled { removed: 1, blocked: 0 });
    assert_eq!(estate.beside().store.alert(&sample::root(), Category::Cleanup, "web").await.unwrap(), None);
}

#[tokio::test]
async fn five_hundred_are_deleted_at_aws_pace_with_few_other_calls() {
    let estate = estate(12, 50).await;
    estate.aws.keep_rates();
    let began = estate.clock.now();
    clean(&estate).await.unwrap();
    assert_eq!(estate.aws.deleted().len(), 500);
    let deletes = estate.faults.count("ec2:DeleteSnapshot");
    assert!((500..=501).contains(&deletes), "{deletes} calls, some in vain");
    assert_eq!(estate.faults.count("ec2:*"), deletes);
    let took = estate.clock.now().duration_since(began).as_secs();
    assert!((80..140).contains(&took), "{took} s");
}

#[tokio::test]
async fn a_record_stays_for_its_days() {
    let estate = estate(3, 1).await;
    estate.change([PolicyChange::PutSettings(Settings { record_days: 90, ..Settings::default() })]);
    assert_eq!(clean(&estate).await.unwrap().removed, 1);
    let backup = estate.beside().store.backup(&sample::root(), BackupId(1)).await.unwrap().unwrap();
    assert_eq!(backup.phase, Phase::Deleted);
    assert!(!backup.is_kept());
    estate.clock.advance(SignedDuration::from_hours(91 * 24));
    // Something else has to be due for a cleanup to go that far; the next backup makes it so.
    Execution::new(&estate, "later", start("web")).run().await;
    clean(&estate).await.unwrap();
    assert_eq!(estate.beside().store.backup(&sample::root(), BackupId(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_throttled_delete_is_made_again() {
    let estate = estate(3, 2).await;
    estate.faults.throttle_next("ec2:DeleteSnapshot", 5);
    assert_eq!(clean(&estate).await.unwrap(), Settled { removed: 1, blocked: 0 });
}

#[tokio::test]
async fn a_denied_delete_names_the_role() {
    let estate = estate(3, 1).await;
    estate.faults.deny("ec2:DeleteSnapshot", "us-east-1");
    assert_eq!(clean(&estate).await.unwrap(), Settled { removed: 0, blocked: 1 });
    let alert = estate.beside().store.alert(&sample::root(), Category::Cleanup, "web").await.unwrap().unwrap();
    assert!(alert.message.contains("ec2:DeleteSnapshot as the role of the function cleaner"), "{}", alert.message);
}
