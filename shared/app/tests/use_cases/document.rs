//! Windows instances whose snapshots AWS's own document for VSS makes.

use cpm_domain::{
    app_aware::{AppAware, Vss},
    id::BackupId,
    kind::InstanceId,
    policy::Policy,
    status::Status,
    tag::BackupOption,
    target::{Target, VolumeChoice},
    unit::UnitState,
};
use cpm_fakes::{Estate, Fate, Outcome, at_each_call, sample};

use crate::machine::{At, End, Execution, start};

const DOCUMENT: &str = "AWSEC2-VssInstallAndSnapshot";

fn estate(volumes: VolumeChoice) -> (Estate, InstanceId) {
    let estate = Estate::new();
    let windows = estate.aws.here("us-east-1").windows(2);
    let aware = Some(AppAware::default());
    let option = Some(BackupOption::OnlySnaps);
    let target = Target { app_aware: aware, option, volumes, ..estate.target(&windows) };
    estate.policy(Policy { vss: Vss::Aws, ..sample::policy("web") }, [target]);
    (estate, windows)
}

/// What the document does on the instance, with the tags that it was told.
fn makes_snapshots(estate: &Estate, windows: &InstanceId) {
    if !estate.aws.made().is_empty() || estate.systems.sent().is_empty() {
        return;
    }
    let told = &estate.systems.sent()[0].request.parameters["tags"][0];
    let tags = told.split(';').map(|tag| {
        let (key, value) = tag.strip_prefix("Key=").unwrap().split_once(",Value=").unwrap();
        (key.to_owned(), value.to_owned())
    });
    let tags = tags.collect();
    for volume in estate.aws.volumes_of(windows) {
        estate.aws.here("us-east-1").snapshot(&volume, &tags);
    }
}

async fn run(execution: &Execution, windows: &InstanceId) -> End {
    for _ in 0..200 {
        let at = execution.at();
        if let At::Ended(end) = at {
            return end;
        }
        makes_snapshots(&execution.estate, windows);
        execution.step(&at).await.unwrap();
    }
    panic!("no end: at {:?}", execution.at());
}

#[tokio::test]
async fn the_document_makes_the_snapshots_and_they_are_found() {
    let (estate, windows) = estate(VolumeChoice::All);
    let execution = Execution::new(&estate, "x", start("web"));
    assert!(matches!(run(&execution, &windows).await, End::Finished(_, BackupId(1))));
    assert_eq!(execution.backup(BackupId(1)).await.status, Status::Successful);
    let sets = execution.sets(BackupId(1)).await;
    assert!(sets[0].units.iter().all(|unit| unit.state == UnitState::Completed && unit.id.is_some()));
    assert_eq!((estate.systems.sent().len(), estate.faults.count("ec2:CreateSnapshots")), (1, 0));
    assert_eq!(estate.systems.sent()[0].request.document, DOCUMENT);
    assert_eq!(estate.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn a_document_that_fails_fails_the_units_with_its_words() {
    let (estate, _) = estate(VolumeChoice::All);
    estate.systems.whenever(DOCUMENT, Outcome::exit(1).saying("VSS writers timed out"));
    let execution = Execution::new(&estate, "x", start("web"));
    assert!(matches!(execution.run().await, End::Finished(_, BackupId(1))));
    assert_eq!(execution.backup(BackupId(1)).await.status, Status::Failed);
    let error = execution.sets(BackupId(1)).await[0].units[0].error.clone().unwrap();
    assert!(error.message.contains("VSS writers timed out"), "{error}");
}

#[tokio::test]
async fn a_choice_of_data_volumes_is_refused() {
    let (estate, windows) = estate(VolumeChoice::All);
    let data = estate.aws.volumes_of(&windows)[1].clone();
    let target = Target {
        app_aware: Some(AppAware::default()),
        option: Some(BackupOption::OnlySnaps),
        volumes: VolumeChoice::Exclude([data].into()),
        ..estate.target(&windows)
    };
    estate.change([cpm_ports::PolicyChange::PutTarget("web".parse().unwrap(), target)]);
    let execution = Execution::new(&estate, "x", start("web"));
    execution.run().await;
    let backup = execution.backup(BackupId(1)).await;
    assert_eq!(backup.status, Status::Failed);
    assert!(backup.log.iter().any(|line| line.message.contains("`vss: diskshadow`")), "{:#?}", backup.log);
}

#[tokio::test]
async fn killed_anywhere_it_is_sent_once() {
    at_each_call(
        Fate::Killed,
        async || {
            let (estate, _) = estate(VolumeChoice::All);
            Execution::new(&estate, "x", start("web"))
        },
        async |execution: &Execution| {
            execution.run().await;
        },
        async |execution: &Execution, crash| {
            execution.run_again().await;
            println!("{crash}");
            assert_eq!(execution.estate.systems.sent().len(), 1);
            assert_eq!(execution.estate.breaches(), Vec::<String>::new());
        },
    )
    .await;
}
