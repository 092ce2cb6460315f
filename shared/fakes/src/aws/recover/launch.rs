//! Launching instances.

use cpm_domain::{
    aws::{Attached, AwsError, Platform, Refusal, Tags},
    id::{InstanceId, UnitId},
    origin::Origin,
    recovery::work::{Device, LaunchSpec, Made, MadeKind, MadeState, Order},
    unit::UnitKind,
};
use jiff::Timestamp;

use super::{
    super::cloud::{Cloud, Home, device, parsed, refused},
    carry_out::{id_of, invalid},
    network,
    state::{End, Thing},
};

const ACTION: &str = "ec2:RunInstances";

impl Cloud {
    pub(super) fn launch(
        &mut self,
        home: &Home,
        order: &Order,
        spec: &LaunchSpec,
        now: Timestamp,
    ) -> Result<Vec<Made>, AwsError> {
        if let Some(given) = self.given(home, order, now) {
            return Ok(given);
        }
        let image = id_of(&spec.image);
        let of_image = self.devices_of_image(home, &image, now)?;
        for snapshot in spec.devices.iter().filter_map(|device| device.snapshot.as_ref()) {
            self.usable(home, UnitKind::EbsSnapshot, snapshot, ACTION)?;
        }
        let subnet = spec.subnet.as_ref().map(|id| (id, network::subnet(home, id)));
        if let Some((id, None)) = &subnet {
            let message = format!("The subnet ID '{id}' does not exist");
            return Err(refused(Refusal::NotFound, ACTION, "InvalidSubnetID.NotFound", message));
        }
        let in_subnet = subnet.and_then(|(_, subnet)| subnet).map(|subnet| subnet.zone);
        let zone = in_subnet.or_else(|| spec.zone.clone()).unwrap_or_else(|| format!("{}a", home.region));
        let kind = &spec.instance_type;
        if self.recovered.full.contains(kind) || self.recovered.full.contains(&zone) {
            let message =
                format!("We currently do not have sufficient {kind} capacity in the Availability Zone {zone}");
            return Err(refused(Refusal::Capacity, ACTION, "InsufficientInstanceCapacity", message));
        }
        if let Some(ip) = spec.private_ip.iter().chain(&spec.secondary_ips).find(|ip| self.has_address(home, ip)) {
            return Err(invalid(ACTION, "InvalidIPAddress.InUse", format!("Address {ip} is in use.")));
        }
        let devices = mapped(spec, of_image);
        let end = if devices.iter().any(|device| self.is_locked(device)) {
            End::Ended(Some("Client.InternalError: Client error on launch".to_owned()))
        } else {
            self.recovered.ending.clone().map_or(End::Good, |why| End::Ended(Some(why)))
        };
        let ids: Vec<String> = (0..spec.count)
            .map(|_| self.put_launched(home, order, spec, &devices, &zone, &end, now).to_string())
            .collect();
        let given = ids.iter().map(|id| (MadeKind::Instance, id.clone())).collect();
        self.recovered.tokens.insert((home.clone(), order.token.clone()), given);
        Ok(ids.into_iter().map(|id| Made::pending(MadeKind::Instance, id)).collect())
    }

    /// The devices of an image that is there.
    fn devices_of_image(&self, home: &Home, image: &str, now: Timestamp) -> Result<Vec<Device>, AwsError> {
        let missing = || {
            let message = format!("The image id '[{image}]' does not exist");
            refused(Refusal::NotFound, ACTION, "InvalidAMIID.NotFound", message)
        };
        if let Some(thing) = self.recovered.things.get(&(MadeKind::Image, image.to_owned())) {
            let spec = thing.image.as_ref().filter(|_| thing.home == *home).ok_or_else(missing)?;
            let state = self.look(home, MadeKind::Image, &[image.to_owned()], now);
            if state.first().is_none_or(|made| made.state != MadeState::Ready) {
                let message = format!("The image '[{image}]' is not available");
                return Err(invalid(ACTION, "InvalidAMIID.Unavailable", message));
            }
            return Ok(spec.devices.clone());
        }
        if let Some(unit) = self.units.get(&UnitId::new(image)) {
            self.usable(home, UnitKind::Ami, image, ACTION)?;
            let parts = unit.report.parts.iter().enumerate();
            let size = |part| self.recovered.snapshots.get(part).map_or(8, |(size, _)| *size);
            return Ok(parts.map(|(n, part)| plain(&device(n), Some(part.to_string()), size(part))).collect());
        }
        let is_base = self.instances.values().any(|placed| {
            matches!(placed.thing.origin.as_deref(), Some(Origin::Instance(origin)) if origin.image.id == image)
        });
        if is_base && !self.gone_images.contains(image) {
            return Ok(vec![plain(&device(0), None, 8)]);
        }
        Err(missing())
    }

    #[allow(clippy::too_many_arguments, reason = "one place in a fake")]
    fn put_launched(
        &mut self,
        home: &Home,
        order: &Order,
        spec: &LaunchSpec,
        devices: &[Device],
        zone: &str,
        end: &End,
        now: Timestamp,
    ) -> InstanceId {
        let id = self.put_instance(home, 0, Platform::Linux, now);
        let volumes: Vec<Attached> = devices
            .iter()
            .map(|device| Attached {
                volume: self.put_device(home, device, zone, &order.tags),
                device: device.device.clone(),
                is_root: device.device == "/dev/xvda",
            })
            .collect();
        for attached in &volumes {
            let thing = Thing::new(home, now, End::Good);
            self.recovered.things.insert((MadeKind::Volume, attached.volume.to_string()), thing);
        }
        if let Some(placed) = self.instances.get_mut(&id) {
            let instance = &mut placed.thing;
            instance.volumes = volumes;
            instance.tags = spec
                .tags
                .iter()
                .chain(&order.tags)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect::<Tags>();
            if let Some(Origin::Instance(origin)) = instance.origin.as_deref_mut() {
                zone.clone_into(&mut origin.zone);
                origin.instance_type.clone_from(&spec.instance_type);
                origin.subnet = spec.subnet.clone().or_else(|| origin.subnet.clone());
                origin.security_groups.clone_from(&spec.security_groups);
                origin.secondary_ips.clone_from(&spec.secondary_ips);
                origin.private_ip =
                    spec.private_ip.clone().or_else(|| Some(format!("10.0.99.{}", id.as_str().len())));
                origin.image.id = id_of(&spec.image);
            }
        }
        self.recovered.things.insert((MadeKind::Instance, id.to_string()), Thing::new(home, now, end.clone()));
        if matches!(end, End::Ended(_)) {
            self.end_instance(&id);
        }
        id
    }
}

fn plain(name: &str, snapshot: Option<String>, size: i32) -> Device {
    Device {
        device: name.to_owned(),
        snapshot,
        size,
        volume_type: "gp3".to_owned(),
        iops: None,
        throughput: None,
        kms_key: None,
        delete_on_termination: true,
        tags: Tags::new(),
        source: parsed("vol-00000000"),
    }
}

/// The devices of the image as the launch says, those that it leaves out gone, and its own.
fn mapped(spec: &LaunchSpec, of_image: Vec<Device>) -> Vec<Device> {
    let mut devices: Vec<Device> =
        of_image.into_iter().filter(|device| !spec.left_out.contains(&device.device)).collect();
    for wanted in &spec.devices {
        match devices.iter_mut().find(|device| device.device == wanted.device) {
            Some(device) => {
                let snapshot = wanted.snapshot.clone().or_else(|| device.snapshot.clone());
                *device = Device { snapshot, ..wanted.clone() };
            }
            None => devices.push(wanted.clone()),
        }
    }
    devices
}
