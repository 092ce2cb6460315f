//! The audit trail.

use cpm_domain::{
    audit::{Actor, Event},
    settings::Settings,
};
use cpm_ports::{PolicyChange, Store};
use jiff::SignedDuration;

use super::samples::{at, event, root};

fn subjects(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.subject.as_str()).collect()
}

pub async fn events_come_newest_first(store: &dyn Store) {
    let by_suite = Event { actor: Actor::Suite("tag-scanner".into()), ..event(2, "b") };
    // A whole second sorts before its fractions.
    let whole = at(0).checked_add(SignedDuration::from_millis(750)).unwrap();
    let on_the_second = Event { time: whole, ..event(0, "whole") };
    for event in [&event(3, "c"), &event(1, "a"), &by_suite, &on_the_second, &event(4, "d")] {
        store.record(&root(), event).await.unwrap();
    }
    let all = store.events(&root(), None, 10).await.unwrap();
    assert_eq!(subjects(&all), ["d", "c", "b", "a", "whole"]);
    assert_eq!(all[2], by_suite);
    assert_eq!(subjects(&store.events(&root(), None, 2).await.unwrap()), ["d", "c"]);
    assert_eq!(subjects(&store.events(&root(), Some(at(3)), 2).await.unwrap()), ["b", "a"]);
    assert_eq!(subjects(&store.events(&root(), Some(whole), 2).await.unwrap()), Vec::<&str>::new());
}

pub async fn events_of_one_instant_are_not_torn_apart(store: &dyn Store) {
    let names = ["a", "b", "c", "d", "e"];
    let change = |name: &&str| (PolicyChange::PutSettings(Settings::default()), event(5, name));
    store.record(&root(), &event(4, "before")).await.unwrap();
    store.change(&root(), &names.iter().map(change).collect::<Vec<_>>()).await.unwrap();
    store.record(&root(), &event(6, "after")).await.unwrap();
    let together = ["after", "e", "d", "c", "b", "a"];
    for limit in 2..6 {
        assert_eq!(subjects(&store.events(&root(), None, limit).await.unwrap()), together, "limit {limit}");
    }
    assert_eq!(subjects(&store.events(&root(), None, 1).await.unwrap()), ["after"]);
    assert_eq!(subjects(&store.events(&root(), Some(at(5)), 9).await.unwrap()), ["before"]);
    assert_eq!(store.events(&root(), None, 7).await.unwrap().len(), 7);
}
