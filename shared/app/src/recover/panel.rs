//! The recovery panel: what is in a backup, by what it was made of (§9 of the guide).

use std::collections::BTreeMap;

use cpm_contracts::api::{PanelSource, PanelUnit};
use cpm_domain::{
    aws::Tags,
    backup::Backup,
    id::UnitId,
    initial_image::InitialImage,
    kind::{Kind, Resource},
    origin::{Origin, SourceRecord, VolumeOrigin},
    recovery::plan::RecoveryKind,
    target::TargetKey,
    unit::{Unit, UnitKind, UnitSet, UnitState},
};

/// The sources of a backup in order of Region and id, each with all that is there of it.
pub(super) fn sources(
    backup: &Backup,
    sets: Vec<UnitSet>,
    origins: Vec<SourceRecord>,
    images: &[InitialImage],
) -> Vec<PanelSource> {
    let mut origins: BTreeMap<TargetKey, Origin> = origins
        .into_iter()
        .map(|record| (TargetKey { region: record.region, resource: record.resource }, record.origin))
        .collect();
    let mut units: BTreeMap<TargetKey, Vec<Unit>> = BTreeMap::new();
    // The initial image is the instance's and not the backup's: what is there of it now, the instance says.
    for set in sets.into_iter().filter(|set| !set.is_initial_image()) {
        let key = TargetKey { region: set.region, resource: set.target };
        units.entry(key).or_default().extend(set.units);
    }
    for key in origins.keys() {
        units.entry(key.clone()).or_default();
    }
    units
        .into_iter()
        .map(|(key, units)| {
            let image = images.iter().find(|image| image.account == backup.account && image.target() == key);
            let image = image.and_then(|image| image.current.as_ref()).map(|current| &current.id);
            source(backup, &key, &units, origins.remove(&key), image)
        })
        .collect()
}

fn source(
    backup: &Backup,
    key: &TargetKey,
    units: &[Unit],
    origin: Option<Origin>,
    image: Option<&UnitId>,
) -> PanelSource {
    let volumes = origin.as_ref().map(volumes).unwrap_or_default();
    let mut shown: Vec<PanelUnit> = units.iter().map(|unit| panel_unit(unit, volumes)).collect();
    shown.extend(image.map(|id| initial(&key.resource, id)));
    let kind = key.resource.kind();
    PanelSource {
        kind,
        id: key.resource.id().to_owned(),
        name: origin.as_ref().and_then(|origin| tags(origin).get("Name").cloned()),
        region: key.region.clone(),
        recover: if backup.is_kept() { recoverable(kind, &shown) } else { Vec::new() },
        units: shown,
        origin,
    }
}

/// What can be made of a source, by what is there of it.
fn recoverable(kind: Kind, units: &[PanelUnit]) -> Vec<RecoveryKind> {
    let there = |wanted: &dyn Fn(&PanelUnit) -> bool| {
        units.iter().any(|unit| unit.state == UnitState::Completed && wanted(unit))
    };
    let fits = |what: &RecoveryKind| match what {
        // An image has snapshots of its own; volumes alone are made of those of the backup.
        RecoveryKind::Volumes => there(&|unit| unit.kind == UnitKind::EbsSnapshot),
        // An initial image alone holds nothing of the backup.
        RecoveryKind::Instance => there(&|unit| !unit.initial),
        RecoveryKind::Rds | RecoveryKind::Aurora | RecoveryKind::Redshift | RecoveryKind::Dynamodb => {
            there(&|_| true)
        }
    };
    RecoveryKind::ALL.into_iter().filter(|what| what.sources().contains(&kind) && fits(what)).collect()
}

fn panel_unit(unit: &Unit, volumes: &[VolumeOrigin]) -> PanelUnit {
    let origin = volumes.iter().find(|volume| volume.id.as_str() == unit.source.id());
    PanelUnit {
        kind: unit.kind,
        id: unit.id.clone(),
        state: unit.state,
        source: unit.source.id().to_owned(),
        device: origin.and_then(|volume| volume.device.clone()),
        size: origin.map(|volume| volume.size),
        initial: false,
    }
}

fn initial(instance: &Resource, image: &UnitId) -> PanelUnit {
    PanelUnit {
        kind: UnitKind::Ami,
        id: Some(image.clone()),
        state: UnitState::Completed,
        source: instance.id().to_owned(),
        device: None,
        size: None,
        initial: true,
    }
}

fn volumes(origin: &Origin) -> &[VolumeOrigin] {
    match origin {
        Origin::Instance(instance) => &instance.volumes,
        Origin::Volume(volume) => std::slice::from_ref(volume),
        Origin::Rds(_) | Origin::Aurora(_) | Origin::Redshift(_) | Origin::Dynamodb(_) => &[],
    }
}

fn tags(origin: &Origin) -> &Tags {
    match origin {
        Origin::Instance(instance) => &instance.tags,
        Origin::Volume(volume) => &volume.tags,
        Origin::Rds(database) => &database.tags,
        Origin::Aurora(cluster) => &cluster.tags,
        Origin::Redshift(warehouse) => &warehouse.tags,
        Origin::Dynamodb(table) => &table.tags,
    }
}
