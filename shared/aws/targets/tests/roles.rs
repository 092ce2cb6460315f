//! All drivers of a function share one session of a role.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

use cpm_aws_call::scripted::Script;
use cpm_domain::{
    id::UnitId,
    kind::Kind,
    recovery::{facts::Question, image::ImageFilter},
    unit::UnitKind,
};
use cpm_ports::{Access, Place};

fn prod(region: &str) -> Place {
    let access =
        Access::Assumed { account: "111122223333".into(), role: "cpm-backup".into(), external_id: Some("x7".into()) };
    Place { access, region: region.parse().unwrap() }
}

const SESSION: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>PROD</AccessKeyId>\
                       <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                       <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>\
                       </AssumeRoleResponse>";

#[tokio::test]
async fn a_role_is_assumed_once_for_all_services() {
    let none = "<DescribeClustersResponse><DescribeClustersResult/></DescribeClustersResponse>";
    let quotas = "<DescribeAccountAttributesResponse><DescribeAccountAttributesResult/>\
                  </DescribeAccountAttributesResponse>";
    let script = Script::of([(200, SESSION), (200, none), (200, quotas), (200, "{}")]);
    let drivers = cpm_aws_targets::drivers(&script.config());
    drivers.of_kind(Kind::Redshift).unwrap().tagged(&prod("eu-west-1")).await.unwrap();
    drivers.of_kind(Kind::Rds).unwrap().quotas(&prod("us-east-1"), &[UnitKind::RdsSnapshot]).await.unwrap();
    drivers.of_kind(Kind::Dynamodb).unwrap().tagged(&prod("us-east-1")).await.unwrap();
    let asked = script.asked();
    let keys: Vec<&str> = asked.iter().map(|asked| asked.key.as_str()).collect();
    assert_eq!(keys, ["FUNCTION", "PROD", "PROD", "PROD"]);
    let hosts: Vec<&str> = asked.iter().map(|asked| asked.uri.as_str()).collect();
    assert_eq!(
        hosts,
        [
            "https://sts.eu-west-1.amazonaws.com/",
            "https://redshift.eu-west-1.amazonaws.com/",
            "https://rds.us-east-1.amazonaws.com/",
            "https://tagging.us-east-1.amazonaws.com/",
        ]
    );
}

#[tokio::test]
async fn a_role_of_a_recovery_is_assumed_once_for_all_that_it_asks() {
    let who = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account>\
               </GetCallerIdentityResult></GetCallerIdentityResponse>";
    let zones = "<DescribeAvailabilityZonesResponse><availabilityZoneInfo/></DescribeAvailabilityZonesResponse>";
    let images = "<DescribeImagesResponse><imagesSet/></DescribeImagesResponse>";
    let key = r#"{"KeyMetadata": {"KeyId": "k", "KeyState": "Enabled"}}"#;
    let script = Script::of([(200, SESSION), (200, who), (200, zones), (200, key), (200, images)]);
    let recovering = cpm_aws_targets::recovering(&script.config());
    let place = prod("eu-west-1");
    assert_eq!(recovering.identity.account(&place).await.unwrap(), "111122223333");
    for restorer in recovering.restorers.iter() {
        restorer.ask(&place, &[Question::Zones, Question::Key("k".into())]).await.unwrap();
    }
    let like = ImageFilter { owner: "self".into(), name: "web".into(), architecture: None };
    recovering.images.images(&place, &like).await.unwrap();
    let asked = script.asked();
    let keys: Vec<&str> = asked.iter().map(|asked| asked.key.as_str()).collect();
    assert_eq!(keys, ["FUNCTION", "PROD", "PROD", "PROD", "PROD"], "and each question is asked of one service");
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_named() {
    let refused = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message>\
                   </Error></ErrorResponse>";
    for unit in [UnitKind::RdsSnapshot, UnitKind::RedshiftSnapshot, UnitKind::DynamodbBackup] {
        let script = Script::of([(403, refused)]);
        let deleters = cpm_aws_targets::deleters(&script.config());
        let deleted = deleters.of_unit(unit).unwrap().delete(&prod("us-east-1"), unit, &UnitId::new("s-1")).await;
        let error = deleted.unwrap_err();
        assert_eq!((error.action.as_str(), error.code.as_str()), ("sts:AssumeRole", "AccessDenied"));
        assert_eq!(error.message, "the role cpm-backup of account 111122223333 cannot be assumed: not authorized");
    }
}
