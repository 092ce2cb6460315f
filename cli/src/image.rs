//! `cpm image`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use cpm_contracts::recovery::{ImageMatch, ImagesFound, ImagesLike};
use cpm_domain::{
    id::{BackupId, InstanceId, Region},
    name::AccountName,
    origin::ImageOrigin,
};

use crate::{
    command::{Answer, Outcome},
    deployment::Session,
    recover::flags::DeploymentRegion,
    table::{Layout, cell, fields},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the image that an instance of a backup was launched from, and images like it
    Like(Like),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The details of the original image are those that were kept with the backup: it may be gone, or of
another Region. Exit code 1: no image is like it.")]
pub(crate) struct Like {
    /// The number of the backup
    backup: BackupId,
    /// The instance, when the backup has more than one
    #[arg(long, value_name = "ID")]
    instance: Option<InstanceId>,
    /// In which AWS Region to look [default: that of the instance]
    #[arg(id = "into", long = "region", value_name = "REGION")]
    region: Option<Region>,
    /// In which account to look [default: that of the backup]
    #[arg(long, value_name = "NAME")]
    account: Option<AccountName>,
    /// Look for other versions and flavours of it as well
    #[arg(long)]
    fuzzy: bool,
    #[command(flatten)]
    _deployment: DeploymentRegion,
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    let Command::Like(like) = command;
    let fuzzy = like.fuzzy;
    let deployment = session.deployment().await?;
    let request = ImagesLike {
        backup: like.backup,
        source: like.instance.map(String::from),
        region: like.region,
        account: like.account,
        fuzzy,
    };
    let found: ImagesFound = deployment.client.post(&["images", "like"], &request).await?;
    session.screen.answer(&found, |layout| shown(layout, &found, fuzzy))?;
    Ok(if found.images.is_empty() { Outcome::Bad } else { Outcome::Good })
}

fn shown(layout: Layout, found: &ImagesFound, fuzzy: bool) -> String {
    let mut shown = original(layout, &found.original);
    shown.push('\n');
    // Writing to a text cannot fail.
    let _ = match (found.images.len(), fuzzy) {
        (0, false) => writeln!(
            shown,
            "No image in {} is exactly like it. --fuzzy looks for other versions and flavours.",
            found.region
        ),
        (0, true) => writeln!(shown, "No image in {} is like it.", found.region),
        (1, _) => writeln!(shown, "1 image in {} is like it:", found.region),
        (count, _) => writeln!(shown, "{count} images in {} are like it, the most alike first:", found.region),
    };
    for image in &found.images {
        shown.push_str(&alike(image));
    }
    shown
}

fn original(layout: Layout, image: &ImageOrigin) -> String {
    let owner = match (&image.owner, &image.owner_alias) {
        (Some(owner), Some(alias)) => Some(format!("{owner} ({alias})")),
        (owner, alias) => owner.clone().or_else(|| alias.clone()),
    };
    let known = if image.known { None } else { Some("AWS did not know it any more when it was backed up") };
    let some = |value: &Option<String>| value.as_ref().map(cell);
    let shown = vec![
        ("original image", Some(cell(&image.id))),
        ("details", known.map(cell)),
        ("name", some(&image.name)),
        ("description", some(&image.description)),
        ("owner", owner.map(cell)),
        ("created", some(&image.created)),
        ("architecture", some(&image.architecture)),
        ("platform", some(&image.platform_details)),
        ("virtualization", some(&image.virtualization)),
        ("root device", root(image).map(cell)),
        ("boot mode", some(&image.boot_mode)),
        ("product codes", (!image.product_codes.is_empty()).then(|| cell(image.product_codes.join(", ")))),
    ];
    fields(layout, shown)
}

fn root(image: &ImageOrigin) -> Option<String> {
    match (&image.root_device, &image.root_device_type) {
        (Some(device), Some(kind)) => Some(format!("{device} ({kind})")),
        (device, kind) => device.clone().or_else(|| kind.clone()),
    }
}

fn alike(found: &ImageMatch) -> String {
    let ImageOrigin { id, name, created, .. } = &found.image;
    let mut shown = format!("\n{id}");
    for part in [name, created].into_iter().flatten() {
        let _ = write!(shown, "  {part}");
    }
    shown.push('\n');
    for reason in &found.reasons {
        let _ = writeln!(shown, "  = {reason}");
    }
    for difference in &found.differences {
        let _ = writeln!(shown, "  ! {difference}");
    }
    shown
}
