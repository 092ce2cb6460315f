//! Which deployment a command speaks to.

use std::env;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use cpm_aws_cloudformation::OutputsError;
use cpm_domain::schedule::Zone;

use crate::{
    client::{Client, Signer, no_credentials},
    command::Global,
    fault::Fault,
    screen::Screen,
    times::Times,
};

/// What a command has.
#[derive(Debug)]
pub(crate) struct Session {
    global: Global,
    pub(crate) screen: Screen,
}

/// A deployment to speak to.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) client: Client,
    pub(crate) times: Times,
}

/// How a deployment is named.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Stack(String),
    Url(String),
}

const API_URL: &str = "CPM_API_URL";
const STACK: &str = "CPM_STACK";
const TIMEZONE: &str = "CPM_TIMEZONE";

impl Session {
    /// From the global options.
    pub(crate) fn new(global: Global, screen: Screen) -> Self {
        Self { global, screen }
    }

    /// Finds the deployment. It is not spoken to yet; its stack is, when it is named by that.
    pub(crate) async fn deployment(&self) -> Result<Deployment, Fault> {
        let named = named(self.global.stack.clone(), variable(API_URL), variable(STACK))?;
        let told = self.zone()?;
        let config = self.aws().await;
        let (url, of_stack) = match named {
            Named::Url(url) => (url, None),
            Named::Stack(stack) => of_stack(&stack, &config).await?,
        };
        let zone = told.or(of_stack).unwrap_or_else(Zone::utc);
        let signer = Signer::new(&config, self.global.profile.clone())?;
        Ok(Deployment { client: Client::new(&url, signer)?, times: Times::new(zone) })
    }

    async fn aws(&self) -> SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
        if let Some(region) = &self.global.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &self.global.profile {
            loader = loader.profile_name(profile);
        }
        loader.load().await
    }

    /// The zone that was asked for.
    fn zone(&self) -> Result<Option<Zone>, Fault> {
        if let Some(zone) = &self.global.timezone {
            return Ok(Some(zone.clone()));
        }
        let Some(name) = variable(TIMEZONE) else { return Ok(None) };
        name.parse().map(Some).map_err(|_| {
            let help = "write one of the IANA database, such as `Europe/Berlin` or `UTC`";
            Fault::new(format!("`{name}` is not a time zone"), help).at(format!("the variable {TIMEZONE}"))
        })
    }
}

/// A variable of the environment that says something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// What was typed comes before what stands in the environment.
fn named(flag: Option<String>, url: Option<String>, stack: Option<String>) -> Result<Named, Fault> {
    let stack = flag.map(Named::Stack).or(url.map(Named::Url)).or(stack.map(Named::Stack));
    stack.ok_or_else(|| {
        let help = format!("pass --stack NAME, or set {API_URL} to the address of its API (or {STACK} to its stack)");
        Fault::new("no deployment is given", help)
    })
}

/// The address of the API of a stack, and its time zone if the stack tells it.
async fn of_stack(stack: &str, config: &SdkConfig) -> Result<(String, Option<Zone>), Fault> {
    if config.region().is_none() {
        let help = "pass --region, set AWS_REGION, or name a profile that has a Region by --profile";
        return Err(Fault::new(format!("the Region of the stack `{stack}` is not known"), help));
    }
    let outputs = cpm_aws_cloudformation::outputs(stack, config).await.map_err(|error| not_found(stack, &error))?;
    let url = outputs.get("ApiUrl").cloned().ok_or_else(|| {
        let help = "give the stack that Cloud Protection Manager was deployed as";
        Fault::new(format!("the stack `{stack}` has no output `ApiUrl`: it is no deployment"), help)
    })?;
    Ok((url, outputs.get("Timezone").and_then(|zone| zone.parse().ok())))
}

fn not_found(stack: &str, error: &OutputsError) -> Fault {
    match error {
        OutputsError::Denied { reason, .. } if reason.code == "Credentials" => no_credentials(&reason.message),
        OutputsError::Denied { reason, .. } | OutputsError::Failed { reason, .. } => {
            Fault::new(format!("the stack `{stack}` cannot be looked at"), error.advice()).note(reason.to_string())
        }
        OutputsError::NoStack { .. } => Fault::new(error.to_string(), error.advice()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Some("a"), Some("url"), Some("b"), Named::Stack("a".into()))]
    #[case(None, Some("url"), Some("b"), Named::Url("url".into()))]
    #[case(None, None, Some("b"), Named::Stack("b".into()))]
    fn what_was_typed_comes_first(
        #[case] flag: Option<&str>,
        #[case] url: Option<&str>,
        #[case] stack: Option<&str>,
        #[case] found: Named,
    ) {
        let [flag, url, stack] = [flag, url, stack].map(|value| value.map(str::to_owned));
        assert_eq!(named(flag, url, stack), Ok(found));
    }
}
