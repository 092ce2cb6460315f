//! Telling people and machines.

use async_trait::async_trait;
use cpm_domain::{aws::AwsError, message::Message};

/// Publishes messages to all who subscribed.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Publishes a message: one call, never repeated inside. A repeated call may tell twice.
    async fn publish(&self, message: &Message) -> Result<(), AwsError>;
}
