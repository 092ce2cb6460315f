//! The table's keys and indexes.

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::create_table::builders::CreateTableInputBuilder,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};

use crate::index::Index;

/// Keys and indexes as in the deployment's template, for tests that make a table of their own: give it a name and send
/// it. Time to live (`expires_at`), the stream, encryption and backups are the template's business.
pub fn table_definition() -> Result<CreateTableInputBuilder, BuildError> {
    let mut definition = CreateTableInputBuilder::default()
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema("pk", "sk")?))
        .attribute_definitions(text("pk")?)
        .attribute_definitions(text("sk")?);
    for index in Index::ALL {
        definition = definition
            .attribute_definitions(text(index.pk())?)
            .attribute_definitions(text(index.sk())?)
            .global_secondary_indexes(
                GlobalSecondaryIndex::builder()
                    .index_name(index.name())
                    .set_key_schema(Some(key_schema(index.pk(), index.sk())?))
                    .projection(Projection::builder().projection_type(ProjectionType::All).build())
                    .build()?,
            );
    }
    Ok(definition)
}

fn text(name: &str) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
}

fn key_schema(pk: &str, sk: &str) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![element(pk, KeyType::Hash)?, element(sk, KeyType::Range)?])
}
