use std::time::Duration;

use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};

/// How long an answer may take that AWS gives at once.
pub const ANSWER: Duration = Duration::from_secs(10);

/// How long `CreateSnapshots` may take: with 128 volumes it works before it answers.
pub const CREATION: Duration = Duration::from_secs(30);

const CONNECTION: Duration = Duration::from_secs(3);
const ALL_ATTEMPTS: Duration = Duration::from_secs(40);

/// Timeouts for a call of which one attempt may take `attempt`: 3 s to connect, 40 s with all repetitions.
pub fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECTION)
        .operation_attempt_timeout(attempt)
        .operation_timeout(ALL_ATTEMPTS)
        .build()
}

/// For calls that only read: the SDK makes up to three attempts, and nobody else repeats them.
pub fn repeated() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3)
}

/// For calls that change something: the use cases repeat them, because they ask first what AWS did already.
pub fn once() -> RetryConfig {
    RetryConfig::disabled()
}
