//! The recovery panel: what is in a backup, where from, and how to recover each (§9 of the guide).

use comfy_table::Cell;
use cpm_contracts::api::{PanelSource, PanelUnit, PanelView};
use cpm_domain::{
    kind::Kind,
    origin::{InstanceOrigin, Origin, VolumeOrigin},
    recovery::plan::RecoveryKind,
    unit::UnitKind,
};

use super::{show, yaml::named};
use crate::{
    backup::{scripts, unit_state},
    table::{Layout, cell, fields, firm, maybe, table, text},
    times::Times,
};

/// The panel of a backup.
pub(super) fn shown(layout: Layout, times: &Times, panel: &PanelView) -> String {
    let about = vec![
        ("backup", Some(cell(panel.backup))),
        ("policy", Some(cell(&panel.policy))),
        ("account", Some(cell(&panel.account))),
        ("started", Some(cell(times.full(panel.started)))),
    ];
    let mut parts = vec![fields(layout, about)];
    if panel.sources.is_empty() {
        parts.push("There is nothing in it.\n".to_owned());
    }
    parts.extend(panel.sources.iter().map(|source| of_source(layout, panel, source)));
    parts.push(scripts(layout, times, &panel.scripts));
    if !panel.recoveries.is_empty() {
        parts.push(format!("Its recoveries\n{}", show::list(layout, times, &panel.recoveries)));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn of_source(layout: Layout, panel: &PanelView, source: &PanelSource) -> String {
    let was = source.origin.as_ref().map_or_else(|| "how it was is not on record".to_owned(), told);
    let commands: Vec<String> = source.recover.iter().map(|kind| command(panel, source, *kind)).collect();
    let how = if commands.is_empty() { "nothing of it can be recovered".to_owned() } else { commands.join("\n") };
    let about = fields(layout, vec![("  as it was", Some(cell(was))), ("  recover by", Some(cell(how)))]);
    format!("{}\n{about}{}", named(source), units(layout, source))
}

/// The command that recovers it; it names the source where another one would fit as well.
fn command(panel: &PanelView, source: &PanelSource, kind: RecoveryKind) -> String {
    let is_only = panel.sources.iter().filter(|source| source.recover.contains(&kind)).count() == 1;
    let which = if is_only { String::new() } else { format!(" --source {}", source.id) };
    format!("cpm recover {kind} {}{which}", panel.backup)
}

fn units(layout: Layout, source: &PanelSource) -> String {
    if source.units.is_empty() {
        return String::new();
    }
    let is_ec2 = matches!(source.kind, Kind::Instance | Kind::Volume);
    let mut columns = vec![firm("  OF")];
    if is_ec2 {
        columns.extend([firm("AS"), firm("GIB")]);
    }
    columns.extend([text("ID"), firm("STATE")]);
    let row = |unit: &PanelUnit| {
        let mut row: Vec<Cell> = vec![cell(format!("  {}", unit.source))];
        if is_ec2 {
            row.extend([maybe(what(unit)), maybe(unit.size)]);
        }
        row.extend([maybe(unit.id.as_ref()), unit_state(unit.state)]);
        row
    };
    table(layout, &columns, source.units.iter().map(row).collect())
}

/// The device of a volume, or that it is an image.
fn what(unit: &PanelUnit) -> Option<&str> {
    match (unit.kind, unit.initial) {
        (UnitKind::Ami, true) => Some("initial image"),
        (UnitKind::Ami, false) => Some("image"),
        _ => unit.device.as_deref(),
    }
}

/// How a source was, in few words.
fn told(origin: &Origin) -> String {
    let words: Vec<Option<String>> = match origin {
        Origin::Instance(instance) => of_instance(instance),
        Origin::Volume(volume) => of_volume(volume),
        Origin::Rds(database) => vec![
            Some(engine(&database.engine, database.engine_version.as_ref())),
            Some(database.class.clone()),
            storage(database.storage, database.storage_type.as_ref()),
            database.zone.clone(),
            database.multi_az.then(|| "with a standby".to_owned()),
        ],
        Origin::Aurora(cluster) => vec![
            Some(engine(&cluster.engine, cluster.engine_version.as_ref())),
            Some(match cluster.members.len() {
                1 => "1 member".to_owned(),
                members => format!("{members} members"),
            }),
            cluster.subnet_group.as_ref().map(|group| format!("subnet group {group}")),
        ],
        Origin::Redshift(warehouse) => {
            vec![Some(format!("{} of {}", warehouse.nodes, warehouse.node_type)), warehouse.zone.clone()]
        }
        Origin::Dynamodb(table) => vec![
            table.billing.clone(),
            table.read_units.map(|units| format!("{units} units of reading")),
            table.write_units.map(|units| format!("{units} units of writing")),
        ],
    };
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn of_instance(instance: &InstanceOrigin) -> Vec<Option<String>> {
    let image = match &instance.image.name {
        Some(name) => format!("launched from {} ({name})", instance.image.id),
        None => format!("launched from {}", instance.image.id),
    };
    vec![
        Some(instance.instance_type.clone()),
        Some(instance.architecture.clone()),
        instance.platform_details.clone(),
        Some(instance.zone.clone()),
        instance.subnet.clone(),
        instance.private_ip.clone(),
        Some(image),
    ]
}

fn of_volume(volume: &VolumeOrigin) -> Vec<Option<String>> {
    let attached = volume.attached_to.as_ref().map(|instance| {
        let device = volume.device.as_ref().map(|device| format!(" as {device}")).unwrap_or_default();
        format!("attached to {instance}{device}")
    });
    vec![storage(Some(volume.size), Some(&volume.volume_type)), Some(volume.zone.clone()), attached]
}

fn engine(engine: &str, version: Option<&String>) -> String {
    version.map_or_else(|| engine.to_owned(), |version| format!("{engine} {version}"))
}

fn storage(size: Option<i32>, kind: Option<&String>) -> Option<String> {
    let size = size?;
    Some(kind.map_or_else(|| format!("{size} GiB"), |kind| format!("{size} GiB {kind}")))
}
