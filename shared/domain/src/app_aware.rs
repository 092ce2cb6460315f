//! Application-consistent backup of Windows instances through VSS (§6.2.1 and §6.3 of the guide).

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    id::IdError,
    unit::{ByDocument, UnitKind, UnitSet},
};

/// Who makes the shadow copies of a policy's Windows instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Vss {
    /// The suite's own document, which drives Windows' `diskshadow`.
    #[default]
    Diskshadow,
    /// AWS's document `AWSEC2-VssInstallAndSnapshot`.
    Aws,
}

impl Vss {
    /// Whether it is the default.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// As written in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Diskshadow => "diskshadow",
            Self::Aws => "aws",
        }
    }
}

/// Makes a type of words that are compared without regard to case and held in small letters.
macro_rules! word {
    ($(#[$doc:meta])* $type:ident, $what:literal, $example:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, example = $example))]
        pub struct $type(String);

        impl $type {
            /// In small letters.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_ascii_lowercase()))
                } else {
                    Err(IdError { text: text.to_owned(), what: $what, example: $example })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(word: $type) -> Self {
                word.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}

fn is_writer(text: &str) -> bool {
    let Some(guid) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { return false };
    let parts: Vec<&str> = guid.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()))
}

word! {
    /// A volume of Windows, by its drive letter and a colon.
    DriveLetter, "a drive letter with its colon", "d:", is_drive
}
word! {
    /// A VSS writer, by its id in braces.
    WriterId, "the id of a VSS writer in braces", "{4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f}", is_writer
}

/// Which VSS writers are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub enum ExcludedWriters {
    /// These.
    These(BTreeSet<WriterId>),
    /// All of them, for tests.
    All,
}

/// Why a list of writers cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WritersError {
    /// Not a writer's id.
    #[error(transparent)]
    Writer(#[from] IdError),
    /// `all` with others beside it.
    #[error("`all` stands alone: it leaves out every writer")]
    AllAndMore,
}

impl ExcludedWriters {
    const ALL: &str = "all";

    /// Whether none is left out.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::These(writers) if writers.is_empty())
    }

    /// Whether `writer` is left out.
    pub fn holds(&self, writer: &WriterId) -> bool {
        match self {
            Self::These(writers) => writers.contains(writer),
            Self::All => true,
        }
    }
}

impl Default for ExcludedWriters {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl TryFrom<Vec<String>> for ExcludedWriters {
    type Error = WritersError;

    fn try_from(words: Vec<String>) -> Result<Self, WritersError> {
        match words.as_slice() {
            [word] if word == Self::ALL => Ok(Self::All),
            words if words.iter().any(|word| word == Self::ALL) => Err(WritersError::AllAndMore),
            words => Ok(Self::These(words.iter().map(|word| word.parse()).collect::<Result<_, _>>()?)),
        }
    }
}

impl From<ExcludedWriters> for Vec<String> {
    fn from(writers: ExcludedWriters) -> Self {
        match writers {
            ExcludedWriters::These(writers) => writers.into_iter().map(String::from).collect(),
            ExcludedWriters::All => vec![ExcludedWriters::ALL.to_owned()],
        }
    }
}

/// How an instance is backed up through VSS. The default: all volumes, and every writer that is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AppAware {
    /// The volumes with shadow copies (§6.3.3); all when there is none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub volumes: BTreeSet<DriveLetter>,
    /// Writers that are left out (§6.3.4); `all` alone for every one of them.
    #[serde(default, skip_serializing_if = "ExcludedWriters::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub exclude_writers: ExcludedWriters,
    /// Writers that must take part (§6.3.4): without one of them VSS fails.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub verify_writers: BTreeSet<WriterId>,
}

impl AppAware {
    /// The volumes as the document takes them: `d:,e:`; empty for all.
    pub fn volumes_list(&self) -> String {
        comma(self.volumes.iter().map(ToString::to_string))
    }

    /// The writers that are left out, as the document takes them.
    pub fn excluded_list(&self) -> String {
        comma(Vec::<String>::from(self.exclude_writers.clone()).into_iter())
    }

    /// The writers that must take part, as the document takes them.
    pub fn verified_list(&self) -> String {
        comma(self.verify_writers.iter().map(ToString::to_string))
    }

    /// A writer that must take part and is left out.
    pub fn contradiction(&self) -> Option<&WriterId> {
        self.verify_writers.iter().find(|writer| self.exclude_writers.holds(writer))
    }
}

/// Has AWS's own document for VSS make the snapshots of an instance. It takes all data volumes, with the root volume or
/// without; anything else is refused, and said why.
pub fn by_document(sets: &mut [UnitSet]) -> Result<(), String> {
    for set in sets.iter_mut().filter(|set| set.kind() == Some(UnitKind::EbsSnapshot)) {
        if set.instance().is_none() || !set.excluded.is_empty() {
            return Err(format!(
                "{}: AWS's document for VSS makes snapshots of all data volumes at once: choose all of them, or `vss: diskshadow`",
                set.target.id()
            ));
        }
        set.by_document = Some(ByDocument::default());
    }
    Ok(())
}

fn comma(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<String>>().join(",")
}

impl fmt::Display for AppAware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |words: Vec<String>| words.join(" ");
        let mut parts = Vec::new();
        if !self.volumes.is_empty() {
            parts.push(format!("volumes {}", list(self.volumes.iter().map(ToString::to_string).collect())));
        }
        if !self.exclude_writers.is_none() {
            parts.push(format!("exclude writers {}", list(self.exclude_writers.clone().into())));
        }
        if !self.verify_writers.is_empty() {
            parts.push(format!(
                "verify writers {}",
                list(self.verify_writers.iter().map(ToString::to_string).collect())
            ));
        }
        f.write_str(&if parts.is_empty() { "true".to_owned() } else { parts.join(", ") })
    }
}

/// `app_aware` in files, answers and the table: `true` for the default, a mapping for anything else.
pub(crate) mod form {
    use std::fmt;

    use serde::{
        Deserialize, Deserializer, Serialize, Serializer,
        de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
    };

    use super::AppAware;

    /// Writes the shortest form.
    #[allow(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(aware: &Option<AppAware>, serializer: S) -> Result<S::Ok, S::Error> {
        match aware {
            Some(aware) if *aware != AppAware::default() => aware.serialize(serializer),
            aware => serializer.serialize_bool(aware.is_some()),
        }
    }

    /// Reads a boolean or a mapping.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<AppAware>, D::Error> {
        deserializer.deserialize_any(Forms)
    }

    struct Forms;

    impl<'de> Visitor<'de> for Forms {
        type Value = Option<AppAware>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("`true`, `false` or `{volumes: […], exclude_writers: […], verify_writers: […]}`")
        }

        fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Self::Value, E> {
            Ok(yes.then(AppAware::default))
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
            AppAware::deserialize(MapAccessDeserializer::new(fields)).map(Some)
        }
    }

    /// Both forms, for the schema.
    #[cfg(feature = "openapi")]
    #[derive(utoipa::ToSchema)]
    #[schema(as = AppAwareForm)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "it is there for its schema")]
    pub(crate) enum AppAwareForm {
        /// All volumes and writers, or not at all.
        Whole(bool),
        /// Chosen volumes and writers.
        Chosen(AppAware),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const WRITER: &str = "{4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f}";

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(default, with = "form", skip_serializing_if = "Option::is_none")]
        app_aware: Option<AppAware>,
    }

    #[rstest]
    #[case(json!({}), json!({}))]
    #[case(json!({"app_aware": false}), json!({}))]
    #[case(json!({"app_aware": true}), json!({"app_aware": true}))]
    #[case(json!({"app_aware": {}}), json!({"app_aware": true}))]
    #[case(json!({"app_aware": {"volumes": [], "exclude_writers": [], "verify_writers": []}}), json!({"app_aware": true}))]
    #[case(json!({"app_aware": {"volumes": ["E:", "d:", "e:"]}}), json!({"app_aware": {"volumes": ["d:", "e:"]}}))]
    #[case(json!({"app_aware": {"exclude_writers": ["all"]}}), json!({"app_aware": {"exclude_writers": ["all"]}}))]
    #[case(json!({"app_aware": {"verify_writers": [WRITER.to_uppercase()]}}), json!({"app_aware": {"verify_writers": [WRITER]}}))]
    fn is_written_in_the_shortest_form(#[case] read: Value, #[case] written: Value) {
        let holder: Holder = serde_json::from_value(read).unwrap();
        assert_eq!(serde_json::to_value(&holder).unwrap(), written);
        assert_eq!(serde_json::from_value::<Holder>(written).unwrap(), holder);
    }

    #[rstest]
    #[case(json!("yes"), "expected `true`, `false` or `{volumes")]
    #[case(json!({"volume": []}), "unknown field `volume`")]
    #[case(json!({"volumes": ["d"]}), "`d` is not a drive letter with its colon, such as `d:`")]
    #[case(json!({"volumes": ["dd:"]}), "is not a drive letter")]
    #[case(json!({"exclude_writers": ["all", WRITER]}), "`all` stands alone")]
    #[case(json!({"exclude_writers": ["4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f"]}), "is not the id of a VSS writer in braces")]
    #[case(json!({"verify_writers": ["all"]}), "is not the id of a VSS writer in braces")]
    #[case(json!({"verify_writers": ["{4dc3bdd4-ab48-4d07-adb0-3bee2926fd7g}"]}), "is not the id of a VSS writer")]
    fn refuses_what_is_malformed(#[case] value: Value, #[case] message: &str) {
        let error = serde_json::from_value::<Holder>(json!({"app_aware": value})).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }

    #[test]
    fn no_writer_is_left_out_and_verified() {
        let aware = |excluded: Value| -> AppAware {
            serde_json::from_value(json!({"exclude_writers": excluded, "verify_writers": [WRITER]})).unwrap()
        };
        assert_eq!(aware(json!([])).contradiction(), None);
        assert!(aware(json!([WRITER])).contradiction().is_some());
        assert!(aware(json!(["all"])).contradiction().is_some());
    }

    #[test]
    fn is_told_in_words() {
        let aware: AppAware = serde_json::from_value(
            json!({"volumes": ["d:", "e:"], "exclude_writers": ["all"], "verify_writers": [WRITER]}),
        )
        .unwrap();
        assert_eq!(aware.to_string(), format!("volumes d: e:, exclude writers all, verify writers {WRITER}"));
        assert_eq!(AppAware::default().to_string(), "true");
    }
}
