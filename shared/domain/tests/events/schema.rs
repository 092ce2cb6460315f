//! What holds of every schema in `docs/events`, and of the events it describes.

use std::collections::BTreeSet;

use serde_json::Value;

/// The schema of this name.
pub fn read(name: &str) -> Value {
    let path = format!("{}/../../docs/events/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn keys(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

/// The words of a list.
pub fn words(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The words that the events have in a field.
pub fn made(events: &[Value], field: &str) -> BTreeSet<String> {
    events.iter().filter_map(|event| event[field].as_str()).map(str::to_owned).collect()
}

/// Every event is valid, and none is with one of its fields turned into `nonsense`.
pub fn assert_valid<const N: usize>(schema: &Value, events: &[Value], nonsense: [(&str, Value); N]) {
    assert!(jsonschema::meta::is_valid(schema));
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(schema).unwrap();
    for event in events {
        validator.validate(event).unwrap_or_else(|error| panic!("{error} at {}: {event}", error.instance_path()));
    }
    for (field, nonsense) in nonsense {
        let mut event = events[0].clone();
        event[field] = nonsense;
        assert!(!validator.is_valid(&event), "{event}");
    }
}

/// The object has the fields of the shape, and no others.
pub fn assert_fields(object: &Value, shape: &Value) {
    assert_eq!(keys(object), keys(&shape["properties"]));
    assert_eq!(keys(object), words(&shape["required"]));
}

/// What may be null is null sometimes, and nothing else is.
pub fn assert_nulls(schema: &Value, events: &[Value]) {
    for (field, shape) in schema["properties"].as_object().unwrap() {
        let may_be = shape.to_string().contains(r#""type":"null""#);
        let (null, given) = events.iter().partition::<Vec<_>, _>(|event| event[field].is_null());
        assert_eq!(!null.is_empty(), may_be, "{field}");
        assert!(!given.is_empty(), "{field}");
    }
}

/// Every field is described in a sentence.
pub fn assert_described(shape: &Value) {
    for (field, shape) in shape["properties"].as_object().unwrap() {
        assert!(shape["description"].as_str().is_some_and(|words| words.ends_with('.')), "{field}");
    }
}
