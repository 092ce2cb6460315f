//! What is asked of DynamoDB and of the tagging API, and how their answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::{Asked, Script};
use cpm_aws_place::Roles;
use cpm_aws_tables::Tables;
use cpm_domain::{
    aws::{Found, Tags, UnitRequest},
    id::{BackupId, UnitId},
    kind::{Kind, Resource},
    name::OwnerName,
    origin::{Completed, Origin, Reading, TableOrigin},
    provenance::Sought,
    unit::{UnitKind, UnitState},
};
use cpm_ports::{Access, Deletions, Driver, Place};
use rstest::rstest;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/sessions/backup/01489173575360-b308cd7d";

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn tables(script: &Script) -> Tables {
    Tables::new(&Roles::new(&script.config()))
}

fn script(answers: impl IntoIterator<Item = Value>) -> Script {
    Script::of(answers.into_iter().map(|answer| (200, answer.to_string())))
}

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap()
}

fn resources(names: &[&str]) -> Vec<Resource> {
    names.iter().map(|name| Resource::new(Kind::Dynamodb, name).unwrap()).collect()
}

#[tokio::test]
async fn describes_each_table() {
    let table = |status: &str| (200, json!({ "Table": { "TableStatus": status } }).to_string());
    let gone = (400, json!({ "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException" }).to_string());
    let script = Script::of([table("ACTIVE"), gone, table("ACTIVE")]);
    let asked = resources(&["sessions", "carts", "users"]);
    let found = tables(&script).describe(&here(), Kind::Dynamodb, &asked).await.unwrap();
    assert_eq!(found.len(), 2);
    let Found::Managed(first) = &found[0] else { panic!("{found:?}") };
    assert_eq!((first.status.as_str(), &first.tags), ("ACTIVE", &Tags::new()));
    let mut of: Vec<Value> = script.asked().iter().map(|asked| body(asked)["TableName"].clone()).collect();
    of.sort_by_key(ToString::to_string);
    assert_eq!(of, ["carts", "sessions", "users"]);
    assert_eq!(script.asked()[0].target, "DynamoDB_20120810.DescribeTable");
}

#[tokio::test]
async fn a_table_that_cannot_be_described_fails_the_call() {
    let denied = json!({ "__type": "com.amazon.coral.service#AccessDeniedException", "Message": "no" }).to_string();
    let script = Script::of([(400, denied)]);
    let error = tables(&script).describe(&here(), Kind::Dynamodb, &resources(&["sessions"])).await.unwrap_err();
    assert_eq!(error.action, "dynamodb:DescribeTable");
}

#[tokio::test]
async fn finds_what_is_tagged() {
    let page = |name: &str, token: &str| {
        json!({
            "PaginationToken": token,
            "ResourceTagMappingList": [{
                "ResourceARN": format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}"),
                "Tags": [{ "Key": "team", "Value": "shop" }, { "Key": "cpm backup", "Value": "web" }],
            }],
        })
    };
    let script = script([page("sessions", "next"), page("carts", "")]);
    let tagged = tables(&script).tagged(&here()).await.unwrap();
    let read: Vec<_> = tagged.iter().map(|one| (one.resource.id(), one.value.as_str())).collect();
    assert_eq!(read, [("sessions", "web"), ("carts", "web")]);
    let asked = script.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].target, "ResourceGroupsTaggingAPI_20170126.GetResources");
    assert_eq!(
        body(&asked[0]),
        json!({
            "TagFilters": [{ "Key": "cpm backup" }],
            "ResourcesPerPage": 100,
            "ResourceTypeFilters": ["dynamodb:table"],
        })
    );
    assert_eq!(body(&asked[1])["PaginationToken"], "next");
}

#[tokio::test]
async fn backs_a_table_up() {
    let made = json!({ "BackupDetails": {
        "BackupArn": ARN,
        "BackupName": "cpm.-17-1.-root.-web.-cpm",
        "BackupStatus": "CREATING",
        "BackupType": "USER",
        "BackupCreationDateTime": 1_772_330_400.5,
    }});
    let script = script([made]);
    let request = UnitRequest {
        kind: UnitKind::DynamodbBackup,
        target: resources(&["sessions"]).remove(0),
        name: "cpm.-17-1.-root.-web.-cpm".into(),
        excluded: vec![],
        exclude_boot: false,
        image: None,
        description: String::new(),
        tags: Tags::from([("cpm:backup".into(), "17".into())]),
        copy_tags: false,
    };
    let made = tables(&script).create(&here(), &request).await.unwrap();
    assert_eq!((made[0].id.as_str(), made[0].state), (ARN, UnitState::Pending));
    assert_eq!(made[0].source.as_ref(), Some(&request.target));
    assert_eq!(made[0].started, Some("2026-03-01T02:00:00.5Z".parse().unwrap()));
    let asked = &script.asked()[0];
    assert_eq!(asked.target, "DynamoDB_20120810.CreateBackup");
    assert_eq!(body(asked), json!({ "TableName": "sessions", "BackupName": "cpm.-17-1.-root.-web.-cpm" }));
}

fn summary(name: &str, status: &str) -> Value {
    json!({
        "TableName": "sessions",
        "BackupArn": format!("{ARN}/{name}"),
        "BackupName": name,
        "BackupStatus": status,
        "BackupType": "USER",
        "BackupCreationDateTime": 1_772_330_400.0,
    })
}

#[tokio::test]
async fn finds_backups_by_what_their_names_say() {
    let ours = "cpm.-17-1.-root.-web.-cpm";
    let pages = [
        json!({
            "BackupSummaries": [
                summary(ours, "AVAILABLE"),
                summary("cpm.-18-1.-root.-web.-cpm", "AVAILABLE"),
                summary("cpm.-17-1.-root.-web.-another", "AVAILABLE"),
            ],
            "LastEvaluatedBackupArn": ARN,
        }),
        json!({ "BackupSummaries": [summary("before-the-migration", "AVAILABLE")] }),
    ];
    let script = script(pages);
    let owner = OwnerName::root();
    let sought = Sought { deployment: "cpm", backup: Some((&owner, BackupId(17))) };
    let found = tables(&script).find(&here(), UnitKind::DynamodbBackup, &sought).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].report.id.as_str(), format!("{ARN}/{ours}"));
    assert_eq!(found[0].report.source, Some(resources(&["sessions"]).remove(0)));
    assert_eq!(found[0].report.started, Some("2026-03-01T02:00:00Z".parse().unwrap()));
    assert_eq!((found[0].tags["cpm:unit"].as_str(), found[0].tags["cpm:policy"].as_str()), ("17-1", "web"));
    let asked = script.asked();
    assert_eq!(body(&asked[0]), json!({ "BackupType": "USER", "Limit": 100 }));
    assert_eq!(body(&asked[1])["ExclusiveStartBackupArn"], ARN);
    assert_eq!(asked.len(), 2);
}

#[rstest]
#[case("CREATING", UnitState::Pending)]
#[case("AVAILABLE", UnitState::Completed)]
#[case("DELETED", UnitState::Deleted)]
#[tokio::test]
async fn states_of_backups(#[case] status: &str, #[case] expected: UnitState) {
    let script = script([json!({ "BackupSummaries": [summary("cpm.-17-1.-root.-web.-cpm", status)] })]);
    let sought = Sought { deployment: "cpm", backup: None };
    let found = tables(&script).find(&here(), UnitKind::DynamodbBackup, &sought).await.unwrap();
    assert_eq!(found[0].report.state, expected);
}

#[tokio::test]
async fn deletes_a_backup() {
    let script = script([json!({})]);
    tables(&script).delete(&here(), UnitKind::DynamodbBackup, &UnitId::new(ARN)).await.unwrap();
    assert_eq!(script.asked()[0].target, "DynamoDB_20120810.DeleteBackup");
    assert_eq!(body(&script.asked()[0]), json!({ "BackupArn": ARN }));
}

fn arn_of(name: &str) -> String {
    format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}")
}

fn described(name: &str, more: &Value) -> Value {
    let mut table = json!({ "TableName": name, "TableStatus": "ACTIVE", "TableArn": arn_of(name) });
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "Table": table })
}

async fn told(script: &Script, names: &[&str]) -> Vec<Origin> {
    let found = tables(script).describe(&here(), Kind::Dynamodb, &resources(names)).await.unwrap();
    found.iter().map(|found| found.origin().unwrap().clone()).collect()
}

async fn complete(script: &Script, origins: Vec<Origin>) -> Completed {
    let (at, patience) = ("2026-11-21T02:00:00Z".parse().unwrap(), jiff::SignedDuration::from_secs(60));
    tables(script).complete(&here(), Reading { kind: Kind::Dynamodb, origins, at, patience }).await
}

#[tokio::test]
async fn a_table_tells_how_it_is_and_tags_come_in_one_call() {
    let provisioned = json!({
        "ProvisionedThroughput": { "ReadCapacityUnits": 20, "WriteCapacityUnits": 5 },
        "DeletionProtectionEnabled": true,
        "SSEDescription": { "KMSMasterKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/k" },
    });
    let on_demand = json!({
        "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
        "ProvisionedThroughput": { "ReadCapacityUnits": 0, "WriteCapacityUnits": 0 },
    });
    let tags = json!({ "ResourceTagMappingList": [
        { "ResourceARN": arn_of("carts"), "Tags": [{ "Key": "team", "Value": "shop" }] },
    ] });
    let script = script([described("carts", &provisioned), described("users", &on_demand), tags]);
    let done = complete(&script, told(&script, &["carts", "users"]).await).await;
    let carts = TableOrigin {
        name: "carts".into(),
        arn: Some(arn_of("carts")),
        billing: Some("PROVISIONED".into()),
        read_units: Some(20),
        write_units: Some(5),
        deletion_protection: true,
        kms_key: Some("arn:aws:kms:eu-west-1:111122223333:key/k".into()),
        tags: Tags::from([("team".into(), "shop".into())]),
        unread: vec![],
    };
    let users = TableOrigin {
        name: "users".into(),
        arn: Some(arn_of("users")),
        billing: Some("PAY_PER_REQUEST".into()),
        ..TableOrigin::default()
    };
    assert_eq!(done.unread, []);
    assert_eq!(done.origins, [carts, users].map(|table| Origin::Dynamodb(Box::new(table))));
    let asked = &script.asked()[2];
    assert_eq!(asked.target, "ResourceGroupsTaggingAPI_20170126.GetResources");
    assert_eq!(body(asked), json!({ "ResourceARNList": [arn_of("carts"), arn_of("users")] }));
}

#[tokio::test]
async fn tags_that_are_denied_are_named() {
    let denied = json!({ "__type": "AccessDeniedException", "Message": "no" }).to_string();
    let script = Script::of([(200, described("carts", &json!({})).to_string()), (400, denied)]);
    let done = complete(&script, told(&script, &["carts"]).await).await;
    let [unread] = done.unread.as_slice() else { panic!("{:?}", done.unread) };
    assert_eq!((&unread.of, unread.error.action.as_str()), (&resources(&["carts"]), "tag:GetResources"));
    let [Origin::Dynamodb(table)] = done.origins.as_slice() else { panic!() };
    assert_eq!(table.unread.len(), 1);
}

#[tokio::test]
async fn a_hundred_tables_are_one_call() {
    let tables: Vec<Origin> = (0..101)
        .map(|n| {
            let name = format!("t-{n}");
            Origin::Dynamodb(Box::new(TableOrigin { arn: Some(arn_of(&name)), name, ..TableOrigin::default() }))
        })
        .collect();
    let none = || json!({ "ResourceTagMappingList": [] });
    let script = script([none(), none()]);
    assert_eq!(complete(&script, tables).await.unread, []);
    assert_eq!(script.asked().len(), 2);
    assert_eq!(complete(&script, vec![]).await, Completed::default());
    assert_eq!(script.asked().len(), 2, "nothing is asked about nothing");
}
