//! What passes between functions and state machines.
//!
//! A step of a state machine invokes a function with a payload whose `step` says which step it is. Payloads carry ids
//! and counts, never lists that grow with the estate. The tests of this workspace hold the state machines to these
//! types.

pub mod api;
pub mod backup;
pub mod cleanup;
pub mod code;
pub mod drill;
pub mod recovery;
pub mod scan;
pub mod scenario;
