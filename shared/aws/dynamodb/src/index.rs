//! The table's indexes. All are sparse: an item is in one only while it has its attributes.

/// An index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    /// What waits for its time, and backups that are being deleted.
    Due,
    /// Backups of a policy.
    ByPolicy,
    /// Policies of a resource, sets of a snapshot.
    ByResource,
}

impl Index {
    pub(crate) const ALL: [Self; 3] = [Self::Due, Self::ByPolicy, Self::ByResource];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::ByPolicy => "by_policy",
            Self::ByResource => "by_resource",
        }
    }

    /// The attribute that is its partition key.
    pub(crate) fn pk(self) -> &'static str {
        match self {
            Self::Due => "due_pk",
            Self::ByPolicy => "policy_pk",
            Self::ByResource => "resource_pk",
        }
    }

    /// The attribute that is its sort key.
    pub(crate) fn sk(self) -> &'static str {
        match self {
            Self::Due => "due_sk",
            Self::ByPolicy => "policy_sk",
            Self::ByResource => "resource_sk",
        }
    }
}
