//! RDS database instances.

use super::{Planned, Spec, planned};
use crate::{
    aws::{Found, Managed},
    id::id,
    target::Target,
    unit::UnitKind,
};

id!(
    /// An RDS database instance, by its identifier.
    DatabaseId, "the identifier of a database", "orders", is_identifier
);

pub(super) const SPEC: Spec = Spec { noun: "an RDS database", arn: ("rds", "db:"), units: &[UnitKind::RdsSnapshot] };

/// 1 to 63 letters, digits and hyphens; a letter first, no hyphen last, no two in a row (`CreateDBInstance`).
pub(super) fn is_identifier(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with('-')
        && !text.contains("--")
}

/// States that a database does not leave by itself and in which AWS makes no snapshot, and what to do.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>
const STUCK: [(&str, &str); 10] = [
    ("stopped", "start it"),
    ("failed", "restore it from a snapshot"),
    ("storage-full", "give it more storage"),
    ("inaccessible-encryption-credentials", "give it its KMS key back"),
    ("inaccessible-encryption-credentials-recoverable", "give it its KMS key back and start it"),
    ("incompatible-network", "mend its subnets"),
    ("incompatible-option-group", "mend its option group"),
    ("incompatible-parameters", "mend its parameter group"),
    ("incompatible-restore", "restore it in another way"),
    ("restore-error", "restore it from another snapshot"),
];

/// What a state that lasts means for a backup: AWS's state in words, and what to do. States that end, such as
/// `backing-up` and `modifying`, are none: AWS is asked, and asked again while it says that the database is busy.
pub(super) fn stuck(found: &Managed) -> Option<String> {
    let (state, advice) = STUCK.iter().find(|(state, _)| *state == found.status)?;
    Some(format!("{} is {state}, and AWS makes no snapshot of it in that state: {advice}", found.resource.id()))
}

/// Plans the snapshot of a database. A member of a cluster is backed up with its cluster.
pub(super) fn plan(target: &Target, found: &Found) -> Planned {
    let Found::Managed(database) = found else { return Planned::Gone };
    if database.status == "deleting" {
        return Planned::Gone;
    }
    if let Some(cluster) = &database.cluster {
        return Planned::Refused(format!(
            "{} is a member of the cluster {cluster}: make the cluster the target (`aurora: {cluster}`)",
            database.resource.id()
        ));
    }
    stuck(database).map_or_else(|| planned::alone(target, UnitKind::RdsSnapshot, database), Planned::Refused)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        aws::Tags,
        kind::Kind,
        target::{PutBy, Resource},
    };

    fn planned(status: &str, cluster: Option<&str>) -> Planned {
        let resource = Resource::new(Kind::Rds, "orders").unwrap();
        let target = Target::new(resource.clone(), "us-east-1".parse().unwrap(), PutBy::Person);
        let found = Managed {
            resource,
            status: status.to_owned(),
            cluster: cluster.map(str::to_owned),
            tags: Tags::from([("team".to_owned(), "shop".to_owned())]),
            origin: None,
        };
        plan(&target, &Found::Managed(found))
    }

    #[rstest]
    #[case("available")]
    #[case("storage-optimization")]
    #[case("backing-up")]
    #[case("modifying")]
    #[case("a-state-that-is-new")]
    fn is_asked_for(#[case] status: &str) {
        let Planned::Sets { sets, .. } = planned(status, None) else { panic!() };
        assert_eq!((sets.len(), sets[0].units[0].kind), (1, UnitKind::RdsSnapshot));
        assert_eq!(sets[0].tags["team"], "shop");
    }

    #[rstest]
    #[case("stopped", "start it")]
    #[case("storage-full", "more storage")]
    fn is_refused_with_advice(#[case] status: &str, #[case] advice: &str) {
        let Planned::Refused(reason) = planned(status, None) else { panic!() };
        assert!(reason.contains(advice), "{reason}");
    }

    #[test]
    fn members_point_to_their_cluster() {
        let Planned::Refused(reason) = planned("available", Some("ledger")) else { panic!() };
        assert!(reason.contains("`aurora: ledger`"), "{reason}");
    }

    #[test]
    fn what_is_being_deleted_is_gone() {
        assert_eq!(planned("deleting", None), Planned::Gone);
    }

    #[rstest]
    #[case("orders", true)]
    #[case("Orders-2", true)]
    #[case("2orders", false)]
    #[case("orders-", false)]
    #[case("or--ders", false)]
    #[case("or_ders", false)]
    #[case("", false)]
    fn identifiers(#[case] text: &str, #[case] good: bool) {
        assert_eq!(is_identifier(text), good);
    }
}
