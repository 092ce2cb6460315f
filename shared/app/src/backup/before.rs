//! Before: the last look before AWS is asked.

use cpm_contracts::backup::{Ready, Running};

use super::Steps;
use crate::Result;

impl Steps<'_> {
    /// Stops an execution that was asleep while another took the backup over.
    pub async fn before(&self, running: &Running) -> Result<Ready> {
        self.check_lease(running).await?;
        Ok(Ready { before: true })
    }
}
