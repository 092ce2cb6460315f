//! General settings of an owner (§3.1 of the guide).

use serde::{Deserialize, Serialize};

/// What is set for all policies at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// For how many days after its creation the record of a deleted backup is kept (§15.7.3); 0: not at all.
    #[serde(default)]
    pub record_days: u32,
}
