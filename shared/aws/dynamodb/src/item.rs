//! Items: a domain type, field by field, in an envelope of keys, schema and the word for what it is.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use cpm_ports::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use serde_dynamo::aws_sdk_dynamodb_1 as dynamo;

use crate::{index::Index, keys::Key};

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The schema that this version writes, and the only one it reads.
pub(crate) const SCHEMA: u32 = 1;

/// The attributes that are not the domain's.
const ENVELOPE: [&str; 11] = [
    "pk",
    "sk",
    "schema",
    "item",
    "due_pk",
    "due_sk",
    "policy_pk",
    "policy_sk",
    "resource_pk",
    "resource_sk",
    EXPIRES,
];

/// When DynamoDB removes the item by itself, in seconds since 1970.
pub(crate) const EXPIRES: &str = "expires_at";

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Owner,
    Counter,
    Settings,
    Account,
    Schedule,
    Policy,
    Target,
    Slot,
    Lease,
    DrillSlot,
    Hold,
    Drill,
    Scenario,
    Backup,
    Set,
    Image,
    Frozen,
    Run,
    Alert,
    Event,
    Scan,
    Lines,
    Tag,
    Origin,
    Recovery,
    Work,
}

impl Kind {
    /// The word in the attribute `item`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Counter => "counter",
            Self::Settings => "settings",
            Self::Account => "account",
            Self::Schedule => "schedule",
            Self::Policy => "policy",
            Self::Target => "target",
            Self::Slot => "slot",
            Self::Lease => "lease",
            Self::DrillSlot => "drill-slot",
            Self::Hold => "hold",
            Self::Drill => "drill",
            Self::Scenario => "scenario",
            Self::Backup => "backup",
            Self::Set => "set",
            Self::Image => "image",
            Self::Frozen => "frozen",
            Self::Run => "run",
            Self::Alert => "alert",
            Self::Event => "event",
            Self::Scan => "scan",
            Self::Lines => "lines",
            Self::Tag => "tag",
            Self::Origin => "origin",
            Self::Recovery => "recovery",
            Self::Work => "work",
        }
    }
}

/// A text.
pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number.
pub(crate) fn number(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A domain value as its attribute.
pub(crate) fn value(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    dynamo::to_attribute_value(value).map_err(|error| StoreError::Refused(error.to_string()))
}

/// Puts `body` into its envelope.
pub(crate) fn write(key: &Key, kind: Kind, body: &impl Serialize) -> Result<Item, StoreError> {
    let refuse = |reason: String| StoreError::Refused(format!("item {key} cannot be written: {reason}"));
    let mut item: Item = dynamo::to_item(body).map_err(|error| refuse(error.to_string()))?;
    if let Some(name) = ENVELOPE.iter().find(|name| item.contains_key(**name)) {
        return Err(refuse(format!("its field `{name}` is an attribute of every item")));
    }
    item.insert("pk".to_owned(), text(&key.pk));
    item.insert("sk".to_owned(), text(&key.sk));
    item.insert("schema".to_owned(), number(SCHEMA));
    item.insert("item".to_owned(), text(kind.word()));
    Ok(item)
}

/// Puts `item` into an index.
pub(crate) fn enter(item: &mut Item, index: Index, pk: String, sk: String) {
    item.insert(index.pk().to_owned(), text(pk));
    item.insert(index.sk().to_owned(), text(sk));
}

/// Takes the body out of its envelope.
pub(crate) fn read<T: DeserializeOwned>(item: Item, kind: Kind) -> Result<T, StoreError> {
    check(&item, kind)?;
    let key = key(&item);
    let mut body = item;
    body.retain(|name, _| !ENVELOPE.contains(&name.as_str()));
    dynamo::from_item(body).map_err(|error| unreadable(&key, error))
}

/// Reads many.
pub(crate) fn read_all<T: DeserializeOwned>(items: Vec<Item>, kind: Kind) -> Result<Vec<T>, StoreError> {
    items.into_iter().map(|item| read(item, kind)).collect()
}

/// Refuses what this version does not know.
fn check(item: &Item, kind: Kind) -> Result<(), StoreError> {
    let found = |name: &str| match item.get(name) {
        Some(AttributeValue::S(value) | AttributeValue::N(value)) => value.as_str(),
        _ => "nothing",
    };
    let schema = found("schema");
    if schema != SCHEMA.to_string() {
        return Err(unreadable(&key(item), format!("its schema is {schema}, and this version reads {SCHEMA}")));
    }
    if found("item") != kind.word() {
        let reason = format!("it is of kind {}, where a {} should be", found("item"), kind.word());
        return Err(unreadable(&key(item), reason));
    }
    Ok(())
}

/// An item that cannot be read.
pub(crate) fn unreadable(key: &Key, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { key: key.to_string(), reason: reason.to_string() }
}

/// Where `item` is.
pub(crate) fn key(item: &Item) -> Key {
    Key::new(attribute(item, "pk"), attribute(item, "sk"))
}

/// A text of `item`; nothing when it is missing.
pub(crate) fn attribute<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use cpm_domain::{name::OwnerName, settings::Settings};
    use rstest::rstest;

    use super::*;

    fn settings() -> Item {
        write(
            &Key::settings(&OwnerName::root()),
            Kind::Settings,
            &Settings { record_days: 30, initial_ami_rotation_days: 90 },
        )
        .unwrap()
    }

    #[test]
    fn is_readable_to_people() {
        let item = settings();
        assert_eq!(item["pk"], text("OWNER#root"));
        assert_eq!(item["schema"], number(1));
        assert_eq!(item["item"], text("settings"));
        assert_eq!(item["record_days"], number(30));
    }

    #[test]
    fn index_attributes_are_not_the_bodys() {
        let mut item = settings();
        enter(&mut item, Index::Due, "a".into(), "b".into());
        item.insert(EXPIRES.to_owned(), number(1));
        assert_eq!(read::<Settings>(item, Kind::Settings).unwrap().record_days, 30);
    }

    #[rstest]
    #[case("schema", number(2), "its schema is 2, and this version reads 1")]
    #[case("item", text("policy"), "it is of kind policy, where a settings should be")]
    #[case("record_days", text("many"), "")]
    #[case("surprise", text("x"), "")]
    fn what_is_not_known_is_not_read(#[case] name: &str, #[case] value: AttributeValue, #[case] why: &str) {
        let mut item = settings();
        item.insert(name.to_owned(), value);
        let Err(StoreError::Unreadable { key, reason }) = read::<Settings>(item, Kind::Settings) else {
            panic!("it was read")
        };
        assert_eq!(key, "OWNER#root / SETTINGS");
        assert!(reason.contains(why), "{reason}");
    }

    #[test]
    fn no_field_hides_behind_the_envelope() {
        #[derive(Serialize)]
        struct Odd {
            item: u8,
        }
        let error = write(&Key::new("a", "b"), Kind::Scan, &Odd { item: 1 }).unwrap_err();
        assert!(matches!(error, StoreError::Refused(words) if words.contains("`item`")));
    }
}
