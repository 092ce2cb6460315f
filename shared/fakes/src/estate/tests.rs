use cpm_domain::{backup::Slot, unit::UnitState};
use cpm_ports::{Backups, Driver};

use super::*;

/// A backup of one instance, asked for and written down.
fn recorded(estate: &Estate) -> (InstanceId, UnitSet) {
    let web = estate.instance("us-east-1", 2);
    let mut set = sample::set(1, "us-east-1", &web, &estate.aws.volumes_of(&web));
    let made = at_once(estate.aws.create(&sample::place("us-east-1"), &sample::request(&web))).unwrap();
    set.take_in(&made, sample::start());
    let backup = cpm_domain::backup::Backup { sets: 1, ..sample::backup(1, "web") };
    at_once(estate.store.create(&sample::root(), &backup, std::slice::from_ref(&set), &[])).unwrap();
    (web, set)
}

#[test]
fn a_good_estate_has_no_breaches() {
    let estate = Estate::new();
    recorded(&estate);
    assert!(estate.breaches().is_empty(), "{:?}", estate.breaches());
}

#[test]
fn orphans_and_doubles_are_breaches() {
    let estate = Estate::new();
    let (web, _) = recorded(&estate);
    estate.aws.complete_all();
    at_once(estate.aws.create(&sample::place("us-east-1"), &sample::request(&web))).unwrap();
    let breaches = estate.breaches();
    assert_eq!(breaches.iter().filter(|breach| breach.contains("on no record")).count(), 2, "{breaches:?}");
    assert_eq!(breaches.iter().filter(|breach| breach.contains("made twice")).count(), 2);
}

#[test]
fn losses_and_undead_are_breaches() {
    let estate = Estate::new();
    let (_, mut set) = recorded(&estate);
    estate.aws.lose(set.units[0].id.as_ref().unwrap());
    assert!(estate.breaches()[0].ends_with("is on record and lost"));
    set.units.iter_mut().for_each(|unit| unit.state = UnitState::Deleted);
    at_once(estate.store.put_set(&sample::root(), BackupId(1), &set)).unwrap();
    let breaches = estate.breaches();
    assert_eq!(breaches.len(), 1);
    assert!(breaches[0].ends_with("deleted and still there"));
}

#[test]
fn records_that_do_not_fit_are_breaches() {
    let estate = Estate::new();
    let set = sample::set(1, "us-east-1", "i-00000001", &[]);
    let slot = Some(Slot { schedule: "nightly".parse().unwrap(), at: sample::start() });
    for id in [1, 2] {
        let backup = cpm_domain::backup::Backup { slot: slot.clone(), ..sample::backup(id, "web") };
        let sets = if id == 1 { std::slice::from_ref(&set) } else { &[] };
        at_once(estate.store.create(&sample::root(), &backup, sets, &[])).unwrap();
    }
    assert_eq!(
        estate.breaches(),
        ["backup 1 has 1 sets, and its record says 0", "web ran twice for nightly at 2026-01-01T00:00:00Z"]
    );
}
