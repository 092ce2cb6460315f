//! Initial images of instances.

use cpm_domain::{
    id::BackupId,
    initial_image::InitialImage,
    kind::Resource,
    unit::{Unit, UnitKind, UnitState},
};
use cpm_ports::Store;

use super::{
    assert_lost,
    samples::{at, policy_name, region, root},
};

fn none(instance: &str) -> InitialImage {
    InitialImage::none("prod".parse().unwrap(), region("eu-west-1"), instance.parse().unwrap())
}

/// An image is replaced by one who read it last, and removed by one who read it last.
pub async fn an_initial_image_changes_from_the_version_that_was_read(store: &dyn Store) {
    let mut image = none("i-0000000a");
    let unit = Unit {
        id: Some("ami-0000000a".parse().unwrap()),
        state: UnitState::Completed,
        parts: vec!["snap-0000000a".parse().unwrap()],
        started: Some(at(3)),
        ..Unit::planned(UnitKind::Ami, Resource::Instance("i-0000000a".parse().unwrap()))
    };
    image.adopt(&unit, &policy_name("web"), BackupId(17));
    store.put_image(&root(), &image).await.unwrap();
    assert_lost(&store.put_image(&root(), &image).await);
    let read = store.images(&root()).await.unwrap();
    assert_eq!(read, [InitialImage { version: 1, ..image.clone() }]);
    assert_lost(&store.remove_image(&root(), &image).await);
    store.put_image(&root(), &read[0]).await.unwrap();
    let read = store.images(&root()).await.unwrap();
    assert_eq!(read[0].version, 2);
    store.remove_image(&root(), &read[0]).await.unwrap();
    store.remove_image(&root(), &read[0]).await.unwrap();
    assert_eq!(store.images(&root()).await.unwrap(), []);
}

/// One for each instance, in order.
pub async fn initial_images_come_in_order(store: &dyn Store) {
    for instance in ["i-0000000b", "i-0000000a"] {
        store.put_image(&root(), &none(instance)).await.unwrap();
    }
    let instances: Vec<String> =
        store.images(&root()).await.unwrap().iter().map(|image| image.instance.to_string()).collect();
    assert_eq!(instances, ["i-0000000a", "i-0000000b"]);
}
