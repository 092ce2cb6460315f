//! Scripts that are Lambda functions.

use cpm_domain::{
    script::{ScriptRun, ScriptState},
    unit::Fault,
};
use jiff::SignedDuration;

use super::{LEFT, Phase};
use crate::{Result, backup::Steps};

impl Steps<'_> {
    /// Calls a customer's function. One whose answer was lost is called again: functions are to bear that.
    ///
    /// Nobody can come back to a call: it has no longer than the step, whatever a script may take.
    pub(super) async fn call(&self, phase: &Phase<'_>, run: &mut ScriptRun) -> Result<bool> {
        let Some(place) = phase.place(run) else { return Ok(true) };
        let left = phase.deadline.0.duration_since(self.clock.now()) - LEFT;
        if left <= SignedDuration::ZERO {
            return Ok(false);
        }
        let timeout = SignedDuration::from_secs(i64::from(phase.timeout(run))).min(left);
        let payload = serde_json::json!({
            "deployment": self.deployment,
            "backup": phase.running.backup,
            "policy": phase.running.policy,
            "phase": run.phase,
            "argument": phase.argument.map(|argument| if argument { "1" } else { "0" }),
        });
        let answer = self.functions.call(&place, &run.target, &payload.to_string(), timeout).await;
        match answer {
            Ok(report) => {
                if phase.policy.scripts.collect_output {
                    run.keep_output(&report.log);
                }
                match report.failure {
                    None => self.end(phase, run, ScriptState::Succeeded, None).await,
                    Some(words) => {
                        let fault =
                            Fault::new("ScriptFailed", format!("the function {} failed: {words}", run.target))
                                .advise("see the function's log");
                        self.end(phase, run, ScriptState::Failed, Some(fault)).await
                    }
                }
            }
            Err(error) if error.code == "Timeout" => self.unanswered(phase, run, timeout).await,
            Err(error) if error.is_retryable() && self.clock.now() < phase.given_up(run) => Ok(false),
            Err(error) => self.refused(phase, run, &error).await,
        }
    }

    async fn unanswered(&self, phase: &Phase<'_>, run: &mut ScriptRun, waited: SignedDuration) -> Result<bool> {
        let waited = waited.as_secs();
        let message = format!("the function {} did not answer within {waited} s; it may run yet", run.target);
        let fault = Fault::new("ScriptTimedOut", message)
            .advise("see why it takes so long, or raise `scripts.timeout`, up to the five minutes that a step has");
        self.end(phase, run, ScriptState::TimedOut, Some(fault)).await
    }
}
