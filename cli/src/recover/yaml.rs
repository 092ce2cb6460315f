//! A plan as a file that can be edited and run.

use std::fmt::Write as _;

use cpm_contracts::api::{PanelSource, PanelView};
use cpm_domain::{kind::Kind, recovery::plan::Plan};

use crate::{fault::Fault, times::Times};

/// The whole plan as YAML, with comments that say what it is made of, as far as the panel of its backup is at hand.
pub(super) fn text(plan: &Plan, panel: Option<&PanelView>, times: &Times) -> Result<String, Fault> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let yaml = serde_saphyr::to_string_with_options(plan, options).map_err(|error| {
        Fault::new(format!("the plan cannot be written as YAML: {error}"), "report this as a bug of cpm")
    })?;
    let source = panel.and_then(|panel| source(plan, panel));
    let mut text = head(plan, panel, source, times);
    for line in yaml.lines() {
        if let Some(comment) = volume_in(line).and_then(|volume| made_of(volume, source?)) {
            let indent = line.len() - line.trim_start().len();
            let _ = writeln!(text, "{:indent$}# {comment}", "");
        }
        let _ = writeln!(text, "{line}");
    }
    Ok(text)
}

fn head(plan: &Plan, panel: Option<&PanelView>, source: Option<&PanelSource>, times: &Times) -> String {
    let what = match (source, &plan.source) {
        (Some(source), _) => named(source),
        (None, Some(id)) => id.clone(),
        (None, None) => plan.wanted.kind().to_string(),
    };
    let of = panel
        .map_or(String::new(), |panel| format!(" of policy `{}`, made {}", panel.policy, times.full(panel.started)));
    let kind = plan.wanted.kind();
    format!(
        "# {what}, from backup {}{of}.\n\
         # Nothing is made yet. Change what is to be different, and run it: cpm recover {kind} -f FILE\n",
        plan.backup
    )
}

/// `Instance i-0123456789abcdef0 (web) in us-east-1`.
pub(super) fn named(source: &PanelSource) -> String {
    let name = source.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{} {}{name} in {}", noun(source.kind), source.id, source.region)
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Instance => "Instance",
        Kind::Volume => "Volume",
        Kind::Rds => "Database",
        Kind::Aurora => "Aurora cluster",
        Kind::Redshift => "Redshift cluster",
        Kind::Dynamodb => "Table",
    }
}

/// The source of a plan; the only one that fits when the plan does not say.
fn source<'a>(plan: &Plan, panel: &'a PanelView) -> Option<&'a PanelSource> {
    let kinds = plan.wanted.kind().sources();
    let mut fitting = panel
        .sources
        .iter()
        .filter(|source| kinds.contains(&source.kind) && plan.source.as_ref().is_none_or(|id| *id == source.id));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// The volume that an entry of a list begins with.
fn volume_in(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("- volume: ").map(str::trim)
}

/// `8 GiB, as /dev/xvda, from snap-0123456789abcdef0`.
fn made_of(volume: &str, source: &PanelSource) -> Option<String> {
    let unit = source.units.iter().find(|unit| unit.source == volume)?;
    let size = unit.size.map(|size| format!("{size} GiB"));
    let device = unit.device.as_ref().map(|device| format!("as {device}"));
    let snapshot = unit.id.as_ref().map(|id| format!("from {id}"));
    Some([size, device, snapshot].into_iter().flatten().collect::<Vec<_>>().join(", "))
}
