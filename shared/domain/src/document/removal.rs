//! `auto_target_removal: no` in any kind of YAML.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, IntoDeserializer, Visitor, value},
};

use crate::policy::AutoTargetRemoval;

/// Reads the word; and `false` and `true`, which an unquoted `no` and `yes` are in YAML 1.1.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AutoTargetRemoval, D::Error> {
    deserializer.deserialize_any(Words)
}

struct Words;

impl Visitor<'_> for Words {
    type Value = AutoTargetRemoval;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`no`, `yes` or `yes-and-alert`")
    }

    fn visit_bool<E: de::Error>(self, yes: bool) -> Result<AutoTargetRemoval, E> {
        Ok(if yes { AutoTargetRemoval::Yes } else { AutoTargetRemoval::No })
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<AutoTargetRemoval, E> {
        let words: value::StrDeserializer<'_, E> = word.into_deserializer();
        AutoTargetRemoval::deserialize(words)
    }
}
