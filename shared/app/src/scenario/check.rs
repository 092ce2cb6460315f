//! Checks of a scenario: commands of Systems Manager.

use cpm_domain::{
    kind::InstanceId,
    name::OwnerName,
    scenario::{CheckSpec, Run, StepState, fill_in},
    unit::Fault,
};
use cpm_ports::{Access, Place};
use jiff::SignedDuration;

use super::{Steps, fail, note};
use crate::{
    Error, Result,
    probe::{Probe, Seen},
};

impl Steps<'_> {
    /// Begins a check: that it did is on record before its command is sent.
    pub(super) fn begin_check(&self, run: &mut Run, at: usize) {
        let now = self.clock.now();
        let Some(step) = run.steps.get_mut(at) else { return };
        step.state = StepState::Running;
        step.started = Some(now);
        let message = format!("{}: is checked", step.spec.name);
        note(run, now, cpm_domain::backup::Level::Info, message);
    }

    /// Looks at a check.
    pub(super) async fn check(&self, owner: &OwnerName, run: &mut Run, at: usize) -> Result<()> {
        let Some((spec, began)) = run.steps.get(at).and_then(|step| Some((step.spec.check.clone()?, step.started?)))
        else {
            return Ok(());
        };
        let now = self.clock.now();
        let (instance, told) = match filled(run, &spec) {
            Ok(filled) => filled,
            Err(fault) => {
                fail(run, at, fault, now);
                return Ok(());
            }
        };
        let Some((account, region)) = run.place_of(&spec) else {
            fail(run, at, Fault::new("NoPlace", "nobody knows where the instance is"), now);
            return Ok(());
        };
        let Ok(command) = spec.command() else {
            fail(run, at, Fault::new("NoCommand", "the check does not say what runs"), now);
            return Ok(());
        };
        let account =
            self.store.account(owner, &account).await?.ok_or_else(|| Error::not_found("account", &account))?;
        let place = Place { access: Access::for_recovery(&account), region };
        let probe = Probe {
            command: &command,
            place: &place,
            instance: &instance,
            told: &told,
            comment: format!("cpm {} scenario {} {at}", self.deployment, run.id),
            begun: began,
            again: true,
            until: began + SignedDuration::from_secs(i64::from(spec.timeout.seconds())),
        };
        let Some(step) = run.steps.get_mut(at) else { return Ok(()) };
        match probe.look(self.commands, self.clock, &mut step.command).await {
            Seen::Open => {}
            Seen::Passed(output) => {
                step.output = output;
                step.succeed(now);
                let message = format!("{}: passed", step.spec.name);
                note(run, now, cpm_domain::backup::Level::Info, message);
            }
            Seen::Failed(why, output) => {
                step.output = output;
                fail(run, at, Fault::new("CheckFailed", why), now);
            }
        }
        Ok(())
    }
}

/// The instance, and the environment, with what earlier steps made.
fn filled(run: &Run, spec: &CheckSpec) -> std::result::Result<(InstanceId, Vec<(String, String)>), Fault> {
    let instance = fill_in(&spec.ssm.instance, |reference| run.value_of(reference))?;
    let instance = instance.parse().map_err(|error| Fault::new("NoInstance", format!("{error}")))?;
    let mut told = Vec::new();
    for (name, value) in &spec.env {
        told.push((name.clone(), fill_in(value, |reference| run.value_of(reference))?));
    }
    Ok((instance, told))
}
