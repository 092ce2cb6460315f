//! Agents.

use async_trait::async_trait;
use aws_sdk_ssm::types::InstanceInformationStringFilter;
use cpm_aws_place::unreadable;
use cpm_domain::{aws::AwsError, command::Agent, kind::InstanceId};
use cpm_ports::{Agents, Place};

use crate::{PAGE, Ssm, answer, failure};

const DESCRIBE: &str = "ssm:DescribeInstanceInformation";

/// The most values of one filter. An instance without an agent fails no call that filters.
///
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_InstanceInformationStringFilter.html>
const MAX_VALUES: usize = 100;

#[async_trait]
impl Agents for Ssm {
    async fn agents(&self, place: &Place, instances: &[InstanceId]) -> Result<Vec<Agent>, AwsError> {
        let client = self.places.client(place).await;
        let mut agents = Vec::with_capacity(instances.len());
        for some in instances.chunks(MAX_VALUES) {
            let asked = client.describe_instance_information().max_results(PAGE).filters(these(some)?);
            let mut pages = asked.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| failure(&place.access, DESCRIBE, &error))?;
                for told in page.instance_information_list() {
                    agents.push(answer::agent(DESCRIBE, told)?);
                }
            }
        }
        Ok(agents)
    }
}

fn these(instances: &[InstanceId]) -> Result<InstanceInformationStringFilter, AwsError> {
    let ids = instances.iter().map(|instance| instance.as_str().to_owned()).collect();
    let filter = InstanceInformationStringFilter::builder().key("InstanceIds").set_values(Some(ids)).build();
    filter.map_err(|error| unreadable(DESCRIBE, &error.to_string()))
}
