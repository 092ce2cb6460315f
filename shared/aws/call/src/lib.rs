//! What every call to AWS has in common: how long it may take, who repeats it, and what its failure means.
//!
//! The adapters differ in their actions and in a few error codes. The rest is here, once.

mod failure;
mod patience;
#[cfg(feature = "scripted")]
pub mod scripted;

pub use failure::{causes, common, refused, words};
pub use patience::{ANSWER, CREATION, once, repeated, timeouts};
