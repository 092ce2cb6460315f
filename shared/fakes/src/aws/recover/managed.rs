//! Restoring databases, clusters and tables.

use cpm_domain::{
    aws::{AwsError, Refusal, Tags},
    id::UnitId,
    kind::{Kind, Resource},
    recovery::work::{Action, Made, MadeKind, MadeState, Order},
    unit::UnitKind,
};
use jiff::Timestamp;

use super::{
    super::cloud::{Cloud, Home, refused},
    carry_out::{id_of, invalid},
    state::{End, Thing, unit_name},
};

/// What a restoration makes: its name, the kind, the unit that it is made of, and the tags beside the suite's own.
struct Restored<'a> {
    kind: MadeKind,
    name: String,
    of: Option<(UnitKind, &'a str)>,
    tags: Tags,
    cluster: Option<String>,
}

fn restored(what: &Action) -> Option<Restored<'_>> {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    let own = |tags: &Option<Tags>| tags.clone().unwrap_or_default();
    let cluster = None;
    Some(match what {
        Action::RestoreDatabase(spec) => Restored {
            kind: MadeKind::Database,
            name: spec.id.clone(),
            of: Some((UnitKind::RdsSnapshot, &spec.snapshot)),
            tags: own(&spec.plan.tags),
            cluster,
        },
        Action::RestoreCluster(spec) => Restored {
            kind: MadeKind::Cluster,
            name: spec.id.clone(),
            of: Some((UnitKind::AuroraSnapshot, &spec.snapshot)),
            tags: own(&spec.plan.tags),
            cluster,
        },
        Action::CreateMember { cluster, member, tags, .. } => Restored {
            kind: MadeKind::Database,
            name: member.id.clone(),
            of: None,
            tags: tags.clone(),
            cluster: Some(id_of(cluster)),
        },
        Action::RestoreWarehouse { snapshot, plan } => Restored {
            kind: MadeKind::Warehouse,
            name: name(&plan.id),
            of: Some((UnitKind::RedshiftSnapshot, snapshot)),
            tags: own(&plan.tags),
            cluster,
        },
        Action::RestoreTable { backup, plan } => Restored {
            kind: MadeKind::Table,
            name: name(&plan.name),
            of: Some((UnitKind::DynamodbBackup, backup)),
            tags: Tags::new(),
            cluster,
        },
        _ => return None,
    })
}

impl Cloud {
    pub(super) fn restore(
        &mut self,
        home: &Home,
        order: &Order,
        action: &str,
        now: Timestamp,
    ) -> Result<Vec<Made>, AwsError> {
        if let Action::TagTable { table, tags } = &order.what {
            let all = tags.iter().chain(&order.tags).map(|(key, value)| (key.clone(), value.clone())).collect();
            return self.tag_table(home, &id_of(table), all, action);
        }
        let Some(restored) = restored(&order.what) else {
            return Err(invalid(action, "Unknown", "nothing does this"));
        };
        let Restored { kind, name, of, tags, cluster } = restored;
        let resource = super::state::resource(kind, &name)
            .ok_or_else(|| invalid(action, "InvalidParameterValue", format!("`{name}` is no name")))?;
        if self.managed.contains_key(&(home.clone(), resource.clone())) {
            let message = format!("{name} already exists");
            return Err(refused(Refusal::Exists, action, "AlreadyExists", message));
        }
        if let Some((unit, id)) = of {
            self.usable(home, unit, id, action)?;
        }
        if let Some(cluster) = &cluster {
            let states = self.look(home, MadeKind::Cluster, std::slice::from_ref(cluster), now);
            if states.first().is_none_or(|made| made.state != MadeState::Ready) {
                let message = format!("cluster {cluster} is not available");
                return Err(refused(Refusal::Busy, action, "InvalidDBClusterStateFault", message));
            }
        }
        self.put_managed(home, resource.clone(), cluster);
        if let Some(placed) = self.managed.get_mut(&(home.clone(), resource)) {
            // A table gets its tags later.
            let own = order.tags.iter().filter(|_| kind != MadeKind::Table);
            placed.thing.tags = tags.iter().chain(own).map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        let of = of.map(|(_, id)| UnitId::new(unit_name(id)));
        let thing = Thing { of, ..Thing::new(home, now, End::Good) };
        self.recovered.things.insert((kind, name.clone()), thing);
        Ok(vec![Made::pending(kind, name)])
    }

    fn tag_table(&mut self, home: &Home, table: &str, tags: Tags, action: &str) -> Result<Vec<Made>, AwsError> {
        let resource = Resource::new(Kind::Dynamodb, table).ok();
        let placed = resource.and_then(|resource| self.managed.get_mut(&(home.clone(), resource)));
        let Some(placed) = placed else {
            return Err(refused(Refusal::NotFound, action, "ResourceNotFoundException", format!("no table {table}")));
        };
        placed.thing.tags.extend(tags);
        Ok(Vec::new())
    }
}
