//! What recoveries ask of DynamoDB, and how its answers are read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_place::Roles;
use cpm_aws_tables::Tables;
use cpm_domain::{
    aws::{AwsError, Refusal, Tags},
    id::{BackupId, UnitId},
    name::OwnerName,
    recovery::{
        Mark, RecoveryId,
        facts::{Facts, Question},
        plan::TablePlan,
        work::{Action, Made, MadeKind, MadeState, Order, Ref},
    },
};
use cpm_ports::{Access, Place, Removals, Restorer};
use rstest::rstest;
use serde_json::{Value, json};

const BACKUP: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/carts/backup/01489173575360-b308cd7d";
const TABLE: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/carts-2";

fn here() -> Place {
    Place { access: Access::Own, region: "eu-west-1".parse().unwrap() }
}

fn tables(script: &Script) -> Tables {
    Tables::new(&Roles::new(&script.config()))
}

fn refusal(code: &str) -> (u16, String) {
    (400, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "AWS's words"}).to_string())
}

fn done(body: &Value) -> (u16, String) {
    (200, body.to_string())
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn order(what: Action) -> Order {
    let tags = tags(&[("cpm:deployment", "cpm"), ("cpm:owner", "root"), ("cpm:recovery", "r17"), ("cpm:work", "3")]);
    Order { work: 3, what, made: vec![], token: "cpm-root-r17-3".into(), tags }
}

async fn carry_out(script: &Script, what: Action) -> Result<Vec<Made>, AwsError> {
    tables(script).carry_out(&here(), &order(what)).await
}

fn restore(plan: TablePlan) -> Action {
    Action::RestoreTable { backup: BACKUP.into(), plan: TablePlan { name: Some("carts-2".into()), ..plan } }
}

#[rstest]
#[case(TablePlan::default(), json!({}))]
#[case(
    TablePlan { billing: Some("PROVISIONED".into()), read_units: Some(5), write_units: Some(6), ..TablePlan::default() },
    json!({
        "BillingModeOverride": "PROVISIONED",
        "ProvisionedThroughputOverride": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
    })
)]
#[case(
    TablePlan { billing: Some("PAY_PER_REQUEST".into()), read_units: Some(5), write_units: Some(6), ..TablePlan::default() },
    json!({"BillingModeOverride": "PAY_PER_REQUEST"})
)]
#[case(
    TablePlan { kms_key: Some("arn:key".into()), deletion_protection: Some(true), ..TablePlan::default() },
    json!({"SSESpecificationOverride": {"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "arn:key"}})
)]
#[case(
    TablePlan { kms_key: Some(String::new()), ..TablePlan::default() },
    json!({"SSESpecificationOverride": {"Enabled": false}})
)]
#[tokio::test]
async fn restores_a_table(#[case] plan: TablePlan, #[case] more: Value) {
    let script =
        Script::of([done(&json!({"TableDescription": {"TableName": "carts-2", "TableStatus": "CREATING"}}))]);
    assert_eq!(carry_out(&script, restore(plan)).await, Ok(vec![Made::pending(MadeKind::Table, "carts-2")]));
    let asked = &script.asked()[0];
    assert_eq!(asked.target, "DynamoDB_20120810.RestoreTableFromBackup");
    let mut expected = json!({"TargetTableName": "carts-2", "BackupArn": BACKUP});
    expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert_eq!(serde_json::from_str::<Value>(&asked.body).unwrap(), expected);
}

fn table(status: &str, backup: &str) -> (u16, String) {
    done(&json!({"Table": {
        "TableName": "carts-2", "TableStatus": status, "TableArn": TABLE,
        "RestoreSummary": {"SourceBackupArn": backup, "RestoreDateTime": 1.0, "RestoreInProgress": true},
    }}))
}

#[tokio::test]
async fn tags_a_table_by_its_arn() {
    let script = Script::of([table("ACTIVE", BACKUP), (200, String::new())]);
    let own = tags(&[("Name", "w"), ("cpm:work", "9")]);
    carry_out(&script, Action::TagTable { table: Ref::Id("carts-2".into()), tags: own }).await.unwrap();
    let asked = &script.asked()[1];
    assert_eq!(asked.target, "DynamoDB_20120810.TagResource");
    let sent: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(sent["ResourceArn"], TABLE);
    let sent = sent["Tags"].as_array().unwrap().iter().map(|tag| format!("{}={}", tag["Key"], tag["Value"]));
    assert_eq!(
        sent.collect::<Vec<_>>().join(" ").replace('"', ""),
        "Name=w cpm:deployment=cpm cpm:owner=root cpm:recovery=r17 cpm:work=3"
    );
    let gone = Script::of([refusal("ResourceNotFoundException")]);
    let what = Action::TagTable { table: Ref::Id("carts-2".into()), tags: Tags::new() };
    assert_eq!(carry_out(&gone, what).await.unwrap_err().message, "there is no table carts-2");
}

#[tokio::test]
async fn protects_a_table() {
    let script = Script::of([done(&json!({}))]);
    carry_out(&script, Action::ProtectManaged { kind: MadeKind::Table, of: Ref::Id("carts-2".into()) })
        .await
        .unwrap();
    let asked = &script.asked()[0];
    assert_eq!(asked.target, "DynamoDB_20120810.UpdateTable");
    let expected = json!({"TableName": "carts-2", "DeletionProtectionEnabled": true});
    assert_eq!(serde_json::from_str::<Value>(&asked.body).unwrap(), expected);
}

fn mark(owner: &OwnerName) -> Mark<'_> {
    Mark { deployment: "cpm", owner, recovery: RecoveryId(17), backup: BackupId(5) }
}

#[rstest]
#[case(table("CREATING", BACKUP), 1)]
#[case(table("CREATING", "arn:aws:dynamodb:eu-west-1:111122223333:table/carts/backup/another"), 0)]
#[case(refusal("ResourceNotFoundException"), 0)]
#[tokio::test]
async fn a_table_is_known_by_the_backup_that_it_is_of(#[case] answer: (u16, String), #[case] expected: usize) {
    let root = OwnerName::root();
    let script = Script::of([answer]);
    let found = tables(&script).find(&here(), &order(restore(TablePlan::default())), &mark(&root)).await.unwrap();
    assert_eq!(found.len(), expected);
    let tagging = order(Action::TagTable { table: Ref::Id("carts-2".into()), tags: Tags::new() });
    assert_eq!(tables(&Script::default()).find(&here(), &tagging, &mark(&root)).await, Ok(vec![]));
}

#[rstest]
#[case("CREATING", MadeState::Pending)]
#[case("ACTIVE", MadeState::Ready)]
#[case("UPDATING", MadeState::Pending)]
#[case("DELETING", MadeState::Pending)]
#[case("INACCESSIBLE_ENCRYPTION_CREDENTIALS", MadeState::Failed)]
#[tokio::test]
async fn tables_are_seen(#[case] status: &str, #[case] expected: MadeState) {
    let script = Script::of([table(status, BACKUP), refusal("ResourceNotFoundException")]);
    let ids = ["carts-2".to_owned(), "gone".to_owned()];
    let seen = tables(&script).look(&here(), MadeKind::Table, &ids).await.unwrap();
    assert_eq!((seen[0].state, seen[1].state), (expected, MadeState::Gone));
    assert_eq!(seen[0].cause.is_some(), expected == MadeState::Failed);
}

#[tokio::test]
async fn all_of_a_recovery_is_found_by_its_mark() {
    let root = OwnerName::root();
    let mapping = json!({"ResourceTagMappingList": [{"ResourceARN": TABLE}]});
    let script = Script::of([done(&mapping), table("ACTIVE", BACKUP)]);
    let found = tables(&script).marked(&here(), MadeKind::Table, &mark(&root)).await.unwrap();
    assert_eq!((found[0].id.as_str(), found[0].state), ("carts-2", MadeState::Ready));
    let sent: Value = serde_json::from_str(&script.asked()[0].body).unwrap();
    assert_eq!(
        sent["TagFilters"],
        json!([
            {"Key": "cpm:deployment", "Values": ["cpm"]},
            {"Key": "cpm:owner", "Values": ["root"]},
            {"Key": "cpm:recovery", "Values": ["r17"]},
        ])
    );
}

#[tokio::test]
async fn removes_a_table() {
    let script = Script::of([
        done(&json!({})),
        refusal("ResourceNotFoundException"),
        refusal("ResourceInUseException"),
        refusal("ValidationException"),
    ]);
    let tables = tables(&script);
    tables.remove(&here(), MadeKind::Table, "carts-2").await.unwrap();
    tables.remove(&here(), MadeKind::Table, "carts-2").await.unwrap();
    assert_eq!(tables.remove(&here(), MadeKind::Table, "carts-2").await.unwrap_err().refusal, Refusal::Busy);
    assert_eq!(tables.remove(&here(), MadeKind::Table, "carts-2").await.unwrap_err().refusal, Refusal::Invalid);
    assert_eq!(script.asked()[0].target, "DynamoDB_20120810.DeleteTable");
    assert_eq!(script.asked()[0].body, r#"{"TableName":"carts-2"}"#);
    assert_eq!(script.asked().len(), 4, "each is made once");
}

#[rstest]
#[case("TableAlreadyExistsException", Refusal::Exists)]
#[case("TableInUseException", Refusal::Busy)]
#[case("BackupInUseException", Refusal::Busy)]
#[case("BackupNotFoundException", Refusal::NotFound)]
#[case("LimitExceededException", Refusal::Limit)]
#[case("AccessDeniedException", Refusal::Denied)]
#[case("ValidationException", Refusal::Invalid)]
#[tokio::test]
async fn refusals(#[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([refusal(code), done(&json!({}))]);
    let error = carry_out(&script, restore(TablePlan::default())).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (expected, "dynamodb:RestoreTableFromBackup"));
    assert_eq!(script.asked().len(), 1, "the use case repeats, not the SDK");
}

#[tokio::test]
async fn questions() {
    let details = json!({"BackupArn": BACKUP, "BackupName": "b", "BackupStatus": "AVAILABLE", "BackupType": "USER",
        "BackupCreationDateTime": 1.0});
    let backup = json!({"BackupDescription": {"BackupDetails": details, "SourceTableFeatureDetails": {
        "SSEDescription": {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": "arn:key"}}}});
    let script = Script::of([
        table("ACTIVE", BACKUP),
        refusal("ResourceNotFoundException"),
        done(&backup),
        refusal("BackupNotFoundException"),
    ]);
    let asked = [
        Question::Table("carts-2".into()),
        Question::Table("free".into()),
        Question::TableBackup(UnitId::new(BACKUP)),
        Question::TableBackup(UnitId::new("gone")),
        Question::Zones,
    ];
    let facts: Facts = tables(&script).ask(&here(), &asked).await.unwrap();
    assert_eq!(facts.names, [asked[0].clone()].into());
    assert_eq!(facts.managed.len(), 1);
    let fact = &facts.managed[&UnitId::new(BACKUP)];
    assert_eq!((fact.status.as_str(), fact.kms_key.as_deref()), ("available", Some("arn:key")));
}
