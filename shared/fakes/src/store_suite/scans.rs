//! Tag scans and their logs.

use cpm_domain::{
    name::OwnerName,
    scan::{Scan, ScanLine, TagNews},
};
use cpm_ports::Store;

use super::samples::{at, line, region, root, scan};
use crate::sample::resource;

async fn put(store: &dyn Store, id: &str, account: &str, region_name: &str, messages: &[&str]) {
    let lines: Vec<ScanLine> = messages.iter().map(|message| line(account, region_name, *message)).collect();
    let account = account.parse().unwrap();
    store.put_scan_lines(&root(), id, &account, &region(region_name), &lines).await.unwrap();
}

async fn messages(store: &dyn Store, id: &str) -> Vec<String> {
    store.scan_lines(&root(), id).await.unwrap().into_iter().map(|line| line.message).collect()
}

pub async fn a_scan_is_replaced_and_the_newest_come_first(store: &dyn Store) {
    for id in ["2026-03-02-a", "2026-03-01-b", "2026-03-10-c"] {
        store.put_scan(&root(), &scan(id)).await.unwrap();
    }
    let ended = Scan { ended: Some(at(9)), changes: 7, ..scan("2026-03-02-a") };
    store.put_scan(&root(), &ended).await.unwrap();
    assert_eq!(store.scan(&root(), "2026-03-02-a").await.unwrap(), Some(ended.clone()));
    assert_eq!(store.scan(&root(), "2026-03-02").await.unwrap(), None);
    let newest = store.scans(&root(), 2).await.unwrap();
    assert_eq!(newest, [scan("2026-03-10-c"), ended]);
    assert_eq!(store.scans(&root(), 10).await.unwrap().len(), 3);
    let jo: OwnerName = "jo".parse().unwrap();
    assert_eq!(store.scans(&jo, 10).await.unwrap(), []);
}

pub async fn the_newest_news_of_a_tag_is_kept(store: &dyn Store) {
    let (prod, here, there) = ("prod".parse().unwrap(), region("eu-west-1"), region("us-east-1"));
    let (web, db) = (resource("i-0000000a"), resource("i-0000000b"));
    let news = |version: u64, value: Option<&str>| TagNews { version, value: value.map(str::to_owned) };
    let keep = async |place, resource, news: TagNews| {
        store.keep_tag(&root(), (&prod, place), resource, &news, at(0)).await.unwrap()
    };
    assert_eq!(keep(&here, &web, news(5, Some("web"))).await, news(5, Some("web")));
    assert_eq!(keep(&here, &web, news(4, None)).await, news(5, Some("web")), "older");
    assert_eq!(keep(&here, &web, news(5, Some("web"))).await, news(5, Some("web")), "the same again");
    assert_eq!(keep(&here, &web, news(12, None)).await, news(12, None), "numbers, not texts");
    assert_eq!(keep(&here, &web, news(5, Some("web"))).await, news(12, None));
    assert_eq!(keep(&there, &web, news(1, None)).await, news(1, None), "another Region");
    assert_eq!(keep(&here, &db, news(1, None)).await, news(1, None), "another resource");
}

pub async fn a_scans_lines_come_by_account_region_and_place(store: &dyn Store) {
    put(store, "1", "prod-eu", "eu-west-1", &["5"]).await;
    put(store, "1", "prod", "us-east-1", &["4"]).await;
    put(store, "1", "prod", "eu-west-1", &["z: 1", "a: 2"]).await;
    put(store, "1", "prod", "eu-west-10", &["3"]).await;
    put(store, "10", "prod", "eu-west-1", &["of another scan"]).await;
    assert_eq!(messages(store, "1").await, ["z: 1", "a: 2", "3", "4", "5"]);
    let jo: OwnerName = "jo".parse().unwrap();
    assert_eq!(store.scan_lines(&jo, "1").await.unwrap(), []);
    assert_eq!(store.scan_lines(&root(), "10").await.unwrap(), [line("prod", "eu-west-1", "of another scan")]);
}

pub async fn a_scans_lines_are_replaced_place_by_place(store: &dyn Store) {
    put(store, "1", "prod", "eu-west-1", &["a", "b"]).await;
    put(store, "1", "prod", "us-east-1", &["other"]).await;
    put(store, "1", "prod", "eu-west-1", &["c"]).await;
    assert_eq!(messages(store, "1").await, ["c", "other"]);
    put(store, "1", "prod", "eu-west-1", &[]).await;
    put(store, "1", "dev", "eu-west-1", &[]).await;
    assert_eq!(messages(store, "1").await, ["other"]);
}

pub async fn a_scans_lines_are_of_any_number(store: &dyn Store) {
    let many: Vec<ScanLine> =
        (0..6_000).map(|n| line("prod", "eu-west-1", format!("{n} {}", "ä".repeat(100)))).collect();
    let account = "prod".parse().unwrap();
    store.put_scan(&root(), &scan("1")).await.unwrap();
    store.put_scan_lines(&root(), "1", &account, &region("eu-west-1"), &many).await.unwrap();
    assert!(store.scan_lines(&root(), "1").await.unwrap() == many, "1.7 MB of lines are read back in order");
    let few = &many[10..20];
    store.put_scan_lines(&root(), "1", &account, &region("eu-west-1"), few).await.unwrap();
    assert_eq!(store.scan_lines(&root(), "1").await.unwrap(), few, "nothing is left of the many");
}
