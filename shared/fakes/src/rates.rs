//! Request rates as AWS counts them.

use jiff::Timestamp;

/// A bucket of tokens. Written apart from `cpm_domain::pace`, which is tested against it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    most: f64,
    a_second: f64,
    left: f64,
    at: Timestamp,
}

impl Rate {
    pub(crate) fn new(most: u32, a_second: f64, now: Timestamp) -> Self {
        let most = f64::from(most);
        Self { most, a_second, left: most, at: now }
    }

    /// Whether a call goes through now.
    pub(crate) fn allows(&mut self, now: Timestamp) -> bool {
        let passed = now.duration_since(self.at).as_secs_f64().max(0.0);
        self.at = now;
        self.left = self.most.min(self.left + passed * self.a_second);
        let goes = self.left >= 1.0;
        if goes {
            self.left -= 1.0;
        }
        goes
    }
}
