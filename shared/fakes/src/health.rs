//! The status checks of instances, in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use cpm_domain::{aws::AwsError, drill::Condition, id::InstanceId};
use cpm_ports::{Health, Place};

use crate::{Faults, faults::Calling, held};

/// Every instance is well until a test says otherwise. Clones are the same.
///
/// Calls go by the name `ec2:DescribeInstanceStatus`.
#[derive(Debug, Clone, Default)]
pub struct FakeHealth {
    conditions: Arc<Mutex<BTreeMap<String, Condition>>>,
    faults: Faults,
}

impl FakeHealth {
    /// Calls fail as `faults` say.
    pub fn with(faults: Faults) -> Self {
        Self { conditions: Arc::default(), faults }
    }

    /// The same for somebody else: those calls neither fail nor count.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { conditions: Arc::clone(&self.conditions), faults: Faults::new() }
    }

    /// How an instance is from now on.
    pub fn set(&self, instance: &str, condition: Condition) {
        held(&self.conditions).insert(instance.to_owned(), condition);
    }
}

#[async_trait]
impl Health for FakeHealth {
    async fn health(
        &self,
        place: &Place,
        instances: &[InstanceId],
    ) -> Result<Vec<(InstanceId, Condition)>, AwsError> {
        let calling = Calling::new(&["ec2:DescribeInstanceStatus"], &place.region, Some(place));
        self.faults
            .call(calling, |_| {
                let known = held(&self.conditions);
                let condition = |id: &InstanceId| known.get(id.as_str()).cloned().unwrap_or(Condition::Well);
                Ok(instances.iter().map(|id| (id.clone(), condition(id))).collect())
            })
            .await
    }
}
