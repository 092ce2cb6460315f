//! What every function needs before it can do its work: configuration, tracing, time, and a way to fail that the state
//! machines understand.

mod aws;
mod clock;
mod metric;
mod serve;
mod settings;

pub use aws::aws_config;
pub use clock::SystemClock;
pub use metric::metric;
pub use serve::{Failure, serve};
pub use settings::{Settings, SettingsError};
use tracing_subscriber::{EnvFilter, filter::Directive};

/// The name of a deployment's metrics in CloudWatch.
pub const METRICS: &str = "cpm";

/// What the Lambda runtime says of a failure was said by [`serve`] already, in words.
const SAID_BEFORE: &str = "lambda_runtime::layers::panic=off";

/// Starts tracing: JSON lines, as CloudWatch Logs Insights reads them. `RUST_LOG` says how loud; `info` by default.
pub fn init_tracing() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = match SAID_BEFORE.parse::<Directive>() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_target(false)
        // CloudWatch stamps each line.
        .without_time()
        .with_env_filter(filter)
        .init();
}
