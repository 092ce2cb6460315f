//! Who a role is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_aws_place::{Roles, Sts};
use cpm_domain::aws::{AwsError, Refusal};
use cpm_ports::{Access, Identity, Place};

const SESSION: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ADHOC</AccessKeyId>\
                       <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                       <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>\
                       </AssumeRoleResponse>";
const WHO: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>444455556666</Account>\
                   </GetCallerIdentityResult></GetCallerIdentityResponse>";

async fn account(script: &Script, access: Access) -> Result<String, AwsError> {
    let place = Place { access, region: "us-east-1".parse().unwrap() };
    Sts::new(&Roles::new(&script.config())).account(&place).await
}

fn adhoc() -> Access {
    Access::Assumed { account: "444455556666".into(), role: "ops/restore".into(), external_id: Some("x7".into()) }
}

#[tokio::test]
async fn the_account_of_a_role_is_told_by_the_role_itself() {
    let script = Script::of([(200, SESSION), (200, WHO)]);
    assert_eq!(account(&script, adhoc()).await.unwrap(), "444455556666");
    let asked = script.asked();
    assert_eq!(asked[0].field("RoleArn").as_deref(), Some("arn:aws:iam::444455556666:role/ops/restore"));
    assert_eq!(asked[1].to_string(), "Action=GetCallerIdentity\nVersion=2011-06-15\n");
    assert_eq!((asked[1].key.as_str(), asked[1].uri.as_str()), ("ADHOC", "https://sts.us-east-1.amazonaws.com/"));
}

#[tokio::test]
async fn ones_own_account_is_told() {
    let script = Script::of([(200, WHO)]);
    assert_eq!(account(&script, Access::Own).await.unwrap(), "444455556666");
    assert_eq!(script.asked()[0].key, "FUNCTION");
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_named() {
    let refused = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message>\
                   </Error></ErrorResponse>";
    let error = account(&Script::of([(403, refused)]), adhoc()).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Denied, "sts:AssumeRole"));
    assert_eq!(error.message, "the role ops/restore of account 444455556666 cannot be assumed: not authorized");
}

#[tokio::test]
async fn an_answer_without_an_account_is_none() {
    let nobody = "<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>";
    let error = account(&Script::of([(200, nobody)]), Access::Own).await.unwrap_err();
    assert_eq!((error.action.as_str(), error.code.as_str()), ("sts:GetCallerIdentity", "UnreadableAnswer"));
}
