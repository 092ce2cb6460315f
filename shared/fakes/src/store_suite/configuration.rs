//! Accounts, schedules, policies, targets and settings.

use cpm_domain::{
    account::{Account, AccountType, Own, Role, ScanRule},
    app_aware::{AppAware, ExcludedWriters},
    name::OwnerName,
    settings::Settings,
    tag::BackupOption,
    target::{PutBy, Target, VolumeChoice},
};
use cpm_ports::{BackupQuery, PolicyChange, Store};

use super::{
    assert_lost,
    samples::{account, at, event, policy, policy_name, region, root, schedule, schedule_name, target},
};

/// Makes changes, each with an event that tells of it.
async fn change(store: &dyn Store, owner: &OwnerName, changes: Vec<PolicyChange>) {
    let with_event = |change| {
        let subject = format!("{change:?}");
        (change, event(0, &subject))
    };
    let changes: Vec<_> = changes.into_iter().map(with_event).collect();
    store.change(owner, &changes).await.unwrap();
}

pub async fn an_empty_store_answers(store: &dyn Store) {
    let web = policy_name("web");
    assert_eq!(store.owners().await.unwrap(), [root()]);
    assert_eq!(store.settings(&root()).await.unwrap(), Settings::default());
    assert_eq!(store.policies(&root()).await.unwrap(), []);
    assert_eq!(store.policy(&root(), &web).await.unwrap(), None);
    assert_eq!(store.targets(&root(), &web).await.unwrap(), []);
    assert_eq!(store.slots(&root(), &web).await.unwrap(), []);
    assert_eq!(store.lease(&root(), &web).await.unwrap(), None);
    assert_eq!(store.due(at(0), None, 10).await.unwrap(), []);
    assert_eq!(store.alerts(&root()).await.unwrap(), []);
    assert_eq!(store.events(&root(), None, 10).await.unwrap(), []);
    assert_eq!(store.scans(&root(), 10).await.unwrap(), []);
    let query = BackupQuery { limit: 10, ..BackupQuery::default() };
    assert_eq!(store.list(&root(), &query).await.unwrap().backups, []);
    store.change(&root(), &[]).await.unwrap();
}

pub async fn what_is_configured_is_read_back(store: &dyn Store) {
    let own = Account {
        name: "main".parse().unwrap(),
        kind: AccountType::Backup,
        role: Role::Own(Own::Own),
        scan: ScanRule::default(),
    };
    let plain = target("eu-west-1", "vol-0000000a");
    let rich = Target {
        volumes: VolumeChoice::Exclude(["vol-0000000b".parse().unwrap(), "vol-0000000a".parse().unwrap()].into()),
        option: Some(BackupOption::InitialAmi),
        app_aware: Some(AppAware {
            volumes: ["d:".parse().unwrap()].into(),
            exclude_writers: ExcludedWriters::All,
            ..AppAware::default()
        }),
        put_by: PutBy::Person,
        ..target("eu-west-1", "i-0000000a")
    };
    let web = policy_name("web");
    let changes = vec![
        PolicyChange::PutAccount(own.clone()),
        PolicyChange::PutAccount(account("prod")),
        PolicyChange::PutSchedule(schedule("nightly")),
        PolicyChange::CreatePolicy(policy("web")),
        PolicyChange::PutTarget(web.clone(), plain.clone()),
        PolicyChange::PutTarget(web.clone(), rich.clone()),
        PolicyChange::PutSettings(Settings { record_days: 90, initial_ami_rotation_days: 0 }),
    ];
    change(store, &root(), changes).await;
    assert_eq!(store.account(&root(), &own.name).await.unwrap(), Some(own.clone()));
    assert_eq!(store.accounts(&root()).await.unwrap(), [own, account("prod")]);
    assert_eq!(store.schedule(&root(), &schedule_name("nightly")).await.unwrap(), Some(schedule("nightly")));
    assert_eq!(store.policy(&root(), &web).await.unwrap(), Some(policy("web")));
    assert_eq!(store.targets(&root(), &web).await.unwrap(), [rich, plain]);
    let settings = Settings { record_days: 90, initial_ami_rotation_days: 0 };
    assert_eq!(store.settings(&root()).await.unwrap(), settings);
    assert_eq!(store.events(&root(), None, 10).await.unwrap().len(), 7);
}

pub async fn what_is_configured_comes_in_order_of_name(store: &dyn Store) {
    let names = ["web.2", "Web", "web", "web-1", "a", "web_3", "web10"];
    let mut changes = Vec::new();
    for name in names {
        changes.push(PolicyChange::PutAccount(account(name)));
        changes.push(PolicyChange::PutSchedule(schedule(name)));
        changes.push(PolicyChange::CreatePolicy(policy(name)));
    }
    change(store, &root(), changes).await;
    let sorted = ["Web", "a", "web", "web-1", "web.2", "web10", "web_3"];
    let accounts = store.accounts(&root()).await.unwrap();
    assert_eq!(accounts.iter().map(|account| account.name.as_str()).collect::<Vec<_>>(), sorted);
    let schedules = store.schedules(&root()).await.unwrap();
    assert_eq!(schedules.iter().map(|schedule| schedule.name().as_str()).collect::<Vec<_>>(), sorted);
    let policies = store.policies(&root()).await.unwrap();
    assert_eq!(policies.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(), sorted);
}

pub async fn what_is_removed_is_gone(store: &dyn Store) {
    let web = policy_name("web");
    let (nightly, volume) = (schedule_name("nightly"), target("eu-west-1", "vol-0000000a"));
    let changes = vec![
        PolicyChange::PutAccount(account("prod")),
        PolicyChange::PutSchedule(schedule("nightly")),
        PolicyChange::CreatePolicy(policy("web")),
        PolicyChange::PutTarget(web.clone(), volume.clone()),
        PolicyChange::PutSlot { policy: web.clone(), schedule: nightly.clone(), next: Some(at(0)) },
    ];
    change(store, &root(), changes).await;
    let removals = vec![
        PolicyChange::RemoveSlot { policy: web.clone(), schedule: nightly.clone() },
        PolicyChange::RemoveTarget(web.clone(), volume.key()),
        PolicyChange::RemovePolicy(web.clone()),
        PolicyChange::RemoveSchedule(nightly.clone()),
        PolicyChange::RemoveAccount("prod".parse().unwrap()),
    ];
    // What is gone already is fine: a call that was cut off is made again.
    change(store, &root(), removals.clone()).await;
    change(store, &root(), removals).await;
    assert_eq!(store.accounts(&root()).await.unwrap(), []);
    assert_eq!(store.schedules(&root()).await.unwrap(), []);
    assert_eq!(store.policies(&root()).await.unwrap(), []);
    assert_eq!(store.targets(&root(), &web).await.unwrap(), []);
    assert_eq!(store.policies_with(&root(), &volume.key()).await.unwrap(), []);
    assert_eq!(store.slots(&root(), &web).await.unwrap(), []);
    assert_eq!(store.due(at(1), None, 10).await.unwrap(), []);
}

pub async fn a_policy_is_made_once_with_all_that_goes_with_it(store: &dyn Store) {
    let volume = target("eu-west-1", "vol-0000000a");
    let web = policy_name("web");
    change(store, &root(), vec![PolicyChange::CreatePolicy(policy("web"))]).await;
    let again = [
        (PolicyChange::PutTarget(web.clone(), volume), event(1, "web's target")),
        (PolicyChange::CreatePolicy(cpm_domain::policy::Policy { generations: 1, ..policy("web") }), event(1, "web")),
    ];
    assert_lost(&store.change(&root(), &again).await);
    assert_eq!(store.policy(&root(), &web).await.unwrap(), Some(policy("web")));
    assert_eq!(store.targets(&root(), &web).await.unwrap(), [], "all of it or nothing");
    assert_eq!(store.events(&root(), None, 10).await.unwrap().len(), 1, "what did not happen is not on the trail");
}

pub async fn a_policy_that_is_gone_is_not_replaced(store: &dyn Store) {
    assert_lost(&store.change(&root(), &[(PolicyChange::PutPolicy(policy("web")), event(0, "web"))]).await);
    assert_eq!(store.policies(&root()).await.unwrap(), []);
    change(store, &root(), vec![PolicyChange::CreatePolicy(policy("web"))]).await;
    let disabled = cpm_domain::policy::Policy { enabled: false, ..policy("web") };
    change(store, &root(), vec![PolicyChange::PutPolicy(disabled.clone())]).await;
    assert_eq!(store.policies(&root()).await.unwrap(), [disabled]);
}

pub async fn targets_come_by_region_and_id(store: &dyn Store) {
    let web = policy_name("web");
    let sorted = [
        target("ap-south-1", "vol-0000000a"),
        target("eu-west-1", "i-0000000a"),
        target("eu-west-1", "i-0000000b"),
        target("eu-west-1", "vol-0000000a"),
        target("eu-west-10", "i-0000000a"),
    ];
    let puts = sorted.iter().rev().map(|target| PolicyChange::PutTarget(web.clone(), target.clone())).collect();
    change(store, &root(), puts).await;
    change(store, &root(), vec![PolicyChange::PutTarget(policy_name("web2"), target("eu-west-1", "i-0000000c"))])
        .await;
    assert_eq!(store.targets(&root(), &web).await.unwrap(), sorted);
    let by_person = Target { put_by: PutBy::Person, ..sorted[0].clone() };
    change(store, &root(), vec![PolicyChange::PutTarget(web.clone(), by_person.clone())]).await;
    assert_eq!(store.targets(&root(), &web).await.unwrap()[0], by_person, "a target is replaced");
}

pub async fn a_resource_knows_its_policies(store: &dyn Store) {
    let key = target("eu-west-1", "i-0000000a").key();
    let put = |policy: &str, target| PolicyChange::PutTarget(policy_name(policy), target);
    let changes = vec![
        put("web", target("eu-west-1", "i-0000000a")),
        put("db", target("eu-west-1", "i-0000000a")),
        put("dr", target("us-east-1", "i-0000000a")),
        put("web", target("eu-west-1", "i-0000000b")),
    ];
    change(store, &root(), changes).await;
    assert_eq!(store.policies_with(&root(), &key).await.unwrap(), [policy_name("db"), policy_name("web")]);
    change(store, &root(), vec![PolicyChange::RemoveTarget(policy_name("db"), key.clone())]).await;
    assert_eq!(store.policies_with(&root(), &key).await.unwrap(), [policy_name("web")]);
    let elsewhere = cpm_domain::target::TargetKey { region: region("ap-south-1"), ..key };
    assert_eq!(store.policies_with(&root(), &elsewhere).await.unwrap(), []);
}

pub async fn owners_are_apart(store: &dyn Store) {
    let jo: OwnerName = "jo".parse().unwrap();
    let (web, volume) = (policy_name("web"), target("eu-west-1", "vol-0000000a"));
    let changes = |generations| {
        let policy = cpm_domain::policy::Policy { generations, ..policy("web") };
        vec![PolicyChange::CreatePolicy(policy), PolicyChange::PutTarget(web.clone(), volume.clone())]
    };
    change(store, &root(), changes(1)).await;
    change(store, &jo, changes(2)).await;
    change(store, &jo, vec![PolicyChange::RemoveTarget(web.clone(), volume.key())]).await;
    assert_eq!(store.owners().await.unwrap(), [jo.clone(), root()]);
    assert_eq!(store.policy(&root(), &web).await.unwrap().unwrap().generations, 1);
    assert_eq!(store.policy(&jo, &web).await.unwrap().unwrap().generations, 2);
    assert_eq!(store.policies_with(&root(), &volume.key()).await.unwrap(), std::slice::from_ref(&web));
    assert_eq!(store.policies_with(&jo, &volume.key()).await.unwrap(), []);
    assert_eq!(store.events(&root(), None, 10).await.unwrap().len(), 2);
    assert_eq!(store.events(&jo, None, 10).await.unwrap().len(), 3);
}

pub async fn many_changes_are_made_in_order(store: &dyn Store) {
    let web = policy_name("web");
    let id = |n: u32| format!("vol-{n:08x}");
    let mut changes = vec![PolicyChange::CreatePolicy(policy("web"))];
    changes.extend((0..120).map(|n| PolicyChange::PutTarget(web.clone(), target("eu-west-1", &id(n)))));
    // What was put in is taken out again by the same call.
    changes.push(PolicyChange::RemoveTarget(web.clone(), target("eu-west-1", &id(119)).key()));
    changes.push(PolicyChange::RemoveTarget(web.clone(), target("eu-west-1", &id(118)).key()));
    changes.push(PolicyChange::PutTarget(web.clone(), target("eu-west-1", &id(118))));
    change(store, &root(), changes).await;
    let ids: Vec<String> =
        store.targets(&root(), &web).await.unwrap().iter().map(|target| target.resource.id().to_owned()).collect();
    assert_eq!(ids, (0..119).map(id).collect::<Vec<_>>());
    assert_eq!(store.events(&root(), None, 1).await.unwrap().len(), 124, "one event of each, of one instant");
}
