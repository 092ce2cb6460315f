//! The table keeps to what every store keeps to.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking, and so do the functions they share"
)]

mod emulator;

cpm_fakes::store_suite!(emulator::fresh());
