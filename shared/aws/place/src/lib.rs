//! Roles of accounts, one client for each role and Region, and what answers of all services have in common.
//!
//! An adapter of resources names its SDK's client; who calls, and where, is known here, once.

mod answer;
mod failure;
mod identity;
mod places;
mod roles;
mod session;

pub use answer::{id_of, not_ours, resource, time, unreadable};
pub use failure::{deleted, failure};
pub use identity::Sts;
pub use places::Places;
pub use roles::{Roles, partition};
