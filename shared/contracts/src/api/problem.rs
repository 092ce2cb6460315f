//! Refusals.

use cpm_domain::document;
use serde::{Deserialize, Serialize};

/// Why a request was refused: problem details as RFC 9457 has them, with a stable code and advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:cpm:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code, for programs: `Input.NotFound`.
    pub code: String,
    /// What is wrong, here and now.
    pub detail: String,
    /// What to do.
    pub advice: String,
    /// The path of the request.
    pub instance: String,
    /// Of a policy file: each place with what is wrong there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<document::Problem>,
}
