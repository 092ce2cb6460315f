//! The schemas that subscribers read say what the code makes, and nothing that it does not.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that goes wrong is to end there and then"
)]

mod backup;
mod recovery;
mod schema;
