//! What EC2 finds of instances by itself.

use async_trait::async_trait;
use aws_sdk_ec2::types::{InstanceStatus, SummaryStatus};
use cpm_domain::{aws::AwsError, drill::Condition, kind::InstanceId};
use cpm_ports::{Health, Place};

use crate::{Ec2, answer, place::failure};

const STATUS: &str = "ec2:DescribeInstanceStatus";

/// The most instances that AWS takes by their ids.
const MAX_IDS: usize = 100;

#[async_trait]
impl Health for Ec2 {
    async fn health(
        &self,
        place: &Place,
        instances: &[InstanceId],
    ) -> Result<Vec<(InstanceId, Condition)>, AwsError> {
        let client = self.places.client(place).await;
        let mut found = Vec::with_capacity(instances.len());
        for some in instances.chunks(MAX_IDS) {
            let ids = some.iter().map(ToString::to_string).collect();
            // AWS tells of those that run only.
            let call = client.describe_instance_status().set_instance_ids(Some(ids));
            let answer = call.send().await.map_err(|error| failure(&place.access, STATUS, &error))?;
            for status in answer.instance_statuses() {
                found.push((answer::id(STATUS, status.instance_id())?, condition(status)));
            }
        }
        Ok(found)
    }
}

/// All checks together: of the instance, of its host, and of its volumes where AWS has such.
fn condition(status: &InstanceStatus) -> Condition {
    let checks = [
        ("instance", status.instance_status().and_then(|summary| summary.status())),
        ("system", status.system_status().and_then(|summary| summary.status())),
        ("attached EBS", status.attached_ebs_status().and_then(|summary| summary.status())),
    ];
    let impaired: Vec<&str> = checks
        .iter()
        .filter(|(_, status)| matches!(status, Some(SummaryStatus::Impaired)))
        .map(|(name, _)| *name)
        .collect();
    if !impaired.is_empty() {
        return Condition::Impaired(format!("impaired: {}", impaired.join(", ")));
    }
    let is_well = |status: Option<&SummaryStatus>| matches!(status, Some(SummaryStatus::Ok));
    let [(_, instance), (_, system), (_, volumes)] = checks;
    // Older kinds of instances have no check of their volumes.
    let volumes_are_well = matches!(volumes, None | Some(SummaryStatus::Ok | SummaryStatus::NotApplicable));
    if is_well(instance) && is_well(system) && volumes_are_well { Condition::Well } else { Condition::Open }
}
