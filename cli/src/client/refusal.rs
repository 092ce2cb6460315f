//! What a request came to that was not carried out.

use std::error::Error;

use cpm_contracts::api::Problem;
use reqwest::StatusCode;
use serde::Deserialize;

use super::is_passing;
use crate::fault::Fault;

/// What API Gateway and AWS's authorizer say.
#[derive(Deserialize)]
struct AwsMessage {
    #[serde(alias = "Message")]
    message: String,
}

/// The deployment refused a request.
pub(super) fn refused(request: &str, status: StatusCode, body: &[u8], identity: &str) -> Fault {
    let fault = match serde_json::from_slice::<Problem>(body) {
        Ok(problem) if status == StatusCode::NOT_FOUND => of_problem(request, problem).missing(),
        Ok(problem) => of_problem(request, problem),
        Err(_) => of_gateway(request, status, body, identity),
    };
    if is_passing(status) { fault.passing() } else { fault }
}

fn of_problem(request: &str, problem: Problem) -> Fault {
    Fault::new(problem.detail, problem.advice)
        .at(request)
        .note(format!("{} {}, {}", problem.status, problem.title, problem.code))
        .with_problems(problem.problems)
}

/// What never came to the deployment's own code.
fn of_gateway(request: &str, status: StatusCode, body: &[u8], identity: &str) -> Fault {
    let said = match serde_json::from_slice::<AwsMessage>(body) {
        Ok(AwsMessage { message }) => Some(message),
        Err(_) => None,
    };
    let said_so = |fault: Fault| match &said {
        Some(said) => fault.note(format!("AWS says: {said}")),
        None => fault,
    };
    let is_about = |words: &str| said.as_ref().is_some_and(|said| said.to_lowercase().contains(words));
    let fault = match status.as_u16() {
        401 | 403 if is_about("signature") || is_about("expired") => Fault::new(
            "the deployment does not accept the signature",
            "check the clock of this machine, renew the credentials, and give the Region of the deployment by --region",
        )
        .note(format!("signed with {identity}")),
        401 | 403 => Fault::new(
            "the deployment does not let you in",
            "have execute-api:Invoke on its API allowed to this identity, or take another by --profile",
        )
        .note(format!("signed with {identity}")),
        404 => Fault::new(
            "there is no such thing at this address",
            "check that CPM_API_URL is the output `ApiUrl` of the stack, and that the deployment is up to date",
        ),
        413 => Fault::new(
            "this is more than the deployment takes at once",
            "API Gateway takes 10 MB and Lambda 6 MB: plan and apply the files in several parts",
        ),
        429 => Fault::new("the deployment is asked too often", "wait a moment and try again"),
        500.. => Fault::new(
            format!("the deployment failed to answer: {status}"),
            "try again; if it stays so, look at the log of the function `api`",
        ),
        _ => Fault::new(
            format!("the deployment's answer is {status}"),
            "check that CPM_API_URL is the output `ApiUrl` of the stack",
        ),
    };
    said_so(fault.at(request))
}

/// No answer came.
pub(super) fn unreached(request: &str, error: reqwest::Error) -> Fault {
    let (what, help) = if error.is_timeout() {
        ("the deployment did not answer in time", "try again; if it stays so, check the network and its alarms")
    } else if error.is_connect() {
        (
            "the deployment cannot be reached",
            "check CPM_API_URL or --stack, the network, and that the deployment is up",
        )
    } else {
        ("the connection to the deployment broke off", "look at what came of it before you try again")
    };
    Fault::new(what, help).at(request).note(chain(&error.without_url())).passing()
}

/// The words of an error and of its causes, each said once.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let words = cause.to_string();
        if !said.iter().any(|before| before.contains(&words)) {
            said.push(words);
        }
        next = cause.source();
    }
    said.join(": ")
}
