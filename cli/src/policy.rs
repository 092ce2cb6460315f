//! `cpm policy`.

use clap::{Args, Subcommand};
use comfy_table::{Cell, Color};
use cpm_contracts::api::{
    Applied, Attention, LastDrill, LastRecovery, Policies, PolicySummary, PolicyView, TargetView,
};
use cpm_domain::{
    app_aware::AppAware,
    drill::DrillRule,
    name::PolicyName,
    script::{ScriptPhase, Scripts},
    target::{PutBy, VolumeChoice},
};

use crate::{
    account::names,
    command::{Answer, Outcome},
    deployment::{Deployment, Session},
    drill::span,
    fault::Fault,
    plan,
    table::{Layout, cell, fields, firm, maybe, table, text},
    times::{Times, took},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List all policies
    List,
    /// Show a policy with its targets
    Show(Named),
    /// Let a policy run by its schedules
    Enable(Named),
    /// Keep a policy from running by its schedules; its backups stay
    Disable(Named),
    /// Remove a policy, and delete all its backups but those in the freezer
    Delete {
        #[command(flatten)]
        policy: Named,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its name
    name: PolicyName,
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    let deployment = session.deployment().await?;
    match command {
        Command::List => {
            let all: Policies = deployment.client.get(&["policies"], &[]).await?;
            session.screen.answer(&all.policies, |layout| list(layout, &deployment.times, &all.policies))?;
        }
        Command::Show(Named { name }) => {
            let policy: PolicyView = deployment.client.get(&["policies", name.as_str()], &[]).await?;
            session.screen.answer(&policy, |layout| show(layout, &deployment.times, &policy))?;
        }
        Command::Enable(Named { name }) => switch(session, &deployment, &name, "enable").await?,
        Command::Disable(Named { name }) => switch(session, &deployment, &name, "disable").await?,
        Command::Delete { policy: Named { name }, yes } => {
            if !yes && !session.screen.confirm(&format!("Delete the policy `{name}` and all its backups?"))? {
                return Ok(Outcome::Bad);
            }
            let applied: Applied = deployment.client.delete(&["policies", name.as_str()]).await?;
            session.screen.answer(&applied, |layout| plan::applied(layout, &applied))?;
        }
    }
    Ok(Outcome::Good)
}

async fn switch(session: &Session, deployment: &Deployment, name: &PolicyName, verb: &str) -> Result<(), Fault> {
    let policy: PolicyView = deployment.client.post(&["policies", name.as_str(), verb], &Nothing {}).await?;
    session.screen.answer(&policy, |_| switched(&deployment.times, &policy.summary))
}

/// A request that says all by its path.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Nothing {}

fn switched(times: &Times, policy: &PolicySummary) -> String {
    match (policy.enabled, policy.next) {
        (true, Some(next)) => format!("`{}` is enabled. Its next run: {}.\n", policy.name, times.full(next)),
        (true, None) => format!("`{}` is enabled, but no run comes by itself: {}.\n", policy.name, attention(policy)),
        (false, _) => format!("`{}` is disabled: it runs by hand only. Its backups stay.\n", policy.name),
    }
}

fn list(layout: Layout, times: &Times, policies: &[PolicySummary]) -> String {
    if policies.is_empty() {
        return "There is no policy yet. Write one into a policy file and `cpm apply -f FILE` it.\n".to_owned();
    }
    let next = times.heading("NEXT RUN");
    let columns =
        [text("NAME"), text("ACCOUNT"), firm("TARGETS"), text(&next), text("LAST BACKUP"), text("ATTENTION")];
    let row = |policy: &PolicySummary| {
        vec![
            cell(&policy.name),
            cell(&policy.account),
            cell(policy.target_count),
            cell(policy.next.map_or("-".to_owned(), |next| times.minute(next))),
            last(policy),
            maybe((!policy.attention.is_empty()).then(|| attention(policy))).fg(Color::Yellow),
        ]
    };
    table(layout, &columns, policies.iter().map(row).collect())
}

fn last(policy: &PolicySummary) -> Cell {
    match (&policy.running, &policy.last_backup) {
        (Some(running), _) => cell(format!("{running} runs")),
        (None, Some(backup)) => cell(format!("{} {}", backup.id, backup.status)),
        (None, None) => cell("none"),
    }
}

fn attention(policy: &PolicySummary) -> String {
    policy.attention.iter().copied().map(Attention::message).collect::<Vec<_>>().join("; ")
}

fn show(layout: Layout, times: &Times, view: &PolicyView) -> String {
    let policy = &view.summary;
    let slots: Vec<String> = view
        .slots
        .iter()
        .map(|slot| format!("{}: {}", slot.schedule, slot.next.map_or("never".to_owned(), |next| times.full(next))))
        .collect();
    let backup = policy.last_backup.as_ref();
    let is_app_aware = view.targets.iter().any(|target| target.target.app_aware.is_some());
    let shown = vec![
        ("policy", Some(cell(&policy.name))),
        ("description", policy.description.as_ref().map(cell)),
        ("account", Some(cell(&policy.account))),
        ("enabled", Some(cell(if policy.enabled { "yes" } else { "no" }))),
        ("generations", Some(cell(policy.generations))),
        ("schedules", Some(names(&policy.schedules))),
        ("next runs", (!slots.is_empty()).then(|| cell(slots.join("\n")))),
        ("auto target removal", Some(cell(policy.auto_target_removal.as_str()))),
        ("success", Some(cell(policy.success.as_str()))),
        ("retry", Some(cell(format!("{} times, after {}", policy.retry.count, policy.retry.wait)))),
        ("scripts", scripts(view)),
        ("vss", (!view.vss.is_default() || is_app_aware).then(|| cell(view.vss.as_str()))),
        ("max frozen", view.max_frozen.map(cell)),
        ("recovery", view.recovery.approval.then(|| cell("somebody else than who asks has to say yes"))),
        ("template", policy.template.as_ref().map(cell)),
        ("created", Some(cell(times.full(policy.created)))),
        ("running", policy.running.map(cell)),
        (
            "last backup",
            backup.map(|backup| cell(format!("{} {}, {}", backup.id, backup.status, times.full(backup.started)))),
        ),
        ("drills", view.drill.as_ref().map(|drill| cell(drills(times, view, drill)))),
        ("last drill", view.readiness.last_drill.as_ref().map(|last| cell(drilled(times, last)))),
        ("measured", measured(view).map(cell)),
        ("last recovery", view.last_recovery.as_ref().map(|last| cell(recovered(times, last)))),
        ("attention", (!policy.attention.is_empty()).then(|| cell(attention(policy)).fg(Color::Yellow))),
    ];
    format!("{}\n{}", fields(layout, shown), targets(layout, &view.targets))
}

/// When drills run, and where they restore to.
fn drills(times: &Times, view: &PolicyView, drill: &DrillRule) -> String {
    let when = match (&drill.schedule, view.readiness.next_drill) {
        (Some(schedule), Some(next)) => format!("{schedule}, next {}", times.full(next)),
        (Some(schedule), None) => format!("{schedule}, never again"),
        (None, _) => "when asked for".to_owned(),
    };
    let places =
        [&drill.quarantine.subnet, &drill.quarantine.db_subnet_group, &drill.quarantine.redshift_subnet_group];
    let places: Vec<&str> = places.into_iter().flatten().map(String::as_str).collect();
    if places.is_empty() { when } else { format!("{when}; into {}", places.join(", ")) }
}

/// `d5 succeeded, 2026-04-01 09:00:00 UTC`.
fn drilled(times: &Times, last: &LastDrill) -> String {
    let backup = last.backup.map(|backup| format!(" of backup {backup}")).unwrap_or_default();
    format!("{}{backup} {}, {}", last.id, last.state, times.full(last.started))
}

/// What the newest drill that succeeded measured.
fn measured(view: &PolicyView) -> Option<String> {
    let (rto, rpo) = (view.readiness.rto?, view.readiness.rpo?);
    Some(format!("recovery time {}, recovery point {}", span(rto), span(rpo)))
}

/// `r7 instance from backup 17 succeeded, 2026-04-01 09:00:00 UTC, in 3m 20s`.
fn recovered(times: &Times, last: &LastRecovery) -> String {
    let took = took(last.started, last.ended).map(|took| format!(", in {took}")).unwrap_or_default();
    let LastRecovery { id, kind, backup, state, .. } = last;
    format!("{id} {kind} from backup {backup} {state}, {}{took}", times.full(last.started))
}

/// Whether scripts run, how, and which; nothing when there are none.
fn scripts(view: &PolicyView) -> Option<Cell> {
    let scripts = view.scripts.to_scripts().ok().filter(|scripts| *scripts != Scripts::default())?;
    let how = match (scripts.enabled, scripts.collect_output) {
        (false, _) => "disabled".to_owned(),
        (true, false) => format!("enabled, each for up to {}", scripts.timeout),
        (true, true) => format!("enabled, each for up to {}, with their output", scripts.timeout),
    };
    let each = ScriptPhase::ALL.into_iter().filter_map(|phase| Some(format!("{phase}: {}", scripts.of(phase)?)));
    Some(cell(std::iter::once(how).chain(each).collect::<Vec<_>>().join("\n")))
}

fn targets(layout: Layout, targets: &[TargetView]) -> String {
    if targets.is_empty() {
        return "It has no target: there is nothing to back up. Put targets into the policy file, or tag resources \
                `cpm backup`.\n"
            .to_owned();
    }
    let columns = [firm("KIND"), firm("TARGET"), firm("REGION"), text("VOLUMES"), text("OPTIONS"), firm("PUT BY")];
    let row = |view: &TargetView| {
        let target = &view.target;
        let (kind, id) = match target.resource() {
            Ok(resource) => (cell(resource.kind()), cell(resource.id())),
            Err(_) => (cell(""), cell("")),
        };
        vec![kind, id, cell(&target.region), cell(volumes(view)), cell(options(view)), cell(put_by(view.put_by))]
    };
    table(layout, &columns, targets.iter().map(row).collect())
}

fn volumes(view: &TargetView) -> String {
    let listed = |volumes: &std::collections::BTreeSet<_>| {
        volumes.iter().map(ToString::to_string).collect::<Vec<String>>().join(", ")
    };
    match &view.target.volumes {
        VolumeChoice::All if view.target.instance.is_some() => "all".to_owned(),
        VolumeChoice::All => String::new(),
        VolumeChoice::Include(volumes) => format!("only {}", listed(volumes)),
        VolumeChoice::Exclude(volumes) => format!("without {}", listed(volumes)),
    }
}

fn options(view: &TargetView) -> String {
    let option = view.target.option.map(|option| option.to_string());
    let app_aware = view.target.app_aware.as_ref().map(|aware| match aware {
        aware if *aware == AppAware::default() => "app-aware".to_owned(),
        aware => format!("app-aware ({aware})"),
    });
    let words: Vec<String> = option.into_iter().chain(app_aware).collect();
    words.join(", ")
}

fn put_by(put_by: PutBy) -> &'static str {
    match put_by {
        PutBy::Person => "person",
        PutBy::Tag => "tag",
    }
}
