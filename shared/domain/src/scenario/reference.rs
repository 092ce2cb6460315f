//! References to what earlier steps made: `${db.endpoint}`. `$${` stands for `${`.

use std::{collections::BTreeMap, fmt};

use winnow::{
    Parser, Result as Parsed,
    combinator::{alt, delimited, eof, opt, preceded, repeat, terminated},
    error::ContextError,
    token::{any, take_until, take_while},
};

use crate::recovery::{plan::RecoveryKind, work::MadeKind};

/// A reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The step.
    pub step: String,
    /// What of it.
    pub value: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{{}.{}}}", self.step, self.value)
    }
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Between `${` and `}` stands something else.
    #[error("`${{{0}}}` is no reference to what a step made")]
    NoReference(String),
    /// No `}` follows.
    #[error("a `${{` has no `}}`")]
    Open,
}

/// A stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Reference(Reference),
    Wrong(String),
    Open,
}

fn name<'a>(input: &mut &'a str) -> Parsed<&'a str> {
    take_while(1.., |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).parse_next(input)
}

fn reference(input: &mut &str) -> Parsed<Reference> {
    let parts = (terminated(name, '.'), name);
    delimited("${", parts, '}')
        .map(|(step, value): (&str, &str)| Reference { step: step.to_owned(), value: value.to_owned() })
        .parse_next(input)
}

fn piece(input: &mut &str) -> Parsed<Piece> {
    alt((
        "$${".map(|_| Piece::Text("${".to_owned())),
        reference.map(Piece::Reference),
        delimited("${", take_until(0.., "}"), '}').map(|inner: &str| Piece::Wrong(inner.to_owned())),
        "${".map(|_| Piece::Open),
        any.map(|c: char| Piece::Text(c.to_string())),
    ))
    .parse_next(input)
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut all = terminated(repeat(0.., piece), eof::<_, ContextError>);
    // Every text is made of pieces: what fits nothing else is a character.
    all.parse(text).unwrap_or_default()
}

/// The references in a text, or why it has a wrong one.
///
/// ```
/// use cpm_domain::scenario::references;
///
/// let found = references("host=${db.endpoint} home=$${HOME}")?;
/// assert_eq!(found[0].to_string(), "${db.endpoint}");
/// assert_eq!(found.len(), 1);
/// assert!(references("${HOME}").is_err());
/// # Ok::<(), cpm_domain::scenario::TemplateError>(())
/// ```
pub fn references(text: &str) -> Result<Vec<Reference>, TemplateError> {
    let mut found = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(_) => {}
            Piece::Reference(reference) => found.push(reference),
            Piece::Wrong(inner) => return Err(TemplateError::NoReference(inner)),
            Piece::Open => return Err(TemplateError::Open),
        }
    }
    Ok(found)
}

/// The text with every reference replaced by what `value` gives for it.
pub fn fill_in<E>(text: &str, mut value: impl FnMut(&Reference) -> Result<String, E>) -> Result<String, E> {
    let mut filled = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(&text),
            Piece::Reference(reference) => filled.push_str(&value(&reference)?),
            Piece::Wrong(inner) => filled.extend(["${", inner.as_str(), "}"]),
            Piece::Open => filled.push_str("${"),
        }
    }
    Ok(filled)
}

/// What can be referred to of a step that recovers: with a value that is well formed, to check a plan before it is known.
pub(super) fn values_of(kind: RecoveryKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        RecoveryKind::Instance => &[
            ("id", "i-00000000"),
            ("instance", "i-00000000"),
            ("private_ip", "192.0.2.1"),
            ("public_ip", "198.51.100.1"),
        ],
        RecoveryKind::Volumes => &[("id", "vol-00000000"), ("volume", "vol-00000000")],
        RecoveryKind::Rds => &[("id", "name"), ("database", "name"), ("endpoint", "name.example"), ("port", "5432")],
        RecoveryKind::Aurora | RecoveryKind::Redshift => {
            &[("id", "name"), ("cluster", "name"), ("endpoint", "name.example"), ("port", "5432")]
        }
        RecoveryKind::Dynamodb => &[("id", "name"), ("table", "name")],
    }
}

/// What a recovery made makes available, by name: of several things of a kind, the first.
pub fn values(made: &[(MadeKind, String, Vec<String>)]) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let wanted = [MadeKind::Instance, MadeKind::Cluster, MadeKind::Database, MadeKind::Warehouse, MadeKind::Table];
    let main = wanted.iter().find_map(|kind| made.iter().find(|made| made.0 == *kind));
    let volume = made.iter().find(|made| made.0 == MadeKind::Volume);
    let Some((kind, id, addresses)) = main.or(volume) else { return values };
    values.insert("id".to_owned(), id.clone());
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            values.insert(name.to_owned(), value);
        }
    };
    match kind {
        MadeKind::Instance => {
            put("instance", Some(id.clone()));
            put("private_ip", addresses.iter().find(|address| is_private(address) == Some(true)).cloned());
            put("public_ip", addresses.iter().find(|address| is_private(address) == Some(false)).cloned());
        }
        MadeKind::Volume => put("volume", Some(id.clone())),
        MadeKind::Table => put("table", Some(id.clone())),
        MadeKind::Database | MadeKind::Cluster | MadeKind::Warehouse => {
            put(if *kind == MadeKind::Database { "database" } else { "cluster" }, Some(id.clone()));
            let (host, port) = addresses.first().map_or((None, None), |address| endpoint(address));
            put("endpoint", host);
            put("port", port);
        }
        MadeKind::Image => {}
    }
    values
}

fn is_private(address: &str) -> Option<bool> {
    let address: std::net::IpAddr = address.parse().ok()?;
    Some(match address {
        std::net::IpAddr::V4(address) => address.is_private(),
        std::net::IpAddr::V6(address) => address.is_unique_local(),
    })
}

/// Host and port of `host:port` or of a host alone.
fn endpoint(address: &str) -> (Option<String>, Option<String>) {
    let port = preceded(':', take_while(1..=5, |c: char| c.is_ascii_digit()));
    let mut both = (take_while(1.., |c: char| c != ':'), opt(port), eof::<_, ContextError>);
    match both.parse(address) {
        Ok((host, port, _)) => (Some(host.to_owned()), port.map(str::to_owned)),
        Err(_) => (Some(address.to_owned()), None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", &[])]
    #[case("plain $HOME $5 }", &[])]
    #[case("a${db.endpoint}b${web-1.private_ip}", &["${db.endpoint}", "${web-1.private_ip}"])]
    #[case("$${HOME}", &[])]
    #[case("$${a}${a.id}", &["${a.id}"])]
    fn references_are_found(#[case] text: &str, #[case] expected: &[&str]) {
        let found: Vec<String> = references(text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case("${HOME}", TemplateError::NoReference("HOME".into()))]
    #[case("x ${a.b.c}", TemplateError::NoReference("a.b.c".into()))]
    #[case("${}", TemplateError::NoReference(String::new()))]
    #[case("${ a.b }", TemplateError::NoReference(" a.b ".into()))]
    #[case("tail ${a.b", TemplateError::Open)]
    fn wrong_ones_are_told(#[case] text: &str, #[case] expected: TemplateError) {
        assert_eq!(references(text), Err(expected));
    }

    #[test]
    fn they_are_replaced() {
        let value = |reference: &Reference| match reference.value.as_str() {
            "id" => Ok("i-1"),
            _ => Err(reference.to_string()),
        };
        let value = |reference: &Reference| value(reference).map(str::to_owned);
        assert_eq!(fill_in("<${a.id}> $${x} ö", value).unwrap(), "<i-1> ${x} ö");
        assert_eq!(fill_in("${a.ip}", value).unwrap_err(), "${a.ip}");
    }

    #[rstest]
    #[case(&[("instance", "i-1", "54.1.2.3 10.0.0.4")], "id=i-1 instance=i-1 private_ip=10.0.0.4 public_ip=54.1.2.3")]
    #[case(&[("database", "db", "db.x.rds.amazonaws.com:5432")], "database=db endpoint=db.x.rds.amazonaws.com id=db port=5432")]
    #[case(&[("database", "c-1", "m"), ("cluster", "c", "w.example")], "cluster=c endpoint=w.example id=c")]
    #[case(&[("volume", "vol-1", ""), ("volume", "vol-2", "")], "id=vol-1 volume=vol-1")]
    #[case(&[("image", "ami-1", "")], "")]
    fn what_was_made_is_available(#[case] made: &[(&str, &str, &str)], #[case] expected: &str) {
        let made: Vec<(MadeKind, String, Vec<String>)> = made
            .iter()
            .map(|(kind, id, addresses)| {
                let kind = serde_json::from_value(serde_json::json!(kind)).unwrap();
                (kind, (*id).to_owned(), addresses.split_whitespace().map(str::to_owned).collect())
            })
            .collect();
        let values: Vec<String> = values(&made).iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(values.join(" "), expected);
    }

    proptest! {
        #[test]
        fn what_has_no_reference_stays_as_it_is(text in "[^$]{0,40}") {
            prop_assert_eq!(references(&text).unwrap(), vec![]);
            let same = fill_in(&text, |_| Err::<String, ()>(())).unwrap();
            prop_assert_eq!(same, text);
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,60}") {
            let _ = references(&text);
        }
    }
}
