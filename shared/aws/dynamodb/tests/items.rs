//! What is in the table, and what it costs to put it there.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking, and so do the functions they share"
)]

mod emulator;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::{
    Client,
    config::{self, ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
    types::AttributeValue,
};
use cpm_aws_dynamodb::Table;
use cpm_domain::{
    alert::Category,
    backup::{Backup, Phase},
    id::BackupId,
    kind::Kind,
    recovery::{
        RecoveryId,
        work::{Work, WorkState},
    },
    script::ScriptPhase,
    unit::{UnitSet, UnitState},
};
use cpm_fakes::store_suite::samples::{
    account, alert, at, backup, entry, event, lease, line, origin, policy, policy_name, recovery, region, root, run,
    scan, schedule, schedule_name, set, target, work,
};
use cpm_ports::{
    Alerts, AuditTrail, Backups, Configuration, Due, Freezer, Leases, Origins, PolicyChange, Recoveries, Scans,
    ScriptRuns, Slots, StoreError,
};

type Item = HashMap<String, AttributeValue>;

/// The names of the calls that were made.
#[derive(Debug, Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        self.0.lock().unwrap().push(target.rsplit('.').next().unwrap_or_default().to_owned());
        Ok(())
    }
}

impl Calls {
    /// The calls since it was asked last.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// How many writes since it was asked last.
    fn writes(&self) -> usize {
        self.take().iter().filter(|call| !["GetItem", "Query"].contains(&call.as_str())).count()
    }
}

/// A table, what it is made by, and its calls.
async fn watched() -> (Table, Client, String, Calls) {
    let calls = Calls::default();
    let name = emulator::fresh_name().await;
    let config = config::Builder::from(&emulator::config().await).interceptor(calls.clone()).build();
    let plain = Client::new(&emulator::config().await);
    (Table::with_client(Client::from_conf(config), &name), plain, name, calls)
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

async fn set_attribute(client: &Client, table: &str, (pk, sk): (&str, &str), name: &str, value: AttributeValue) {
    let call = client.update_item().table_name(table).key("pk", text(pk)).key("sk", text(sk));
    let call = call.update_expression("SET #name = :value").expression_attribute_names("#name", name);
    call.expression_attribute_values(":value", value).send().await.unwrap();
}

async fn delete(client: &Client, table: &str, (pk, sk): (&str, &str)) {
    client.delete_item().table_name(table).key("pk", text(pk)).key("sk", text(sk)).send().await.unwrap();
}

#[tokio::test]
async fn every_item_says_what_it_is() {
    let (store, client, name, _) = watched().await;
    let web = policy_name("web");
    let changes = [
        PolicyChange::PutAccount(account("prod")),
        PolicyChange::PutSchedule(schedule("nightly")),
        PolicyChange::CreatePolicy(policy("web")),
        PolicyChange::PutTarget(web.clone(), target("eu-west-1", "i-0000000a")),
        PolicyChange::PutSlot { policy: web.clone(), schedule: schedule_name("nightly"), next: Some(at(0)) },
        PolicyChange::PutSettings(cpm_domain::settings::Settings { record_days: 1, initial_ami_rotation_days: 90 }),
    ];
    let changes: Vec<_> = changes.into_iter().map(|change| (change, event(0, "x"))).collect();
    store.change(&root(), &changes).await.unwrap();
    store.take(&root(), &lease("web", "a", at(0)), None).await.unwrap();
    store.next_id(&root()).await.unwrap();
    store.create(&root(), &backup(1, "web"), &[set(1, None)], &[run(ScriptPhase::Before, 1)]).await.unwrap();
    store.create(&root(), &Backup { phase: Phase::Finished, ..backup(2, "web") }, &[], &[]).await.unwrap();
    store.freeze(&root(), &entry(2, "web", "Good"), &[], &event(0, "x")).await.unwrap();
    store.put_origins(&root(), BackupId(2), &[origin("eu-west-1", Kind::Instance, "i-0000000a")]).await.unwrap();
    store.next_recovery(&root()).await.unwrap();
    store.put_recovery(&root(), &recovery(1, "web")).await.unwrap();
    store.add_works(&root(), RecoveryId(1), &[work(1)]).await.unwrap();
    store.put_alert(&root(), &alert(Category::Backup, "web", 1)).await.unwrap();
    store.put_scan(&root(), &scan("1")).await.unwrap();
    let account = "prod".parse().unwrap();
    let lines = [line("prod", "eu-west-1", "a")];
    store.put_scan_lines(&root(), "1", &account, &region("eu-west-1"), &lines).await.unwrap();
    // A test may scan the table; the store never does.
    let items: Vec<Item> = client.scan().table_name(&name).send().await.unwrap().items.unwrap();
    let mut words: Vec<&str> = items.iter().map(|item| item["item"].as_s().unwrap().as_str()).collect();
    words.sort_unstable();
    words.dedup();
    let all = [
        "account", "alert", "backup", "counter", "event", "frozen", "lease", "lines", "origin", "owner", "policy",
        "recovery", "run", "scan", "schedule", "set", "settings", "slot", "target", "work",
    ];
    assert_eq!(words, all);
    for item in &items {
        assert_eq!(item["schema"], AttributeValue::N("1".into()), "{item:?}");
        let goes_by_itself = ["scan", "lines"].contains(&item["item"].as_s().unwrap().as_str());
        assert_eq!(item.contains_key("expires_at"), goes_by_itself, "{item:?}");
    }
}

#[tokio::test]
async fn an_item_of_another_schema_is_not_read() {
    let (store, client, name, _) = watched().await;
    store.change(&root(), &[(PolicyChange::CreatePolicy(policy("web")), event(0, "web"))]).await.unwrap();
    let place = ("OWNER#root#POLICIES", "web");
    set_attribute(&client, &name, place, "schema", AttributeValue::N("2".into())).await;
    let expected = StoreError::Unreadable {
        key: "OWNER#root#POLICIES / web".into(),
        reason: "its schema is 2, and this version reads 1".into(),
    };
    assert_eq!(store.policy(&root(), &policy_name("web")).await, Err(expected.clone()));
    assert_eq!(store.policies(&root()).await, Err(expected));
}

#[tokio::test]
async fn what_cannot_be_read_does_not_hold_up_what_is_due() {
    let (store, client, name, _) = watched().await;
    for (n, policy) in ["a", "b", "c"].into_iter().enumerate() {
        let next = Some(at(i64::try_from(n).unwrap()));
        let slot = PolicyChange::PutSlot { policy: policy_name(policy), schedule: schedule_name("nightly"), next };
        store.change(&root(), &[(slot, event(0, policy))]).await.unwrap();
    }
    for policy in ["a", "b"] {
        let place = format!("OWNER#root#POLICY#{policy}");
        set_attribute(&client, &name, (&place, "SLOT#nightly"), "schema", AttributeValue::N("2".into())).await;
    }
    for limit in [1, 2, 10] {
        let due = store.due(at(9), None, limit).await.unwrap();
        assert_eq!(due.len(), 1, "limit {limit}");
        assert!(matches!(&due[0].what, Due::Slot { policy, .. } if policy.as_str() == "c"));
    }
}

#[tokio::test]
async fn a_plan_that_was_cut_off_is_made_anew() {
    let (store, client, name, _) = watched().await;
    let record = ("OWNER#root#BACKUPS", "000000000017");
    let first = backup(17, "web");
    let runs = [run(ScriptPhase::Before, 1), run(ScriptPhase::After, 1)];
    store.create(&root(), &first, &[set(1, None), set(2, None), set(3, None)], &runs).await.unwrap();
    delete(&client, &name, record).await;
    let second = Backup { execution: "second".into(), ..first };
    let replaced = UnitSet { exclude_boot: false, ..set(1, None) };
    store.create(&root(), &second, &[replaced.clone(), set(2, None)], &runs[1..]).await.unwrap();
    assert_eq!(
        store.sets(&root(), second.id).await.unwrap(),
        [replaced, set(2, None)],
        "nothing is left of the first"
    );
    assert_eq!(store.runs(&root(), second.id).await.unwrap(), runs[1..]);
    assert_eq!(store.backup(&root(), second.id).await.unwrap(), Some(second));
}

#[tokio::test]
async fn a_plan_that_comes_late_spoils_nothing() {
    let (store, client, name, _) = watched().await;
    let record = ("OWNER#root#BACKUPS", "000000000017");
    store.create(&root(), &backup(17, "web"), &[set(1, None)], &[]).await.unwrap();
    let begun = run(ScriptPhase::Before, 1);
    store.create(&root(), &backup(18, "web"), &[], std::slice::from_ref(&begun)).await.unwrap();
    store.put_run(&root(), backup(18, "web").id, &begun).await.unwrap();
    delete(&client, &name, ("OWNER#root#BACKUPS", "000000000018")).await;
    store.create(&root(), &backup(18, "web"), &[], std::slice::from_ref(&begun)).await.unwrap();
    assert_eq!(store.runs(&root(), backup(18, "web").id).await.unwrap()[0].version, 1);
    let asked = set(1, Some("snap-0000000a"));
    store.put_set(&root(), backup(17, "web").id, &asked).await.unwrap();
    // As the late one sees it, which looked before the record was there.
    delete(&client, &name, record).await;
    store.create(&root(), &backup(17, "web"), &[set(1, None)], &[]).await.unwrap();
    assert_eq!(store.sets(&root(), backup(17, "web").id).await.unwrap(), [UnitSet { version: 1, ..asked }]);
}

#[tokio::test]
async fn a_backup_of_an_instance_takes_few_writes() {
    let (store, _, _, calls) = watched().await;
    let owner = root();
    let mut held = lease("web", "a", at(100));
    let mut record = Backup { id: store.next_id(&owner).await.unwrap(), ..backup(0, "web") };
    held.backup = record.id;
    store.take(&owner, &held, None).await.unwrap();
    store.create(&owner, &record, &[set(1, None)], &[]).await.unwrap();
    store.put_set(&owner, record.id, &set(1, Some("snap-0000000a"))).await.unwrap();
    record.phase = Phase::Asked;
    store.put(&owner, &record, Phase::Planned).await.unwrap();
    record.wake = Some("token".into());
    store.put(&owner, &record, Phase::Asked).await.unwrap();
    let mut settled = UnitSet { version: 1, ..set(1, Some("snap-0000000a")) };
    settled.units.iter_mut().for_each(|unit| unit.state = UnitState::Completed);
    store.put_set(&owner, record.id, &settled).await.unwrap();
    record.phase = Phase::Finished;
    store.put(&owner, &record, Phase::Asked).await.unwrap();
    store.clear_alert(&owner, Category::Backup, "web").await.unwrap();
    store.release(&owner, &held).await.unwrap();
    // The slot is advanced by one more.
    assert_eq!(calls.writes(), 10);
}

#[tokio::test]
async fn a_recovery_takes_two_writes_a_work_and_few_of_its_own() {
    let (store, _, _, calls) = watched().await;
    let owner = root();
    let id = store.next_recovery(&owner).await.unwrap();
    let mut record = cpm_domain::recovery::Recovery { id, ..recovery(0, "web") };
    store.put_recovery(&owner, &record).await.unwrap();
    store.add_works(&owner, id, &[work(1), work(2), work(3)]).await.unwrap();
    for work in store.works(&owner, id).await.unwrap() {
        store.put_work(&owner, id, &Work { state: WorkState::Done, ..work }).await.unwrap();
    }
    record.version = 1;
    store.put_recovery(&owner, &record).await.unwrap();
    assert_eq!(calls.take().iter().filter(|call| *call != "Query").count(), 9);
    store.add_works(&owner, id, &[]).await.unwrap();
    store.put_origins(&owner, BackupId(17), &[]).await.unwrap();
    assert_eq!(calls.writes(), 0);
}

#[tokio::test]
async fn what_does_not_change_is_not_written() {
    let (store, _, _, calls) = watched().await;
    store.clear_alert(&root(), Category::Backup, "web").await.unwrap();
    store.remove(&root(), backup(17, "web").id).await.unwrap();
    store.change(&root(), &[]).await.unwrap();
    let account = "prod".parse().unwrap();
    store.put_scan_lines(&root(), "1", &account, &region("eu-west-1"), &[]).await.unwrap();
    store.create(&root(), &backup(17, "web"), &[set(1, None)], &[]).await.unwrap();
    assert_eq!(calls.writes(), 2, "those of the new backup");
    store.create(&root(), &backup(17, "web"), &[set(1, None)], &[]).await.unwrap();
    assert_eq!(calls.writes(), 0);
}

#[tokio::test]
async fn fifty_changes_are_one_transaction() {
    let (store, _, _, calls) = watched().await;
    let put = |n: u32| {
        let change = PolicyChange::PutTarget(policy_name("web"), target("eu-west-1", &format!("vol-{n:08x}")));
        (change, event(0, &n.to_string()))
    };
    store.change(&root(), &(0..50).map(put).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(calls.take(), ["GetItem", "PutItem", "TransactWriteItems"], "the owner is put on the list once");
    store.change(&root(), &(0..101).map(put).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(calls.take(), ["GetItem", "TransactWriteItems", "TransactWriteItems", "TransactWriteItems"]);
    store.change(&root(), &[put(0), put(1), put(0)]).await.unwrap();
    assert_eq!(calls.take(), ["GetItem", "TransactWriteItems", "TransactWriteItems"], "an item once a transaction");
}

#[tokio::test]
async fn an_item_that_is_too_large_is_refused() {
    let store = emulator::fresh().await;
    let large = cpm_domain::audit::Event { details: "x".repeat(500_000), ..event(0, "x") };
    let refused = store.record(&root(), &large).await;
    assert!(matches!(&refused, Err(StoreError::Refused(words)) if words.contains("Item size")), "{refused:?}");
}

#[tokio::test]
async fn a_table_that_is_not_there_is_refused() {
    let store = Table::new(&emulator::config().await, "nowhere");
    let refused = store.policies(&root()).await;
    let says = |words: &str| words.contains("ResourceNotFoundException");
    assert!(matches!(&refused, Err(StoreError::Refused(words)) if says(words)), "{refused:?}");
    let refused = store.change(&root(), &[(PolicyChange::CreatePolicy(policy("web")), event(0, "web"))]).await;
    assert!(matches!(&refused, Err(StoreError::Refused(words)) if says(words)), "{refused:?}");
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_not_available() {
    // A port that was free a moment ago: nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = Table::new(&emulator::sdk(&format!("http://127.0.0.1:{port}")), "t");
    let refused = store.next_id(&root()).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}
