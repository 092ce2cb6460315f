//! Several files as one document.

use super::{Document, Problem};

/// Several documents as one, with the way back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// All of them, in order.
    pub document: Document,
    /// What contradicts itself between them. Names that come twice are found by [`Document::check`].
    pub problems: Vec<Problem>,
    parts: Vec<Part>,
}

/// What one document gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Part {
    accounts: usize,
    schedules: usize,
    policies: usize,
    settings: bool,
}

/// A place in one of several documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which document, counted from 0.
    pub part: usize,
    /// The path in it.
    pub path: String,
}

impl Document {
    /// Several documents as one.
    ///
    /// ```
    /// use cpm_domain::document::Document;
    ///
    /// let one = |name: &str| serde_json::from_value::<Document>(
    ///     serde_json::json!({"policies": [{"name": name, "account": "main"}]}),
    /// );
    /// let merged = Document::merge([one("web")?, one("db")?]);
    /// let place = merged.locate("policies[1].account").unwrap();
    /// assert_eq!((place.part, place.path.as_str()), (1, "policies[0].account"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn merge(documents: impl IntoIterator<Item = Self>) -> Merged {
        let mut merged = Merged::default();
        for document in documents {
            merged.add(document);
        }
        merged
    }
}

impl Merged {
    fn add(&mut self, part: Document) {
        self.parts.push(Part {
            accounts: part.accounts.len(),
            schedules: part.schedules.len(),
            policies: part.policies.len(),
            settings: part.settings.is_some(),
        });
        self.document.accounts.extend(part.accounts);
        self.document.schedules.extend(part.schedules);
        self.document.policies.extend(part.policies);
        let Some(settings) = part.settings else { return };
        if self.document.settings.as_ref().is_some_and(|before| *before != settings) {
            let message = "two files set different settings";
            self.problems.push(Problem::new("settings", message, "keep `settings` in one of them"));
        }
        self.document.settings = Some(settings);
    }

    /// Where a path of the merged document comes from; none for the whole of it.
    pub fn locate(&self, path: &str) -> Option<Place> {
        if path.starts_with("settings") {
            let part = self.parts.iter().rposition(|part| part.settings)?;
            return Some(Place { part, path: path.to_owned() });
        }
        let (section, rest) = path.split_once('[')?;
        let (number, rest) = rest.split_once(']')?;
        let mut number: usize = number.parse().ok()?;
        for (part, sizes) in self.parts.iter().enumerate() {
            let size = match section {
                "accounts" => sizes.accounts,
                "schedules" => sizes.schedules,
                "policies" => sizes.policies,
                _ => return None,
            };
            if number < size {
                return Some(Place { part, path: format!("{section}[{number}]{rest}") });
            }
            number -= size;
        }
        None
    }
}
