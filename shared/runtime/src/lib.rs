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
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    registry,
    util::SubscriberInitExt,
};

/// The name of a deployment's metrics in CloudWatch.
pub const METRICS: &str = "cpm";

/// What the Lambda runtime says of a failure was said by [`serve`] already, in words.
const SAID_BEFORE: &str = "lambda_runtime::layers::panic";

/// Starts tracing: JSON lines, as CloudWatch Logs Insights reads them. `RUST_LOG` says how loud, of all or by target
/// (`info,aws_smithy_runtime=debug`); `info` by default.
pub fn init_tracing() {
    let wanted = std::env::var("RUST_LOG").ok().and_then(|wanted| wanted.parse::<Targets>().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    // CloudWatch stamps each line.
    let lines = fmt::layer().json().flatten_event(true).with_current_span(false).with_target(false).without_time();
    registry().with(lines).with(filter.with_target(SAID_BEFORE, LevelFilter::OFF)).init();
}
