//! Any text in a `cpm backup` tag, on any kind of resource: `cargo fuzz run tag -- -dict=tag.dict`.

#![no_main]

use cpm_domain::{
    kind::Kind,
    tag::{parse, render},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (kind, value) = input;
    let kind = Kind::ALL[usize::from(kind) % Kind::ALL.len()];
    let parsed = parse(value, kind);

    let words = value.split_whitespace().count();
    let counted = parsed.entries.len() + usize::from(parsed.no_backup);
    assert_eq!(parsed.errors.is_empty(), words > 0 && counted == words, "what is left out is reported");
    for error in &parsed.errors {
        assert!(error.start < error.end || value.is_empty(), "{error:?} has a place");
        assert!(value.get(error.span()).is_some(), "{error:?} lies between characters");
        assert_eq!(render(value, error).lines().count(), 4, "{error:?} stays on its lines");
    }
    for entry in &parsed.entries {
        let again = parse(&entry.to_string(), kind);
        assert!(again.errors.is_empty() && again.entries.len() == 1, "{entry} reads back");
        assert_eq!(again.entries[0].options, entry.options);
    }
});
