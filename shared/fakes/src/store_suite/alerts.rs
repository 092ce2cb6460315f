//! Alerts.

use cpm_domain::{alert::Category, name::OwnerName};
use cpm_ports::Store;

use super::{
    assert_lost,
    samples::{alert, root},
};

pub async fn an_alert_stands_until_it_is_cleared(store: &dyn Store) {
    let first = alert(Category::Backup, "web", 1);
    store.clear_alert(&root(), Category::Backup, "web").await.unwrap();
    store.put_alert(&root(), &first).await.unwrap();
    assert_eq!(store.alert(&root(), Category::Backup, "web").await.unwrap(), Some(first));
    let second = alert(Category::Backup, "web", 2);
    store.put_alert(&root(), &second).await.unwrap();
    assert_eq!(store.alerts(&root()).await.unwrap(), [second]);
    store.clear_alert(&root(), Category::Backup, "web").await.unwrap();
    assert_eq!(store.alert(&root(), Category::Backup, "web").await.unwrap(), None);
    assert_eq!(store.alerts(&root()).await.unwrap(), []);
    let anew = alert(Category::Backup, "web", 1);
    store.put_alert(&root(), &anew).await.unwrap();
    assert_eq!(store.alerts(&root()).await.unwrap(), [anew]);
}

pub async fn an_alert_that_was_raised_meanwhile_is_not_overwritten(store: &dyn Store) {
    let mine = alert(Category::Scan, "prod eu-west-1", 2);
    store.put_alert(&root(), &alert(Category::Scan, "prod eu-west-1", 1)).await.unwrap();
    store.put_alert(&root(), &mine).await.unwrap();
    assert_lost(&store.put_alert(&root(), &alert(Category::Scan, "prod eu-west-1", 2)).await);
    assert_lost(&store.put_alert(&root(), &alert(Category::Scan, "prod eu-west-1", 1)).await);
    assert_eq!(store.alerts(&root()).await.unwrap(), [mine]);
}

pub async fn alerts_are_apart_by_category_and_subject(store: &dyn Store) {
    let jo: OwnerName = "jo".parse().unwrap();
    for (category, subject) in [(Category::Backup, "web"), (Category::Cleanup, "web"), (Category::Backup, "db")] {
        store.put_alert(&root(), &alert(category, subject, 1)).await.unwrap();
    }
    store.put_alert(&jo, &alert(Category::Backup, "web", 1)).await.unwrap();
    store.clear_alert(&root(), Category::Backup, "web").await.unwrap();
    let mut left: Vec<(Category, String)> =
        store.alerts(&root()).await.unwrap().into_iter().map(|alert| (alert.category, alert.subject)).collect();
    left.sort();
    assert_eq!(left, [(Category::Backup, "db".to_owned()), (Category::Cleanup, "web".to_owned())]);
    assert_eq!(store.alerts(&jo).await.unwrap().len(), 1);
}
