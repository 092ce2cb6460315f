//! The drivers on the local cloud: what they ask is understood, and what is answered is read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds nothing has failed"
)]

mod cloud;

use std::time::Duration;

use aws_config::SdkConfig;
use cloud::Cloud;
use cpm_aws_targets::{deleters, drivers};
use cpm_domain::{
    aws::{Found, FoundUnit, Refusal, UnitRequest},
    kind::{Kind, Resource},
    name::OwnerName,
    provenance::{Provenance, Sought},
    unit::{UnitKind, UnitState},
    unit_name::unit_name,
};
use cpm_ports::{Access, Driver, Place};
use jiff::Timestamp;

const DEPLOYMENT: &str = "cpm";

fn here() -> Place {
    Place { access: Access::Own, region: "us-east-1".parse().unwrap() }
}

/// The request for a unit of `target`, of the set `set`.
fn request(target: &Resource, set: &str) -> UnitRequest {
    let kind = target.kind().units()[0];
    let provenance = Provenance {
        deployment: DEPLOYMENT.to_owned(),
        owner: OwnerName::root(),
        policy: "web".parse().unwrap(),
        unit: set.parse().unwrap(),
        source: target.clone(),
    };
    UnitRequest {
        kind,
        target: target.clone(),
        name: unit_name(kind, &provenance, Timestamp::UNIX_EPOCH),
        excluded: vec![],
        exclude_boot: false,
        image: None,
        description: String::new(),
        tags: provenance.tags(),
        copy_tags: false,
    }
}

/// The one unit of a set, once it is `state`.
async fn found(driver: &dyn Driver, request: &UnitRequest, state: UnitState) -> FoundUnit {
    let owner = OwnerName::root();
    let backup = Provenance::read(&request.tags, request.kind).unwrap().backup();
    let sought = Sought { deployment: DEPLOYMENT, backup: Some((&owner, backup)) };
    for _ in 0..600 {
        let found = driver.find(&here(), request.kind, &sought).await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        if found[0].report.state == state {
            return found[0].clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the unit does not become {state:?} within half a minute");
}

/// Follows a unit from its source to its end.
async fn follow(config: &SdkConfig, target: &Resource, while_pending: Option<Refusal>) {
    let (drivers, deleters) = (drivers(config), deleters(config));
    let driver = drivers.of_kind(target.kind()).unwrap();
    let (first, second) = (request(target, "17-1"), request(target, "18-1"));
    let deletions = deleters.of_unit(first.kind).unwrap();

    let tagged = driver.tagged(&here()).await.unwrap();
    assert!(tagged.iter().any(|tagged| tagged.resource == *target && tagged.value == "web"), "{tagged:?}");
    let gone = Resource::new(target.kind(), "gone").unwrap();
    let described = driver.describe(&here(), target.kind(), &[gone.clone(), target.clone()]).await.unwrap();
    assert_eq!(described.iter().map(Found::resource).collect::<Vec<_>>(), std::slice::from_ref(target));
    assert_eq!(driver.describe(&here(), target.kind(), &[gone]).await, Ok(vec![]));

    let made = driver.create(&here(), &first).await.unwrap();
    assert_eq!((made.len(), made[0].state, made[0].source.as_ref()), (1, UnitState::Pending, Some(target)));
    let again = driver.create(&here(), &second).await;
    assert_eq!(again.err().map(|error| error.refusal), while_pending, "while the first is made");
    let refused = deletions.delete(&here(), first.kind, &made[0].id).await.unwrap_err();
    assert_eq!(refused.refusal, Refusal::InUse, "what is being made is not deleted");

    let unit = found(driver, &first, UnitState::Completed).await;
    assert_eq!((&unit.report.id, unit.report.source.as_ref()), (&made[0].id, Some(target)));
    assert_eq!(Provenance::read(&unit.tags, first.kind), Provenance::read(&first.tags, first.kind));
    assert!(unit.report.started.is_some());
    let twice = driver.create(&here(), &first).await;
    if first.kind == UnitKind::DynamodbBackup {
        assert!(twice.is_ok(), "names of tables' backups may be the same");
    } else {
        assert_eq!(twice.unwrap_err().refusal, Refusal::Exists);
    }
    for _ in 0..2 {
        deletions.delete(&here(), first.kind, &unit.report.id).await.unwrap();
    }
}

#[tokio::test]
async fn units_of_each_kind_are_made_found_and_deleted() {
    let cloud = Cloud::up();
    cloud.make(
        "
tags = [{'Key': 'cpm backup', 'Value': 'web'}]
master = {'MasterUsername': 'root', 'MasterUserPassword': 'Hunter2222', 'Tags': tags}
rds = client('rds')
rds.create_db_instance(DBInstanceIdentifier='orders', DBInstanceClass='db.t3.micro', Engine='mysql',
    AllocatedStorage=20, **master)
rds.create_db_cluster(DBClusterIdentifier='ledger', Engine='aurora-mysql', **master)
client('redshift').create_cluster(ClusterIdentifier='dwh', NodeType='ra3.large', **master)
client('dynamodb').create_table(TableName='sessions', BillingMode='PAY_PER_REQUEST', Tags=tags,
    AttributeDefinitions=[{'AttributeName': 'id', 'AttributeType': 'S'}],
    KeySchema=[{'AttributeName': 'id', 'KeyType': 'HASH'}])
",
    );
    let (resources, tables) = (cloud.resources(), cloud.serverless());
    let busy = Some(Refusal::Busy);
    let of = |kind, id| Resource::new(kind, id).unwrap();
    let (orders, ledger) = (of(Kind::Rds, "orders"), of(Kind::Aurora, "ledger"));
    let (dwh, sessions) = (of(Kind::Redshift, "dwh"), of(Kind::Dynamodb, "sessions"));
    tokio::join!(
        follow(&resources, &orders, busy),
        follow(&resources, &ledger, busy),
        // Redshift makes several snapshots of a cluster at a time.
        follow(&resources, &dwh, None),
        follow(&tables, &sessions, busy),
    );
}
