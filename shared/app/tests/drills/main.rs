//! Drills and scenarios, on a world in memory, on the day that things break.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that goes wrong is to end there and then"
)]

mod drill;
mod scenario;
mod world;
