//! RDS's answers in the words of the domain.

use aws_sdk_rds::types::{DbCluster, DbClusterSnapshot, DbInstance, DbSnapshot, Tag};
use cpm_aws_place::{resource, time, unreadable};
use cpm_domain::{
    aws::{AwsError, FoundUnit, Managed, Tagged, Tags},
    id::UnitId,
    kind::{Kind, Resource},
    origin::Origin,
    provenance::SOURCE,
    tag::TAG_KEY,
    unit::{UnitKind, UnitReport, UnitState},
};

use crate::origins;

pub(crate) fn database(action: &str, database: &DbInstance) -> Result<Managed, AwsError> {
    let tags = tags(database.tag_list());
    Ok(Managed {
        resource: resource(action, Kind::Rds, database.db_instance_identifier())?,
        status: database.db_instance_status().unwrap_or_default().to_owned(),
        cluster: database.db_cluster_identifier().filter(|id| !id.is_empty()).map(str::to_owned),
        origin: Some(Box::new(Origin::Rds(Box::new(origins::database(database, &tags))))),
        tags,
    })
}

pub(crate) fn cluster(action: &str, cluster: &DbCluster) -> Result<Managed, AwsError> {
    let tags = tags(cluster.tag_list());
    Ok(Managed {
        resource: resource(action, Kind::Aurora, cluster.db_cluster_identifier())?,
        status: cluster.status().unwrap_or_default().to_owned(),
        cluster: None,
        origin: Some(Box::new(Origin::Aurora(Box::new(origins::cluster(cluster, &tags))))),
        tags,
    })
}

/// Those that were asked for, as they were written: AWS keeps identifiers in small letters.
pub(crate) fn as_asked(found: Managed, asked: &[Resource]) -> Option<Managed> {
    let resource = asked.iter().find(|asked| asked.id().eq_ignore_ascii_case(found.resource.id()))?;
    Some(Managed { resource: resource.clone(), ..found })
}

/// With the value of its `cpm backup` tag, if it has one and is not going.
pub(crate) fn tagged(mut found: Managed) -> Option<Tagged> {
    let value = found.tags.remove(TAG_KEY).filter(|_| found.status != "deleting")?;
    Some(Tagged { resource: found.resource, value })
}

pub(crate) fn snapshot(action: &str, snapshot: &DbSnapshot) -> Result<FoundUnit, AwsError> {
    let tags = tags(snapshot.tag_list());
    let report = UnitReport {
        kind: UnitKind::RdsSnapshot,
        id: unit_id(action, snapshot.db_snapshot_identifier())?,
        source: source(Kind::Rds, snapshot.db_instance_identifier(), &tags),
        state: state(snapshot.status()),
        // AWS tells it when the snapshot is complete.
        started: time(snapshot.original_snapshot_create_time().or(snapshot.snapshot_create_time())),
        cause: None,
        parts: Vec::new(),
    };
    Ok(FoundUnit { report, tags })
}

pub(crate) fn cluster_snapshot(action: &str, snapshot: &DbClusterSnapshot) -> Result<FoundUnit, AwsError> {
    let tags = tags(snapshot.tag_list());
    let report = UnitReport {
        kind: UnitKind::AuroraSnapshot,
        id: unit_id(action, snapshot.db_cluster_snapshot_identifier())?,
        source: source(Kind::Aurora, snapshot.db_cluster_identifier(), &tags),
        state: state(snapshot.status()),
        started: time(snapshot.snapshot_create_time()),
        cause: None,
        parts: Vec::new(),
    };
    Ok(FoundUnit { report, tags })
}

/// The source as the snapshot's own tag writes it, or as AWS does.
fn source(kind: Kind, id: Option<&str>, tags: &Tags) -> Option<Resource> {
    let id = id.unwrap_or_default();
    let told = tags.get(SOURCE).filter(|told| told.eq_ignore_ascii_case(id));
    Resource::new(kind, told.map_or(id, String::as_str)).ok()
}

fn unit_id(action: &str, id: Option<&str>) -> Result<UnitId, AwsError> {
    id.filter(|id| !id.is_empty()).map(UnitId::new).ok_or_else(|| unreadable(action, ""))
}

fn state(word: Option<&str>) -> UnitState {
    match word.unwrap_or_default() {
        "available" => UnitState::Completed,
        "deleting" | "deleted" => UnitState::Deleted,
        word if word == "failed" || word.starts_with("incompatible-") => UnitState::Failed,
        _ => UnitState::Pending,
    }
}

pub(crate) fn tags(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}
