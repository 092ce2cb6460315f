//! What was made, in the words of the domain.

use aws_sdk_ec2::types::{
    AttachmentStatus, Image, ImageState, Instance, InstanceBlockDeviceMapping, InstanceNetworkInterface,
    InstanceStateName, StateReason, Tag, Volume, VolumeAttachment, VolumeAttachmentState, VolumeState,
};
use cpm_domain::recovery::work::{Made, MadeKind, MadeState};

use super::{PLATFORM, WINDOWS, look::Eye};

pub(super) fn instance(instance: &Instance, eye: Eye) -> Made {
    let (state, cause) = instance_state(instance, eye);
    Made {
        state,
        cause,
        addresses: addresses(instance),
        parts: instance.block_device_mappings().iter().filter_map(part).collect(),
        ..Made::pending(MadeKind::Instance, instance.instance_id().unwrap_or_default())
    }
}

/// One that ended is gone, with why: AWS ends one at once when it cannot make its volumes.
fn instance_state(instance: &Instance, eye: Eye) -> (MadeState, Option<String>) {
    match (instance.state().and_then(|state| state.name()), eye) {
        (Some(InstanceStateName::Running | InstanceStateName::Stopping | InstanceStateName::Stopped), _) => {
            (MadeState::Ready, None)
        }
        (Some(InstanceStateName::ShuttingDown), Eye::Cleaner) => (MadeState::Pending, None),
        (Some(state @ (InstanceStateName::ShuttingDown | InstanceStateName::Terminated)), _) => {
            let cause = instance.state_reason().and_then(why).unwrap_or_else(|| format!("it is {}", state.as_str()));
            (MadeState::Gone, Some(cause))
        }
        _ => (MadeState::Pending, None),
    }
}

/// AWS's words, and what they mostly mean where they say little.
fn why(reason: &StateReason) -> Option<String> {
    let code = reason.code().unwrap_or_default();
    let told = match reason.message().filter(|message| !message.is_empty()) {
        Some(message) if message.starts_with(code) => message.to_owned(),
        Some(message) => format!("{code}: {message}"),
        None if code.is_empty() => return None,
        None => code.to_owned(),
    };
    if code == "Client.InternalError" || code.contains("KMS") {
        return Some(format!(
            "{told}; mostly the key of an encrypted volume is disabled, or the role may not use it (kms:CreateGrant)"
        ));
    }
    Some(told)
}

fn addresses(instance: &Instance) -> Vec<String> {
    let interfaces = || instance.network_interfaces().iter();
    let private = interfaces()
        .flat_map(InstanceNetworkInterface::private_ip_addresses)
        .filter_map(|address| address.private_ip_address());
    let public = interfaces().filter_map(|interface| interface.association()?.public_ip());
    let all = instance.private_ip_address().into_iter().chain(private);
    let all = all.chain(instance.public_ip_address()).chain(public);
    let mut seen: Vec<String> = Vec::new();
    for address in all.filter(|address| !address.is_empty()) {
        if !seen.iter().any(|earlier| earlier == address) {
            seen.push(address.to_owned());
        }
    }
    seen
}

fn part(mapping: &InstanceBlockDeviceMapping) -> Option<Made> {
    let ebs = mapping.ebs()?;
    let state = match ebs.status() {
        Some(AttachmentStatus::Attached) => MadeState::Ready,
        Some(AttachmentStatus::Detached) => MadeState::Gone,
        _ => MadeState::Pending,
    };
    let device = mapping.device_name().map(str::to_owned);
    Some(Made { state, device, ..Made::pending(MadeKind::Volume, ebs.volume_id()?) })
}

/// One that is on its way on or off an instance is pending: it can be neither attached nor deleted.
pub(super) fn volume(volume: &Volume) -> Made {
    let mut attachments = volume.attachments().iter();
    let is_moving = |attachment: &VolumeAttachment| {
        let state = attachment.state();
        matches!(
            state,
            Some(VolumeAttachmentState::Attaching | VolumeAttachmentState::Detaching | VolumeAttachmentState::Busy)
        )
    };
    let state = match volume.state() {
        Some(VolumeState::Available | VolumeState::InUse) if volume.attachments().iter().any(is_moving) => {
            MadeState::Pending
        }
        Some(VolumeState::Available | VolumeState::InUse) => MadeState::Ready,
        Some(VolumeState::Error) => MadeState::Failed,
        Some(VolumeState::Deleting | VolumeState::Deleted) => MadeState::Gone,
        _ => MadeState::Pending,
    };
    Made {
        state,
        cause: (state == MadeState::Failed).then(|| why_not_made(volume)),
        device: attachments.find_map(|attachment| attachment.device()).map(str::to_owned),
        ..Made::pending(MadeKind::Volume, volume.volume_id().unwrap_or_default())
    }
}

/// Of a volume in `error` AWS says nothing more.
fn why_not_made(volume: &Volume) -> String {
    match volume.kms_key_id() {
        Some(key) => format!(
            "AWS took the call and then could not make it; mostly its key {key} is disabled, or the role may not use it \
             (kms:CreateGrant)"
        ),
        None => {
            "AWS took the call and then could not make it, and does not say why; its snapshot may be gone".to_owned()
        }
    }
}

pub(super) fn image(image: &Image) -> Made {
    let state = match image.state() {
        Some(ImageState::Available | ImageState::Disabled) => MadeState::Ready,
        Some(ImageState::Failed | ImageState::Error | ImageState::Invalid) => MadeState::Failed,
        Some(ImageState::Deregistered) => MadeState::Gone,
        _ => MadeState::Pending,
    };
    let made = Made { state, ..Made::pending(MadeKind::Image, image.image_id().unwrap_or_default()) };
    if state == MadeState::Failed {
        return Made { cause: image.state_reason().and_then(why), ..made };
    }
    if state == MadeState::Ready && must_be_windows(image) && !is_windows(image) {
        let cause = "AWS did not recognise Windows in it: what is launched from it would have neither its licence nor \
                     its platform; launch from an image instead";
        return Made { state: MadeState::Failed, cause: Some(cause.to_owned()), ..made };
    }
    made
}

fn must_be_windows(image: &Image) -> bool {
    image.tags().iter().any(|tag: &Tag| tag.key() == Some(PLATFORM) && tag.value() == Some(WINDOWS))
}

fn is_windows(image: &Image) -> bool {
    let is_windows = |word: &str| word.to_ascii_lowercase().starts_with(WINDOWS);
    image.platform().is_some_and(|platform| is_windows(platform.as_str()))
        || image.platform_details().is_some_and(is_windows)
}
