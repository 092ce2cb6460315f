//! What a drill looks at: AWS's status checks, and the policy's script.

use std::collections::BTreeMap;

use cpm_domain::{
    account::Account,
    drill::{Check, CheckKind, CheckState, Condition, Drill, DrillRule, Exercise, ExerciseState},
    id::Region,
    kind::InstanceId,
    name::OwnerName,
    script::{SsmPlace, SsmScript},
};
use cpm_ports::{Access, Place};
use jiff::{SignedDuration, Timestamp};

use super::Steps;
use crate::{
    Error, Result,
    probe::{Probe, Seen},
};

/// A check of a drill: its target and its place there.
type At = (usize, usize);

impl Steps<'_> {
    /// Looks at all checks that are open.
    pub(super) async fn check(&self, owner: &OwnerName, drill: &mut Drill, rule: Option<&DrillRule>) -> Result<()> {
        if !drill.targets.iter().any(|target| target.state == ExerciseState::Checking) {
            return Ok(());
        }
        let name = drill.account.clone().ok_or_else(|| Error::not_found("account", "of the drill"))?;
        let account = self.store.account(owner, &name).await?.ok_or_else(|| Error::not_found("account", &name))?;
        let timeout = rule.map_or(600, |rule| rule.checks.timeout.seconds());
        self.check_health(drill, &account, timeout).await;
        if let Some(script) = rule.and_then(|rule| rule.script().ok().flatten()) {
            self.check_scripts(owner, drill, &account, &script, timeout).await?;
        }
        Ok(())
    }

    /// One question a Region for all instances.
    async fn check_health(&self, drill: &mut Drill, account: &Account, timeout: u32) {
        let mut asked: BTreeMap<Region, Vec<(At, InstanceId)>> = BTreeMap::new();
        for (at, target, check) in open(drill, CheckKind::StatusChecks) {
            if let Ok(instance) = check.on.parse() {
                asked.entry(target.region.clone()).or_default().push((at, instance));
            }
        }
        for (region, instances) in asked {
            let place = Place { access: Access::for_recovery(account), region };
            let ids: Vec<InstanceId> = instances.iter().map(|(_, id)| id.clone()).collect();
            let found = self.health.health(&place, &ids).await;
            for (at, id) in instances {
                let now = self.clock.now();
                let until = until(drill, at, timeout);
                let Some(check) = check_at(drill, at) else { continue };
                let condition = match &found {
                    Ok(found) => found.iter().find(|(found, _)| *found == id).map(|(_, condition)| condition),
                    Err(error) if error.is_retryable() => None,
                    Err(error) => {
                        check.fail(format!("{}: {} {}", error.action, error.code, error.message));
                        continue;
                    }
                };
                match condition {
                    Some(Condition::Well) => check.pass(),
                    Some(Condition::Impaired(words)) if now >= until => check.fail(words),
                    // They may get well as it starts.
                    Some(Condition::Impaired(words)) => check.message = Some(words.clone()),
                    _ if now >= until => check.fail(format!("they were not over after {timeout} s")),
                    _ => {}
                }
            }
        }
    }

    async fn check_scripts(
        &self,
        owner: &OwnerName,
        drill: &mut Drill,
        account: &Account,
        script: &SsmScript,
        timeout: u32,
    ) -> Result<()> {
        let found: Vec<At> = open(drill, CheckKind::Script).map(|(at, _, _)| at).collect();
        // On record before a command is sent: a step that is repeated looks for the command first.
        let now = self.clock.now();
        let mut fresh = Vec::new();
        for at in &found {
            if let Some(check) = check_at(drill, *at).filter(|check| check.begun.is_none()) {
                check.begun = Some(now);
                fresh.push(*at);
            }
        }
        if !fresh.is_empty() {
            self.keep(owner, drill).await?;
        }
        for at in found {
            let again = !fresh.contains(&at);
            self.check_script(drill, at, account, script, (timeout, again)).await;
        }
        Ok(())
    }

    async fn check_script(
        &self,
        drill: &mut Drill,
        at: At,
        account: &Account,
        script: &SsmScript,
        (timeout, again): (u32, bool),
    ) {
        let until = until(drill, at, timeout);
        let Some((target, check)) =
            drill.targets.get(at.0).and_then(|target| Some((target, target.checks.get(at.1)?)))
        else {
            return;
        };
        let (instance, region) = match &script.on {
            SsmPlace::Instance { instance, region } => (Ok(instance.clone()), region.clone()),
            SsmPlace::EachTarget => (check.on.parse(), target.region.clone()),
        };
        let told = told(drill, target, check);
        let place = Place { access: Access::for_recovery(account), region };
        let (begun, mut sent) = (check.begun.unwrap_or(until), check.command.clone());
        let comment = format!("cpm {} drill {} {} {}", self.deployment, drill.id, target.number, at.1);
        let seen = match instance {
            Ok(instance) => {
                let probe = Probe {
                    command: &script.command,
                    place: &place,
                    instance: &instance,
                    told: &told,
                    comment,
                    begun,
                    again,
                    until,
                };
                probe.look(self.commands, self.clock, &mut sent).await
            }
            Err(error) => Seen::Failed(error.to_string(), None),
        };
        let Some(check) = check_at(drill, at) else { return };
        check.command = sent;
        match seen {
            Seen::Open => {}
            Seen::Passed(output) => {
                check.pass();
                check.output = output;
            }
            Seen::Failed(why, output) => {
                check.fail(why);
                check.output = output;
            }
        }
    }
}

/// The open checks of a kind.
fn open(drill: &Drill, what: CheckKind) -> impl Iterator<Item = (At, &Exercise, &Check)> {
    let checking = drill.targets.iter().enumerate().filter(|(_, target)| target.state == ExerciseState::Checking);
    checking.flat_map(move |(t, target)| {
        let checks = target.checks.iter().enumerate();
        checks
            .filter(move |(_, check)| check.what == what && check.state == CheckState::Open)
            .map(move |(c, check)| ((t, c), target, check))
    })
}

fn check_at(drill: &mut Drill, at: At) -> Option<&mut Check> {
    drill.targets.get_mut(at.0)?.checks.get_mut(at.1)
}

/// When the checks of a target have had their time.
fn until(drill: &Drill, at: At, timeout: u32) -> Timestamp {
    let restored = drill.targets.get(at.0).and_then(|target| target.restored).unwrap_or(drill.started);
    restored + SignedDuration::from_secs(i64::from(timeout))
}

/// What a script knows of what it checks.
fn told(drill: &Drill, target: &Exercise, check: &Check) -> Vec<(String, String)> {
    let made = target.made.iter().find(|made| made.id == check.on);
    let address = made.and_then(|made| made.addresses.first()).cloned().unwrap_or_default();
    let backup = drill.backup.map(|backup| backup.to_string()).unwrap_or_default();
    [
        ("CPM_DRILL", drill.id.to_string()),
        ("CPM_POLICY", drill.policy.to_string()),
        ("CPM_BACKUP", backup),
        ("CPM_SOURCE", target.resource.id().to_owned()),
        ("CPM_KIND", made.map_or_else(String::new, |made| made.kind.to_string())),
        ("CPM_ID", check.on.clone()),
        ("CPM_ADDRESS", address),
        ("CPM_REGION", target.region.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
