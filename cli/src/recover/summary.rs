//! What will be made, for whoever is asked.

use std::fmt::Write as _;

use comfy_table::Cell;
use cpm_domain::{
    aws::Tags,
    recovery::{
        OnFailure,
        plan::{
            AttachBehavior, ClusterPlan, DatabasePlan, ImageHandling, InstancePlan, LaunchFrom, Plan, TablePlan,
            VolumePlan, VolumesPlan, Wanted, WarehousePlan,
        },
    },
};

use crate::table::{Layout, cell, fields, firm, maybe, table};

type Fields<'a> = Vec<(&'a str, Option<Cell>)>;

/// What a plan with all its defaults makes.
pub(super) fn of(plan: &Plan) -> String {
    let region = plan.region.as_ref().map(|region| format!(", {region}")).unwrap_or_default();
    let account = plan.account.as_ref().map_or("the account of the backup", |account| account.as_str());
    let mut rows: Fields<'_> = vec![
        ("recover", Some(cell(plan.wanted.kind()))),
        (
            "from",
            some(Some(&match &plan.source {
                Some(source) => format!("{source} in backup {}", plan.backup),
                None => format!("backup {}", plan.backup),
            })),
        ),
        ("into", Some(cell(format!("{account}{region}")))),
        ("by role", plan.role.as_ref().map(|role| cell(&role.arn))),
    ];
    rows.extend(match &plan.wanted {
        Wanted::Instance(wanted) => instance(wanted),
        Wanted::Volumes(wanted) => volumes(wanted),
        Wanted::Rds(wanted) => database(wanted),
        Wanted::Aurora(wanted) => cluster(wanted),
        Wanted::Redshift(wanted) => warehouse(wanted),
        Wanted::Dynamodb(wanted) => table_plan(wanted),
    });
    rows.push((
        "if it fails",
        Some(cell(match plan.on_failure {
            OnFailure::Keep => "what was made stays",
            OnFailure::Remove => "what was made is removed",
        })),
    ));
    let mut shown = fields(Layout::default(), rows);
    shown.push_str(&match &plan.wanted {
        Wanted::Instance(wanted) => listed(&wanted.volumes),
        Wanted::Volumes(wanted) => listed(&wanted.volumes),
        _ => String::new(),
    });
    if let Wanted::Volumes(VolumesPlan { attach_behavior: Some(AttachBehavior::SwitchAndDelete), .. }) = &plan.wanted
    {
        shown.push_str("\nWhat is attached there now is deleted when the new volumes are attached.\n");
    }
    shown
}

/// A text that says something.
fn some<T: ToString>(value: Option<&T>) -> Option<Cell> {
    value.map(ToString::to_string).filter(|text| !text.is_empty()).map(cell)
}

fn list(values: Option<&Vec<String>>) -> Option<Cell> {
    values.filter(|values| !values.is_empty()).map(|values| cell(values.join(", ")))
}

fn switch(value: Option<bool>) -> Option<Cell> {
    value.map(|yes| cell(if yes { "yes" } else { "no" }))
}

fn only_yes(value: Option<bool>) -> Option<Cell> {
    switch(value.filter(|yes| *yes))
}

fn tags(tags: Option<&Tags>) -> Option<Cell> {
    let tags = tags.filter(|tags| !tags.is_empty())?;
    Some(cell(tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")))
}

fn instance(plan: &InstancePlan) -> Fields<'_> {
    let count = plan.count.unwrap_or(1);
    let image = plan.image.as_ref().filter(|image| !image.is_empty());
    let from = match (plan.launch_from, image) {
        (Some(LaunchFrom::Image), Some(image)) => format!("the image {image}"),
        (Some(LaunchFrom::Image), None) => "an image".to_owned(),
        _ => "the snapshot of its root volume".to_owned(),
    };
    let image = match plan.image_handling {
        Some(ImageHandling::Only) => Some("it is all that is made"),
        Some(ImageHandling::Keep) => Some("it stays"),
        _ => None,
    };
    vec![
        ("instances", some(plan.instance_type.as_ref().map(|kind| format!("{count} of {kind}")).as_ref())),
        ("made of", some(Some(&from))),
        ("its image", image.map(cell)),
        ("zone", some(plan.zone.as_ref())),
        ("subnet", some(plan.subnet.as_ref())),
        ("placement group", some(plan.placement_group.as_ref())),
        ("private address", some(plan.private_ip.as_ref())),
        ("more addresses", list(plan.secondary_ips.as_ref())),
        ("public address", switch(plan.public_ip)),
        ("elastic address", some(plan.elastic_ip.as_ref())),
        ("security groups", list(plan.security_groups.as_ref())),
        ("key pair", some(plan.key_pair.as_ref())),
        ("profile", some(plan.profile.as_ref())),
        ("user data", plan.user_data.as_ref().filter(|data| !data.is_empty()).map(|_| cell("yes"))),
        ("protected", only_yes(plan.termination_protection)),
        ("tags", tags(plan.tags.as_ref())),
    ]
}

fn volumes(plan: &VolumesPlan) -> Fields<'_> {
    let how = plan.attach_to.as_ref().and(plan.attach_behavior).map(|how| match how {
        AttachBehavior::IfFree => "where the device is free",
        AttachBehavior::Switch | AttachBehavior::SwitchAndDelete => "in place of what is there",
    });
    vec![("attached to", some(plan.attach_to.as_ref())), ("how", how.map(cell))]
}

/// The volumes that are made.
fn listed(volumes: &[VolumePlan]) -> String {
    let columns =
        [firm("VOLUME"), firm("DEVICE"), firm("SIZE"), firm("TYPE"), firm("IOPS"), firm("MIB/S"), firm("ZONE")];
    let wanted = volumes.iter().filter(|volume| volume.recover != Some(false));
    let rows: Vec<Vec<Cell>> = wanted
        .map(|volume| {
            vec![
                cell(&volume.volume),
                maybe(volume.device.as_ref()),
                maybe(volume.size.map(|size| format!("{size} GiB"))),
                maybe(volume.volume_type.as_ref()),
                maybe(volume.iops),
                maybe(volume.throughput),
                maybe(volume.zone.as_ref()),
            ]
        })
        .collect();
    let mut shown = String::new();
    if !rows.is_empty() {
        // Writing to a text cannot fail.
        let _ = write!(shown, "\n{}", table(Layout::default(), &columns, rows));
    }
    for left_out in volumes.iter().filter(|volume| volume.recover == Some(false)) {
        let _ = writeln!(shown, "Without {}.", left_out.volume);
    }
    shown
}

fn database(plan: &DatabasePlan) -> Fields<'_> {
    vec![
        ("database", some(plan.id.as_ref())),
        ("class", some(plan.class.as_ref())),
        ("port", some(plan.port.as_ref())),
        ("zone", some(plan.zone.as_ref())),
        ("standby", switch(plan.multi_az)),
        ("subnet group", some(plan.subnet_group.as_ref())),
        ("security groups", list(plan.security_groups.as_ref())),
        ("parameter group", some(plan.parameter_group.as_ref())),
        ("option group", some(plan.option_group.as_ref())),
        ("storage", some(plan.storage_type.as_ref())),
        ("iops", some(plan.iops.as_ref())),
        ("public", switch(plan.public)),
        ("protected", only_yes(plan.deletion_protection)),
        ("tags", tags(plan.tags.as_ref())),
    ]
}

fn cluster(plan: &ClusterPlan) -> Fields<'_> {
    let members = plan.members.as_ref().map(|members| {
        let each = members.iter().map(|member| format!("{} ({})", member.id, member.class));
        let each: Vec<String> = each.collect();
        if each.is_empty() { "none".to_owned() } else { each.join(", ") }
    });
    vec![
        ("cluster", some(plan.id.as_ref())),
        ("members", some(members.as_ref())),
        ("port", some(plan.port.as_ref())),
        ("zones", list(plan.zones.as_ref())),
        ("subnet group", some(plan.subnet_group.as_ref())),
        ("security groups", list(plan.security_groups.as_ref())),
        ("parameter group", some(plan.parameter_group.as_ref())),
        ("kms key", some(plan.kms_key.as_ref())),
        ("protected", only_yes(plan.deletion_protection)),
        ("tags", tags(plan.tags.as_ref())),
    ]
}

fn warehouse(plan: &WarehousePlan) -> Fields<'_> {
    let nodes = plan.nodes.zip(plan.node_type.as_ref()).map(|(nodes, kind)| format!("{nodes} of {kind}"));
    vec![
        ("cluster", some(plan.id.as_ref())),
        ("nodes", some(nodes.as_ref())),
        ("port", some(plan.port.as_ref())),
        ("zone", some(plan.zone.as_ref())),
        ("subnet group", some(plan.subnet_group.as_ref())),
        ("security groups", list(plan.security_groups.as_ref())),
        ("parameter group", some(plan.parameter_group.as_ref())),
        ("public", switch(plan.public)),
        ("tags", tags(plan.tags.as_ref())),
    ]
}

fn table_plan(plan: &TablePlan) -> Fields<'_> {
    vec![
        ("table", some(plan.name.as_ref())),
        ("billing", some(plan.billing.as_ref())),
        ("read units", some(plan.read_units.as_ref())),
        ("write units", some(plan.write_units.as_ref())),
        ("kms key", some(plan.kms_key.as_ref())),
        ("protected", only_yes(plan.deletion_protection)),
        ("tags", tags(plan.tags.as_ref())),
    ]
}
