//! The use cases, on a world in memory, on the day that things break.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that goes wrong is to end there and then"
)]

mod agents;
mod approval;
mod backup;
mod cleanup;
mod document;
mod drills;
mod freezer;
mod machine;
mod origins;
mod recover;
mod recovery;
mod recovery_kinds;
mod recovery_life;
mod recovery_machine;
mod scan;
mod schedule;
mod scripts;
mod stream;
mod targets;
