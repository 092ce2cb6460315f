//! How failures of EC2 and STS come out, and how often a call is made.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

use std::time::Duration;

use cpm_aws_call::scripted::Script;
use cpm_aws_ec2::Ec2;
use cpm_domain::{
    aws::{AwsError, Refusal, Tags, UnitRequest},
    id::Region,
    kind::{Kind, Resource},
    unit::UnitKind,
};
use cpm_ports::{Access, Deletions, Driver, Place};
use rstest::rstest;

fn own() -> Place {
    Place { access: Access::Own, region: region("eu-west-1") }
}

fn region(code: &str) -> Region {
    code.parse().unwrap()
}

fn prod(code: &str, external_id: Option<&str>) -> Place {
    let access = Access::Assumed {
        account: "111122223333".into(),
        role: "cpm-backup".into(),
        external_id: external_id.map(Into::into),
    };
    Place { access, region: region(code) }
}

fn refusal(code: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>AWS's words</Message></Error></Errors>\
         <RequestID>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</RequestID></Response>"
    )
}

fn request() -> UnitRequest {
    UnitRequest {
        kind: UnitKind::EbsSnapshot,
        target: Resource::Instance("i-0123456789abcdef0".parse().unwrap()),
        name: String::new(),
        image: None,
        excluded: vec![],
        exclude_boot: false,
        description: String::new(),
        tags: Tags::new(),
        copy_tags: true,
    }
}

async fn create(script: &Script) -> AwsError {
    Ec2::new(&script.config()).create(&own(), &request()).await.unwrap_err()
}

#[rstest]
#[case(503, "RequestLimitExceeded", Refusal::Throttled)]
#[case(503, "Client.RequestLimitExceeded", Refusal::Throttled)]
#[case(400, "Throttling", Refusal::Throttled)]
#[case(400, "SnapshotCreationPerVolumeRateExceeded", Refusal::Throttled)]
#[case(400, "PendingSnapshotLimitExceeded", Refusal::Limit)]
#[case(400, "ConcurrentSnapshotLimitExceeded", Refusal::Limit)]
#[case(400, "SnapshotLimitExceeded", Refusal::Limit)]
#[case(400, "ResourceLimitExceeded", Refusal::Limit)]
#[case(403, "UnauthorizedOperation", Refusal::Denied)]
#[case(401, "AuthFailure", Refusal::Denied)]
#[case(403, "Blocked", Refusal::Denied)]
#[case(401, "OptInRequired", Refusal::Denied)]
#[case(400, "TagPolicyViolation", Refusal::Denied)]
#[case(400, "InvalidInstanceID.NotFound", Refusal::NotFound)]
#[case(400, "InvalidVolume.NotFound", Refusal::NotFound)]
#[case(400, "IncorrectState", Refusal::Invalid)]
#[case(400, "TagLimitExceeded", Refusal::Invalid)]
#[case(400, "InvalidParameterValue", Refusal::Invalid)]
#[case(500, "InternalError", Refusal::Unknown)]
#[case(503, "Unavailable", Refusal::Unknown)]
#[case(503, "ServiceUnavailable", Refusal::Unknown)]
#[tokio::test]
async fn creations(#[case] status: u16, #[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([(status, refusal(code)), (200, String::new())]);
    let error = create(&script).await;
    assert_eq!(error.refusal, expected);
    assert_eq!((error.action.as_str(), error.message.as_str()), ("ec2:CreateSnapshots", "AWS's words"));
    assert_eq!(error.code, code.trim_start_matches("Client."));
    assert_eq!(script.asked().len(), 1, "the use case repeats, not the SDK");
}

#[tokio::test]
async fn an_answer_without_a_code_is_unknown() {
    for body in ["", "<html>502 Bad Gateway</html>"] {
        let script = Script::of([(502, body)]);
        assert_eq!(create(&script).await.refusal, Refusal::Unknown);
        assert_eq!(script.asked().len(), 1);
    }
}

#[tokio::test]
async fn silence_is_unknown_after_thirty_seconds() {
    let script = Script::default();
    let error = Ec2::new(&script.silent()).create(&own(), &request()).await.unwrap_err();
    assert_eq!((error.refusal, error.code.as_str()), (Refusal::Unknown, "Timeout"));
    assert!(script.waited().contains(&Duration::from_secs(30)), "{:?}", script.waited());
}

#[rstest]
#[case("InvalidSnapshot.InUse", Refusal::InUse)]
#[case("SnapshotLocked", Refusal::InUse)]
#[case("OperationNotPermitted", Refusal::InUse)]
#[case("IncorrectState", Refusal::InUse)]
#[case("UnauthorizedOperation", Refusal::Denied)]
#[case("RequestLimitExceeded", Refusal::Throttled)]
#[tokio::test]
async fn deletions(#[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([(400, refusal(code)), (200, String::new())]);
    let deleted =
        Ec2::new(&script.config()).delete(&own(), UnitKind::EbsSnapshot, &"snap-0000000a".parse().unwrap()).await;
    assert_eq!(deleted.unwrap_err().refusal, expected);
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn what_is_gone_is_deleted() {
    let script = Script::of([(400, refusal("InvalidSnapshot.NotFound"))]);
    assert_eq!(
        Ec2::new(&script.config()).delete(&own(), UnitKind::EbsSnapshot, &"snap-0000000a".parse().unwrap()).await,
        Ok(())
    );
}

#[tokio::test]
async fn a_deletion_that_gets_no_answer_ends_after_ten_seconds() {
    let script = Script::default();
    let deleted =
        Ec2::new(&script.silent()).delete(&own(), UnitKind::EbsSnapshot, &"snap-0000000a".parse().unwrap()).await;
    assert_eq!(deleted.unwrap_err().refusal, Refusal::Unknown);
    assert!(script.waited().contains(&Duration::from_secs(10)), "{:?}", script.waited());
}

const NONE: &str = "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>";

#[tokio::test]
async fn questions_are_asked_three_times() {
    let throttled = || (503, refusal("RequestLimitExceeded"));
    let script = Script::of([throttled(), throttled(), (200, NONE.to_owned())]);
    assert_eq!(
        Ec2::new(&script.config())
            .describe(&own(), Kind::Volume, &[Resource::Volume("vol-0000000a".parse().unwrap())])
            .await,
        Ok(vec![])
    );
    assert_eq!(script.asked().len(), 3);

    let script = Script::of([throttled(), throttled(), throttled(), throttled()]);
    let error = Ec2::new(&script.config())
        .describe(&own(), Kind::Volume, &[Resource::Volume("vol-0000000a".parse().unwrap())])
        .await
        .unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Throttled, "ec2:DescribeVolumes"));
    assert_eq!(script.asked().len(), 3);
}

fn session(key: &str) -> (u16, String) {
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key}</AccessKeyId>\
         <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    (200, body)
}

fn sts_refusal(code: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>not authorized</Message></Error>\
         </ErrorResponse>"
    )
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_its_regions() {
    let none = || (200, NONE.to_owned());
    let script = Script::of([session("PROD"), none(), none(), none(), none()]);
    let ec2 = Ec2::new(&script.config());
    let ids = [Resource::Volume("vol-0000000a".parse().unwrap())];
    for region in ["eu-west-1", "us-east-1", "us-east-1"] {
        ec2.describe(&prod(region, Some("x7")), Kind::Volume, &ids).await.unwrap();
    }
    ec2.describe(&own(), Kind::Volume, &ids).await.unwrap();
    let asked = script.asked();
    assert_eq!(
        asked[0].to_string(),
        "Action=AssumeRole\n\
         ExternalId=x7\n\
         RoleArn=arn:aws:iam::111122223333:role/cpm-backup\n\
         RoleSessionName=cpm\n\
         Version=2011-06-15\n"
    );
    assert_eq!(
        asked.iter().map(|asked| asked.key.as_str()).collect::<Vec<_>>(),
        ["FUNCTION", "PROD", "PROD", "PROD", "FUNCTION"]
    );
    assert_eq!(asked[0].uri, "https://sts.eu-west-1.amazonaws.com/");
    assert_eq!(asked[2].uri, "https://ec2.us-east-1.amazonaws.com/");
}

#[tokio::test]
async fn without_an_external_id_none_is_sent() {
    let script = Script::of([session("PROD"), (200, NONE.to_owned())]);
    Ec2::new(&script.config())
        .describe(&prod("eu-west-1", None), Kind::Volume, &[Resource::Volume("vol-0000000a".parse().unwrap())])
        .await
        .unwrap();
    assert_eq!(script.asked()[0].field("ExternalId"), None);
}

#[rstest]
#[case(403, "AccessDenied", Refusal::Denied)]
#[case(403, "InvalidClientTokenId", Refusal::Denied)]
#[case(403, "RegionDisabledException", Refusal::Denied)]
#[case(400, "MalformedPolicyDocument", Refusal::Denied)]
#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_named(#[case] status: u16, #[case] code: &str, #[case] expected: Refusal) {
    let script = Script::of([(status, sts_refusal(code)), (status, sts_refusal(code))]);
    let ec2 = Ec2::new(&script.config());
    let error = ec2.create(&prod("us-east-1", None), &request()).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str(), error.code.as_str()), (expected, "sts:AssumeRole", code));
    assert_eq!(error.message, "the role cpm-backup of account 111122223333 cannot be assumed: not authorized");
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn sts_is_asked_three_times_and_by_one_layer_only() {
    let script = Script::of(vec![(400, sts_refusal("Throttling")); 12]);
    let ec2 = Ec2::new(&script.config());
    let error = ec2
        .describe(&prod("us-east-1", None), Kind::Volume, &[Resource::Volume("vol-0000000a".parse().unwrap())])
        .await
        .unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Throttled, "sts:AssumeRole"));
    assert_eq!(script.asked().len(), 3);
}

#[tokio::test]
async fn sts_that_does_not_answer_is_unknown() {
    let script = Script::default();
    let ec2 = Ec2::new(&script.silent());
    let error = ec2.create(&prod("us-east-1", None), &request()).await.unwrap_err();
    assert_eq!((error.refusal, error.action.as_str()), (Refusal::Unknown, "sts:AssumeRole"), "{error}");
}
