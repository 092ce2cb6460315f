//! The tests' table is the deployment's.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking, and so do the functions they share"
)]

use cpm_aws_dynamodb::table_definition;
use serde_json::{Value, json};

/// The table's properties in the template.
fn properties() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../infra/template.yaml");
    let template: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let resources = template["Resources"].as_object().unwrap();
    let tables: Vec<&Value> = resources.values().filter(|one| one["Type"] == "AWS::DynamoDB::Table").collect();
    assert_eq!(tables.len(), 1, "one table");
    tables[0]["Properties"].clone()
}

#[test]
fn has_the_templates_keys_and_indexes() {
    let definition = table_definition().unwrap();
    let attributes: Vec<Value> = definition
        .get_attribute_definitions()
        .iter()
        .flatten()
        .map(|one| json!({"AttributeName": one.attribute_name(), "AttributeType": one.attribute_type().as_str()}))
        .collect();
    let schema = |keys: &[aws_sdk_dynamodb::types::KeySchemaElement]| -> Vec<Value> {
        let one = |key: &aws_sdk_dynamodb::types::KeySchemaElement| json!({"AttributeName": key.attribute_name(), "KeyType": key.key_type().as_str()});
        keys.iter().map(one).collect()
    };
    let indexes: Vec<Value> = definition
        .get_global_secondary_indexes()
        .iter()
        .flatten()
        .map(|index| {
            let projection = index.projection().and_then(|one| one.projection_type()).unwrap();
            json!({
                "IndexName": index.index_name(),
                "KeySchema": schema(index.key_schema()),
                "Projection": {"ProjectionType": projection.as_str()},
            })
        })
        .collect();
    let template = properties();
    assert_eq!(template["BillingMode"], definition.get_billing_mode().as_ref().unwrap().as_str());
    assert_eq!(template["AttributeDefinitions"], Value::from(attributes));
    assert_eq!(template["KeySchema"], Value::from(schema(definition.get_key_schema().as_ref().unwrap())));
    assert_eq!(template["GlobalSecondaryIndexes"], Value::from(indexes));
    assert_eq!(template["TimeToLiveSpecification"]["AttributeName"], "expires_at");
}
