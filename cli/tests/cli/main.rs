//! The binary as people and scripts use it: without a deployment, with one that answers from a script, and on a
//! terminal.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect is to fail on the spot; a terminal is watched by the clock"
)]

mod command;
mod configuration;
mod drills;
mod files;
mod help;
mod network;
mod offline;
mod recoveries;
mod runs;
mod stub;
mod terminal;
mod views;
