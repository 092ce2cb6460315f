//! Telling machines what becomes of backups and recoveries.

use async_trait::async_trait;
use cpm_domain::{aws::AwsError, state_change::Event};

/// The suite's own event bus.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Puts events on the bus, at most [`cpm_domain::state_change::MAX_EVENTS`]: one call, never repeated inside. A repeated
    /// call may tell twice.
    async fn put(&self, events: &[Event]) -> Result<(), Untaken>;
}

/// An event that is not on the bus. Those before it are; those after it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untaken {
    /// Which of the events, counted from 0.
    pub event: usize,
    /// Why.
    pub error: AwsError,
}
