//! Metrics by CloudWatch's embedded metric format: a line of the log, no call.

use jiff::Timestamp;
use serde_json::json;

/// Writes a count of the deployment to the log, from which CloudWatch takes it as a metric of the namespace
/// [`METRICS`](crate::METRICS).
pub fn metric(deployment: &str, name: &str, value: u64, now: Timestamp) {
    println!("{}", embedded(deployment, name, value, now));
}

fn embedded(deployment: &str, name: &str, value: u64, now: Timestamp) -> serde_json::Value {
    json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": crate::METRICS,
                "Dimensions": [["Deployment"]],
                "Metrics": [{"Name": name, "Unit": "Count"}],
            }],
        },
        "Deployment": deployment,
        name: value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_names_its_value() {
        let line = embedded("cpm", "Ticks", 1, Timestamp::UNIX_EPOCH);
        assert_eq!(line["Ticks"], 1);
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"], "Ticks");
    }
}
