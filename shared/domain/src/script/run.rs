//! Runs of scripts and of VSS: what is planned, and what became of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Script, ScriptPhase, Scripts, SsmPlace};
use crate::{
    id::{InstanceId, Region},
    unit::{Fault, UnitKind, UnitSet},
};

/// The most bytes that are kept of a run's output.
pub const MAX_OUTPUT: usize = 64 * 1024;

/// What runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ScriptKind {
    /// A script of the policy.
    Script,
    /// Shadow copies of a Windows instance (§6.3): made before, and ended at completion.
    Vss,
}

impl ScriptKind {
    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Vss => "vss",
        }
    }
}

/// How far a run is. It only ever moves downwards in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ScriptState {
    /// Written down; AWS may or may not have been asked.
    Planned,
    /// AWS runs it.
    Running,
    /// It ended with the exit code 0.
    Succeeded,
    /// It ended with another exit code, or never began.
    Failed,
    /// It took too long and was stopped.
    TimedOut,
}

impl ScriptState {
    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
        }
    }
}

/// One run of a script, or of VSS, in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptRun {
    /// When in the backup it runs.
    pub phase: ScriptPhase,
    /// Counted from 1 within the phase.
    pub number: u32,
    /// What runs.
    pub kind: ScriptKind,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// On what: the id of an instance, or the function itself, by its ARN.
    pub target: String,
    /// The instance that it runs on; none of a function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// How far it is.
    pub state: ScriptState,
    /// What it ended with; none when nothing told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The id of Systems Manager's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What it wrote, if that is collected; at most [`MAX_OUTPUT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// It wrote more than was kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// Counted up by each write: a write that lost its race is seen.
    pub version: u64,
}

impl ScriptRun {
    /// One that is to come, with its number yet to be given.
    fn planned(phase: ScriptPhase, kind: ScriptKind, region: &Region, target: &str) -> Self {
        Self {
            phase,
            number: 0,
            kind,
            region: Some(region.clone()),
            target: target.to_owned(),
            instance: None,
            state: ScriptState::Planned,
            exit_code: None,
            started: None,
            ended: None,
            command: None,
            output: None,
            truncated: false,
            error: None,
            version: 0,
        }
    }

    fn on_instance(phase: ScriptPhase, kind: ScriptKind, (instance, region): &(InstanceId, Region)) -> Self {
        Self { instance: Some(instance.clone()), ..Self::planned(phase, kind, region, instance.as_str()) }
    }

    /// Whether nothing more will come.
    pub fn is_ended(&self) -> bool {
        self.state >= ScriptState::Succeeded
    }

    /// Whether it ended well.
    pub fn succeeded(&self) -> bool {
        self.state == ScriptState::Succeeded
    }

    /// Keeps what it wrote, as far as it fits.
    pub fn keep_output(&mut self, output: &str) {
        let (kept, truncated) = cut_output(output);
        self.output = Some(kept);
        self.truncated = self.truncated || truncated;
    }
}

/// The first [`MAX_OUTPUT`] bytes of an output, cut between two characters, and whether there was more.
pub fn cut_output(output: &str) -> (String, bool) {
    let end = output.floor_char_boundary(MAX_OUTPUT);
    (output.get(..end).unwrap_or_default().to_owned(), end < output.len())
}

/// The runs of a backup, in order of phase and number: those of the scripts, if they are enabled, and for each instance
/// in `vss` one that makes its shadow copies before the snapshots and one that ends them at completion.
///
/// `instance_targets` are the instances that the policy backs up; `vss` those of them whose backup is
/// application-consistent.
pub fn plan_runs(
    scripts: &Scripts,
    instance_targets: &[(InstanceId, Region)],
    vss: &[(InstanceId, Region)],
) -> Vec<ScriptRun> {
    let mut runs = Vec::new();
    for phase in ScriptPhase::ALL {
        let mut of_phase = Vec::new();
        if let (true, Some(script)) = (scripts.enabled, scripts.of(phase)) {
            of_phase.extend(runs_of(phase, script, instance_targets));
        }
        if phase != ScriptPhase::After {
            of_phase.extend(once(vss).map(|place| ScriptRun::on_instance(phase, ScriptKind::Vss, place)));
        }
        for (number, run) in (1..).zip(of_phase) {
            runs.push(ScriptRun { number, ..run });
        }
    }
    runs
}

fn runs_of(phase: ScriptPhase, script: &Script, targets: &[(InstanceId, Region)]) -> Vec<ScriptRun> {
    let kind = ScriptKind::Script;
    match script {
        Script::Lambda(function) => vec![ScriptRun::planned(phase, kind, function.region(), function.as_str())],
        Script::Ssm(script) => match &script.on {
            SsmPlace::EachTarget => once(targets).map(|place| ScriptRun::on_instance(phase, kind, place)).collect(),
            SsmPlace::Instance { instance, region } => {
                vec![ScriptRun::on_instance(phase, kind, &(instance.clone(), region.clone()))]
            }
        },
    }
}

/// Each place once, in the order given.
fn once(places: &[(InstanceId, Region)]) -> impl Iterator<Item = &(InstanceId, Region)> {
    let mut seen = BTreeSet::new();
    places.iter().filter(move |place| seen.insert(*place))
}

/// For how long applications were frozen: from the end of the last `before` script to the start of the first `after`
/// script. None when no script of the one ended or none of the other started.
pub fn frozen(runs: &[ScriptRun]) -> Option<SignedDuration> {
    let of = |phase| runs.iter().filter(move |run| run.kind == ScriptKind::Script && run.phase == phase);
    let held = of(ScriptPhase::Before).filter_map(|run| run.ended).max()?;
    let released = of(ScriptPhase::After).filter_map(|run| run.started).min()?;
    // Clocks of two hosts may differ by more than there was between the two.
    Some(released.duration_since(held).max(SignedDuration::ZERO))
}

/// How far the clock of EC2 and that of the functions may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(2);

/// The sets whose snapshots AWS began when the scripts had let go: the answer to a call was lost, and it was carried out
/// later, or another execution made it. They are not of the scripts' point in time. EC2 alone says exactly when it began.
pub fn made_late<'a>(sets: &'a [UnitSet], runs: &[ScriptRun]) -> Vec<&'a UnitSet> {
    let after = runs.iter().filter(|run| run.kind == ScriptKind::Script && run.phase == ScriptPhase::After);
    let Some(released) = after.filter_map(|run| run.started).min() else { return Vec::new() };
    let is_late = |set: &&UnitSet| {
        let of_ec2 = set.units.iter().filter(|unit| unit.kind == UnitKind::EbsSnapshot);
        of_ec2.filter_map(|unit| unit.started).any(|started| started > released + SKEW)
    };
    sets.iter().filter(is_late).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scripts() -> Scripts {
        serde_json::from_value(json!({
            "enabled": true,
            "before": {"ssm": {"each_target": true, "shell": "flush"}},
            "after": {"ssm": {"instance": "i-0000000f", "region": "eu-west-1", "document": "thaw-db"}},
            "complete": {"lambda": "arn:aws:lambda:us-west-2:111122223333:function:truncate"},
        }))
        .unwrap()
    }

    fn place(instance: &str) -> (InstanceId, Region) {
        (instance.parse().unwrap(), "us-east-1".parse().unwrap())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn ran(phase: ScriptPhase, kind: ScriptKind, started: i64, ended: i64) -> ScriptRun {
        let run = ScriptRun::on_instance(phase, kind, &place("i-0000000a"));
        ScriptRun { started: Some(at(started)), ended: Some(at(ended)), state: ScriptState::Succeeded, ..run }
    }

    fn told(runs: &[ScriptRun]) -> Vec<String> {
        let tell = |run: &ScriptRun| {
            let region = run.region.as_ref().unwrap();
            assert_eq!(
                run.instance.as_ref().map(InstanceId::as_str),
                run.target.starts_with("i-").then_some(&*run.target)
            );
            format!("{} {} {} {} {region}", run.phase, run.number, run.kind.as_str(), run.target)
        };
        runs.iter().map(tell).collect()
    }

    #[test]
    fn each_script_runs_where_it_says() {
        let targets = [place("i-0000000a"), place("i-0000000b"), place("i-0000000a")];
        let runs = plan_runs(&scripts(), &targets, &[place("i-0000000b")]);
        assert_eq!(
            told(&runs),
            [
                "before 1 script i-0000000a us-east-1",
                "before 2 script i-0000000b us-east-1",
                "before 3 vss i-0000000b us-east-1",
                "after 1 script i-0000000f eu-west-1",
                "complete 1 script arn:aws:lambda:us-west-2:111122223333:function:truncate us-west-2",
                "complete 2 vss i-0000000b us-east-1",
            ]
        );
        assert!(runs.iter().all(|run| run.state == ScriptState::Planned && !run.is_ended() && run.version == 0));
    }

    #[test]
    fn scripts_that_are_off_do_not_run_and_vss_does() {
        let off = Scripts { enabled: false, ..scripts() };
        assert_eq!(plan_runs(&off, &[place("i-0000000a")], &[]), []);
        let runs = plan_runs(&off, &[place("i-0000000a")], &[place("i-0000000a")]);
        assert_eq!(told(&runs), ["before 1 vss i-0000000a us-east-1", "complete 1 vss i-0000000a us-east-1"]);
    }

    #[test]
    fn frozen_is_from_the_last_before_to_the_first_after() {
        use ScriptKind::{Script, Vss};
        use ScriptPhase::{After, Before, Complete};
        let (first, last) = (ran(Before, Script, 0, 3), ran(Before, Script, 0, 5));
        let (thaw, late) = (ran(After, Script, 9, 10), ran(After, Script, 12, 13));
        let others = [ran(Before, Vss, 6, 8), ran(Complete, Script, 6, 7)];
        let all = [vec![first, last.clone(), late, thaw.clone()], others.to_vec()].concat();
        assert_eq!(frozen(&all), Some(SignedDuration::from_secs(4)));
        assert_eq!(frozen(&[last.clone(), others[0].clone()]), None);
        assert_eq!(frozen(&[thaw.clone(), others[0].clone()]), None);
        assert_eq!(frozen(&[last.clone(), ScriptRun { started: None, ..thaw.clone() }]), None);
        assert_eq!(frozen(&[ScriptRun { ended: None, ..last.clone() }, thaw]), None);
        assert_eq!(frozen(&[last, ran(After, Script, 4, 6)]), Some(SignedDuration::ZERO));
    }

    #[test]
    fn what_ec2_began_after_the_release_is_late() {
        use crate::{kind::Resource, unit::Unit};
        let set = |number: u32, kind: UnitKind, started: Option<i64>| {
            let source = Resource::Volume("vol-0000000a".parse().unwrap());
            UnitSet {
                number,
                region: "us-east-1".parse().unwrap(),
                target: source.clone(),
                excluded: vec![],
                exclude_boot: false,
                image: None,
                by_document: None,
                tags: std::collections::BTreeMap::new(),
                units: vec![Unit { started: started.map(at), ..Unit::planned(kind, source) }],
                version: 0,
            }
        };
        let ebs = UnitKind::EbsSnapshot;
        let sets = [
            set(1, ebs, Some(9)),
            set(2, ebs, Some(12)),
            set(3, ebs, Some(13)),
            set(4, ebs, None),
            set(5, UnitKind::RdsSnapshot, Some(60)),
        ];
        let runs = [
            ran(ScriptPhase::After, ScriptKind::Script, 11, 12),
            ran(ScriptPhase::After, ScriptKind::Script, 10, 12),
            ran(ScriptPhase::Before, ScriptKind::Script, 0, 5),
        ];
        let numbers = |runs: &[ScriptRun]| made_late(&sets, runs).iter().map(|set| set.number).collect::<Vec<_>>();
        assert_eq!(numbers(&runs), [3]);
        assert_eq!(numbers(&runs[2..]), Vec::<u32>::new(), "nothing was released");
    }

    #[test]
    fn states_end() {
        let run = |state| ScriptRun { state, ..ran(ScriptPhase::Before, ScriptKind::Script, 0, 1) };
        let ended: Vec<bool> = [
            ScriptState::Planned,
            ScriptState::Running,
            ScriptState::Succeeded,
            ScriptState::Failed,
            ScriptState::TimedOut,
        ]
        .map(|state| run(state).is_ended())
        .into();
        assert_eq!(ended, [false, false, true, true, true]);
        assert!(run(ScriptState::Succeeded).succeeded() && !run(ScriptState::TimedOut).succeeded());
        assert_eq!(serde_json::to_value(ScriptState::TimedOut).unwrap(), json!(ScriptState::TimedOut.as_str()));
    }

    #[test]
    fn output_is_cut_between_characters_and_says_so() {
        assert_eq!(cut_output("ok"), ("ok".to_owned(), false));
        let full = "x".repeat(MAX_OUTPUT);
        assert_eq!(cut_output(&full), (full.clone(), false));
        let (kept, truncated) = cut_output(&format!("{}ö", "x".repeat(MAX_OUTPUT - 1)));
        assert_eq!((kept.len(), truncated), (MAX_OUTPUT - 1, true));
        let mut run = ran(ScriptPhase::Before, ScriptKind::Script, 0, 1);
        run.keep_output(&format!("{full}!"));
        assert_eq!((run.output, run.truncated), (Some(full), true));
    }

    #[test]
    fn a_run_reads_back() {
        let mut run = ran(ScriptPhase::After, ScriptKind::Vss, 0, 1);
        run.error = Some(Fault::new("Script.ExitCode", "it ended with 3"));
        assert_eq!(serde_json::from_value::<ScriptRun>(serde_json::to_value(&run).unwrap()).unwrap(), run);
    }
}
