//! General settings of an owner (§3.1 of the guide).

use serde::{Deserialize, Serialize};

use crate::initial_image::DEFAULT_ROTATION_DAYS;

/// What is set for all policies at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// For how many days after its creation the record of a deleted backup is kept (§15.7.3); 0: not at all.
    #[serde(default)]
    pub record_days: u32,
    /// How many days old the initial image of an instance gets before a new one is made (§4.2.4.1); 0: it is never made
    /// anew.
    #[serde(default = "rotation_days")]
    pub initial_ami_rotation_days: u32,
}

fn rotation_days() -> u32 {
    DEFAULT_ROTATION_DAYS
}

impl Default for Settings {
    fn default() -> Self {
        Self { record_days: 0, initial_ami_rotation_days: DEFAULT_ROTATION_DAYS }
    }
}
