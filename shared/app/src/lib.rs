//! The use cases: what the functions do, told in ports.
//!
//! Module names are those of `cpm-domain`: the decision is there, here it is carried out.

pub mod agents;
pub mod alert;
pub mod backup;
pub mod cleanup;
mod commission;
pub mod configuration;
pub mod drill;
mod error;
pub mod freezer;
mod hold;
mod initial_image;
pub mod monitor;
mod probe;
pub mod provenance;
pub mod recover;
pub mod recovery;
pub mod resume;
pub mod run;
pub mod scan;
pub mod scenario;
pub mod schedule;
mod state_change;
pub mod stream;
pub mod unit;

pub use error::{Error, Result};
