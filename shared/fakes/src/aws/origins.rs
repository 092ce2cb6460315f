//! How the resources in the accounts are, and how much of it each call tells.

mod ordinary;

use std::collections::BTreeMap;

use cpm_domain::{
    aws::{Attached, AwsError, Found, Managed},
    id::{InstanceId, VolumeId},
    kind::{Kind, Resource},
    origin::{
        Attribute, AttributeValue, Completed, ImageOrigin, InstanceOrigin, MemberOrigin, Origin, Reading,
        VolumeOrigin,
    },
};
use cpm_ports::{Clock, Place};
use jiff::Timestamp;

use super::{
    FakeAws,
    cloud::{Cloud, Home},
};
use crate::held;
use ordinary::member;
pub(super) use ordinary::{instance, managed, volume};

impl Cloud {
    /// How a resource really is.
    fn origin(&self, home: &Home, resource: &Resource) -> Option<Origin> {
        match resource {
            Resource::Instance(id) => {
                let placed = self.instances.get(id).filter(|placed| placed.home == *home)?;
                let mut origin = placed.thing.origin.as_deref().cloned()?;
                if let Origin::Instance(instance) = &mut origin {
                    instance.tags.clone_from(&placed.thing.tags);
                    instance.volumes =
                        placed.thing.volumes.iter().filter_map(|attached| self.on(id, attached)).collect();
                    if self.gone_images.contains(&instance.image.id) {
                        instance.image = ImageOrigin { id: instance.image.id.clone(), ..ImageOrigin::default() };
                    }
                }
                Some(origin)
            }
            Resource::Volume(id) => {
                let holder = self.instances.values().find_map(|placed| {
                    let attached = placed.thing.volumes.iter().find(|attached| attached.volume == *id)?;
                    Some((&placed.thing.id, attached))
                });
                match holder {
                    Some((instance, attached)) => self.on(instance, attached).map(Origin::Volume),
                    None => self.volume(id).map(Origin::Volume),
                }
            }
            other => {
                let placed = self.managed.get(&(home.clone(), other.clone()))?;
                let mut origin = placed.thing.origin.as_deref().cloned()?;
                let tags = placed.thing.tags.clone();
                match &mut origin {
                    Origin::Rds(database) => database.tags = tags,
                    Origin::Aurora(cluster) => {
                        cluster.tags = tags;
                        let members = self.members(home, &cluster.id);
                        if !members.is_empty() {
                            cluster.members = members;
                        }
                    }
                    Origin::Redshift(cluster) => cluster.tags = tags,
                    Origin::Dynamodb(table) => table.tags = tags,
                    Origin::Instance(_) | Origin::Volume(_) => {}
                }
                Some(origin)
            }
        }
    }

    fn volume(&self, id: &VolumeId) -> Option<VolumeOrigin> {
        let placed = self.volumes.get(id)?;
        let Some(Origin::Volume(volume)) = placed.thing.origin.as_deref() else { return None };
        Some(VolumeOrigin { tags: placed.thing.tags.clone(), ..volume.clone() })
    }

    fn on(&self, instance: &InstanceId, attached: &Attached) -> Option<VolumeOrigin> {
        Some(VolumeOrigin {
            attached_to: Some(instance.clone()),
            device: Some(attached.device.clone()),
            is_root: attached.is_root,
            ..self.volume(&attached.volume)?
        })
    }

    /// The databases that were put into the cluster, the first of them its writer.
    fn members(&self, home: &Home, cluster: &str) -> Vec<MemberOrigin> {
        let of_it = self.managed.values().filter(|placed| {
            placed.home == *home && placed.thing.cluster.as_ref().is_some_and(|of| of.eq_ignore_ascii_case(cluster))
        });
        let members = of_it.zip(1..).map(|(placed, n)| MemberOrigin {
            id: placed.thing.resource.id().to_owned(),
            ..member(home, cluster, n)
        });
        members.collect()
    }

    /// With what describing it tells.
    pub(super) fn with_origin(&self, home: &Home, found: Found) -> Found {
        let origin = self.origin(home, &found.resource()).map(as_described).map(Box::new);
        match found {
            Found::Instance(instance) => Found::Instance(cpm_domain::aws::Instance { origin, ..instance }),
            Found::Volume(volume) => Found::Volume(cpm_domain::aws::Volume { origin, ..volume }),
            Found::Managed(managed) => Found::Managed(Managed { origin, ..managed }),
        }
    }
}

/// What `DescribeInstances` and its like tell, and no more.
fn as_described(mut origin: Origin) -> Origin {
    match &mut origin {
        Origin::Instance(instance) => {
            let volumes = instance.volumes.iter().map(|volume| {
                let attached = Attached {
                    volume: volume.id.clone(),
                    device: volume.device.clone().unwrap_or_default(),
                    is_root: volume.is_root,
                };
                VolumeOrigin::seen_on(&instance.id, &instance.zone, &attached, volume.delete_on_termination)
            });
            instance.volumes = volumes.collect();
            instance.image = ImageOrigin { id: instance.image.id.clone(), ..ImageOrigin::default() };
            instance.elastic_ip = None;
            instance.user_data = None;
            instance.shutdown_behavior = None;
            instance.termination_protection = false;
        }
        Origin::Volume(volume) => volume.is_root = false,
        Origin::Aurora(cluster) => {
            for member in &mut cluster.members {
                let (id, is_writer) = (member.id.clone(), member.is_writer);
                let promotion_tier = member.promotion_tier;
                *member = MemberOrigin { id, is_writer, promotion_tier, ..MemberOrigin::default() };
            }
        }
        Origin::Dynamodb(table) => table.tags.clear(),
        Origin::Rds(_) | Origin::Redshift(_) => {}
    }
    origin
}

type Really = BTreeMap<Resource, Origin>;

/// What is asked beside describing, for all sources of a kind at once.
type Ask = (&'static [&'static str], &'static str, fn(&Origin) -> bool, fn(&mut Origin, &Origin));

fn asks(kind: Kind) -> Vec<Ask> {
    match kind {
        Kind::Instance => vec![
            (
                &["ec2:DescribeVolumes"],
                "its volumes",
                |_| true,
                |origin, really| {
                    if let (Origin::Instance(origin), Origin::Instance(really)) = (origin, really) {
                        really.volumes.iter().for_each(|volume| origin.take_in(volume));
                    }
                },
            ),
            (
                &["ec2:DescribeImages"],
                "its image",
                |_| true,
                |origin, really| {
                    if let (Origin::Instance(origin), Origin::Instance(really)) = (origin, really) {
                        origin.image.clone_from(&really.image);
                    }
                },
            ),
            (
                &["ec2:DescribeAddresses"],
                "its elastic address",
                |origin| matches!(origin, Origin::Instance(instance) if instance.public_ip.is_some()),
                |origin, really| {
                    if let (Origin::Instance(origin), Origin::Instance(really)) = (origin, really) {
                        origin.elastic_ip.clone_from(&really.elastic_ip);
                    }
                },
            ),
        ],
        Kind::Volume => vec![(
            &["ec2:DescribeInstances"],
            "whether it is a root volume",
            |origin| matches!(origin, Origin::Volume(volume) if volume.attached_to.is_some()),
            |origin, really| really.clone_into(origin),
        )],
        Kind::Aurora => {
            vec![(&["rds:DescribeDBInstances"], "its members", |_| true, |origin, really| really.clone_into(origin))]
        }
        Kind::Dynamodb => {
            vec![(&["tag:GetResources"], "its tags", |_| true, |origin, really| really.clone_into(origin))]
        }
        Kind::Rds | Kind::Redshift => Vec::new(),
    }
}

impl FakeAws {
    /// One call of a completion: how some of the sources really are.
    async fn look(
        &self,
        place: &Place,
        actions: &'static [&'static str],
        key: impl std::fmt::Display + Send,
        of: &[Resource],
    ) -> Result<Really, AwsError> {
        self.call(actions, key, place, |cloud, home| {
            Ok(of.iter().filter_map(|one| Some((one.clone(), cloud.origin(home, one)?))).collect())
        })
        .await
    }

    /// As [`Driver::complete`](cpm_ports::Driver::complete) says.
    pub(super) async fn completed(&self, place: &Place, reading: Reading) -> Completed {
        let (kind, at) = (reading.kind, reading.at);
        let mut done = Completed::as_they_are(reading.origins);
        for (actions, what, concerns, take_in) in asks(kind) {
            let of: Vec<Resource> =
                done.origins.iter().filter(|origin| concerns(origin)).filter_map(Origin::resource).collect();
            if of.is_empty() {
                continue;
            }
            match self.look(place, actions, &place.region, &of).await {
                Ok(really) => {
                    for origin in &mut done.origins {
                        if let Some(really) = origin.resource().and_then(|resource| really.get(&resource)) {
                            take_in(origin, really);
                        }
                    }
                }
                Err(error) => done.leave_unread(what, of, error),
            }
        }
        self.read_attributes(place, &mut done, at).await;
        done
    }

    async fn read_attributes(&self, place: &Place, done: &mut Completed, at: Timestamp) {
        for n in 0..done.origins.len() {
            let Some(Origin::Instance(instance)) = done.origins.get(n) else { continue };
            let of = [Resource::Instance(instance.id.clone())];
            let wanted: Vec<Attribute> = instance.wanted().collect();
            for attribute in wanted {
                let key = format!("{} {attribute:?}", of[0].id());
                match self.look(place, &["ec2:DescribeInstanceAttribute"], key, &of).await {
                    Ok(really) => {
                        let (Some(Origin::Instance(instance)), Some(Origin::Instance(really))) =
                            (done.origins.get_mut(n), really.get(&of[0]))
                        else {
                            continue;
                        };
                        let value = match attribute {
                            Attribute::UserData => AttributeValue::Text(really.user_data.clone()),
                            Attribute::ShutdownBehavior => AttributeValue::Text(really.shutdown_behavior.clone()),
                            Attribute::TerminationProtection => AttributeValue::Switch(really.termination_protection),
                        };
                        instance.learn(attribute, value, at);
                    }
                    Err(error) => done.leave_unread(attribute.noun(), of.to_vec(), error),
                }
            }
        }
    }

    /// How a resource really is, all calls taken together.
    pub fn origin_of(&self, resource: &Resource) -> Option<Origin> {
        let cloud = held(&self.cloud);
        let homes = cloud.instances.values().map(|placed| &placed.home);
        let homes = homes.chain(cloud.volumes.values().map(|placed| &placed.home));
        let mut homes = homes.chain(cloud.managed.values().map(|placed| &placed.home));
        homes.find_map(|home| cloud.origin(home, resource))
    }

    /// Changes how an instance is: `aws.set_instance(&web, |web| web.termination_protection = true)`. Its volumes and
    /// tags are changed by themselves.
    pub fn set_instance(&self, id: &InstanceId, change: impl FnOnce(&mut InstanceOrigin)) {
        let mut cloud = held(&self.cloud);
        let origin = cloud.instances.get_mut(id).and_then(|placed| placed.thing.origin.as_deref_mut());
        if let Some(Origin::Instance(instance)) = origin {
            change(instance);
        }
    }

    /// Changes how a volume is: `aws.set_volume(&data, |data| data.size = 500)`. Where it is attached, and its tags, are
    /// changed otherwise.
    pub fn set_volume(&self, id: &VolumeId, change: impl FnOnce(&mut VolumeOrigin)) {
        let mut cloud = held(&self.cloud);
        let origin = cloud.volumes.get_mut(id).and_then(|placed| placed.thing.origin.as_deref_mut());
        if let Some(Origin::Volume(volume)) = origin {
            change(volume);
        }
    }

    /// Changes how a database, a cluster or a table is.
    pub fn set_managed(&self, resource: &Resource, change: impl FnOnce(&mut Origin)) {
        let mut cloud = held(&self.cloud);
        let found = cloud.managed.values_mut().find(|placed| placed.thing.resource == *resource);
        if let Some(origin) = found.and_then(|placed| placed.thing.origin.as_deref_mut()) {
            change(origin);
        }
    }

    /// From now on AWS does not know the image of that id: whoever owned it has taken it back.
    pub fn forget_image(&self, id: &str) {
        held(&self.cloud).gone_images.insert(id.to_owned());
    }

    /// Starts an instance that was stopped.
    pub fn start(&self, id: &InstanceId) {
        let now = self.clock.now();
        if let Some(placed) = held(&self.cloud).instances.get_mut(id) {
            placed.thing.is_stopped = false;
        }
        self.set_instance(id, |instance| instance.read.launched = Some(now));
    }
}
