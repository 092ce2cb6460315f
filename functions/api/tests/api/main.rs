//! The API over a world in memory.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that goes wrong is to end there and then"
)]

mod drills;
mod openapi;
mod recoveries;
mod routes;
mod scenarios;
mod world;
