//! Redshift's answers in the words of the domain.

use aws_sdk_redshift::types::{Cluster, Snapshot, Tag};
use cpm_aws_place::{resource, time, unreadable};
use cpm_domain::{
    aws::{AwsError, FoundUnit, Managed, Tags},
    id::UnitId,
    kind::{Kind, Resource},
    origin::Origin,
    unit::{UnitKind, UnitReport, UnitState},
};

use crate::origins;

pub(crate) fn cluster(action: &str, cluster: &Cluster) -> Result<Managed, AwsError> {
    let tags = tags(cluster.tags());
    Ok(Managed {
        resource: resource(action, Kind::Redshift, cluster.cluster_identifier())?,
        status: cluster.cluster_status().unwrap_or_default().to_owned(),
        cluster: None,
        origin: Some(Box::new(Origin::Redshift(Box::new(origins::cluster(cluster, &tags))))),
        tags,
    })
}

pub(crate) fn snapshot(action: &str, snapshot: &Snapshot) -> Result<FoundUnit, AwsError> {
    let id = snapshot.snapshot_identifier().filter(|id| !id.is_empty()).ok_or_else(|| unreadable(action, ""))?;
    let report = UnitReport {
        kind: UnitKind::RedshiftSnapshot,
        id: UnitId::new(id),
        source: snapshot.cluster_identifier().and_then(|id| Resource::new(Kind::Redshift, id).ok()),
        state: state(snapshot.status()),
        started: time(snapshot.snapshot_create_time()),
        cause: None,
        parts: Vec::new(),
    };
    Ok(FoundUnit { report, tags: tags(snapshot.tags()) })
}

fn state(word: Option<&str>) -> UnitState {
    match word.unwrap_or_default() {
        "available" => UnitState::Completed,
        "failed" => UnitState::Failed,
        "deleting" | "deleted" => UnitState::Deleted,
        _ => UnitState::Pending,
    }
}

pub(crate) fn tags(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}
