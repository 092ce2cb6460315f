//! The OpenAPI document: served, and kept in the reference.

use std::{collections::BTreeSet, env, fs, path::Path};

use crate::world::Api;
use serde_json::Value;

#[test]
fn the_reference_is_up_to_date() {
    let document = cpm_api::document().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    if env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        fs::write(&path, &document).unwrap();
    }
    let reference = fs::read_to_string(&path).unwrap_or_default();
    assert!(reference == document, "{} is out of date: run this test with INSTA_UPDATE=always", path.display());
}

/// Two types of one name would be one schema.
#[test]
fn schemas_are_told_apart() {
    let document: Value = serde_json::from_str(&cpm_api::document().unwrap()).unwrap();
    let schemas = &document["components"]["schemas"];
    assert!(schemas["Problem"]["properties"]["detail"].is_object());
    assert!(schemas["DocumentProblem"]["properties"]["path"].is_object());
    assert!(
        schemas["PlanView"]["properties"]["problems"]["items"]["$ref"]
            .as_str()
            .unwrap()
            .ends_with("/DocumentProblem")
    );
}

#[test]
fn every_reference_in_it_leads_somewhere() {
    let document: Value = serde_json::from_str(&cpm_api::document().unwrap()).unwrap();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for (path, operations) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with("/v1/"));
        for (method, operation) in operations.as_object().unwrap() {
            assert!(operation["operationId"].is_string(), "{method} {path} has no name");
            assert!(operation["responses"]["default"].is_object(), "{method} {path} is never refused");
        }
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match value {
            Value::String(reference) if key == "$ref" => {
                references.insert(reference.clone());
            }
            value => collect(value, references),
        }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[tokio::test]
async fn it_is_served() {
    let answer = Api::new().await.get("/v1/openapi.json").await;
    assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json"));
    assert_eq!(answer.body["info"]["title"], "Cloud Protection Manager");
}
