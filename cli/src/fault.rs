//! What goes wrong, told to a person: what it is, where it is, and what to do.

use std::{fmt::Write as _, ops::Range, rc::Rc};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use cpm_domain::document;

/// A failure. Shown as one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    what: String,
    place: Place,
    notes: Vec<String>,
    help: String,
    /// What a deployment found wrong with the document that it was given.
    problems: Vec<document::Problem>,
    kind: Kind,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The command ends.
    Final,
    /// Nothing is wrong for good: the same may work a little later.
    Passing,
    /// What was asked for is not there.
    Missing,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// The command goes on.
    Warning,
}

/// Where.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Nowhere in particular.
    None,
    /// Some place with a name, such as a URL.
    Named(String),
    /// A stretch of a text.
    Text { name: String, text: Rc<str>, span: Range<usize> },
}

/// One failure or several at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl Faults {
    /// The exit code: 1, or 130 as shells have it for Ctrl-C.
    pub(crate) fn code(&self) -> u8 {
        if self.0.iter().any(|fault| fault.0.kind == Kind::Interrupted) { 130 } else { 1 }
    }
}

impl Fault {
    /// What is wrong, and what to do about it.
    pub(crate) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            what: what.into(),
            place: Place::None,
            notes: Vec::new(),
            help: help.into(),
            problems: Vec::new(),
            kind: Kind::Final,
        }))
    }

    /// With a place that has a name.
    #[must_use]
    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.0.place = Place::Named(place.into());
        self
    }

    /// With a place in a text; `name` is that of the text.
    #[must_use]
    pub(crate) fn within(mut self, name: impl Into<String>, text: &Rc<str>, span: Range<usize>) -> Self {
        self.0.place = Place::Text { name: name.into(), text: Rc::clone(text), span };
        self
    }

    /// With one more thing to know.
    #[must_use]
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(note.into());
        self
    }

    /// With what a deployment found wrong with the document that it was given.
    #[must_use]
    pub(crate) fn with_problems(mut self, problems: Vec<document::Problem>) -> Self {
        self.0.problems = problems;
        self
    }

    /// What a deployment found wrong with the document that it was given.
    pub(crate) fn problems(&self) -> &[document::Problem] {
        &self.0.problems
    }

    /// As one that may pass.
    #[must_use]
    pub(crate) fn passing(mut self) -> Self {
        self.0.kind = Kind::Passing;
        self
    }

    /// Whether it may pass.
    pub(crate) fn is_passing(&self) -> bool {
        self.0.kind == Kind::Passing
    }

    /// As one of something that is not there.
    #[must_use]
    pub(crate) fn missing(mut self) -> Self {
        self.0.kind = Kind::Missing;
        self
    }

    /// Whether something is not there.
    pub(crate) fn is_missing(&self) -> bool {
        self.0.kind == Kind::Missing
    }

    /// As one that somebody wanted.
    #[must_use]
    pub(crate) fn interrupted(mut self) -> Self {
        self.0.kind = Kind::Interrupted;
        self
    }

    /// As a warning.
    #[must_use]
    pub(crate) fn warning(mut self) -> Self {
        self.0.kind = Kind::Warning;
        self
    }

    /// The block, with a line break at its end.
    pub(crate) fn render(&self, color: bool) -> String {
        match &self.0.place {
            Place::Text { name, text, span } => self.render_text(name, text, span.clone(), color),
            Place::Named(place) => self.render_plain(Some(place), color),
            Place::None => self.render_plain(None, color),
        }
    }

    fn render_plain(&self, place: Option<&str>, color: bool) -> String {
        let (strong, faint, reset) = match (color, self.0.kind == Kind::Warning) {
            (false, _) => ("", "", ""),
            (true, false) => ("\x1b[1;31m", "\x1b[1;34m", "\x1b[0m"),
            (true, true) => ("\x1b[1;33m", "\x1b[1;34m", "\x1b[0m"),
        };
        let mut block = format!("{strong}{}{reset}: {}\n", self.level(), self.0.what);
        let mut line = |mark: &str, word: &str, text: &str| {
            // Writing to a text cannot fail.
            let _ = writeln!(block, "  {faint}{mark}{reset} {word}{}", text.trim_end().replace('\n', "\n    "));
        };
        if let Some(place) = place {
            line("-->", "", place);
        }
        for note in &self.0.notes {
            line("=", "note: ", note);
        }
        for problem in &self.0.problems {
            line("=", "note: ", &problem.to_string());
        }
        if !self.0.help.is_empty() {
            line("=", "help: ", &self.0.help);
        }
        block
    }

    fn render_text(&self, name: &str, text: &str, span: Range<usize>, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let level = if self.0.kind == Kind::Warning { Level::WARNING } else { Level::ERROR };
        let snippet = Snippet::source(text)
            .path(name)
            .line_start(1)
            .annotation(AnnotationKind::Primary.span(within(text, span)));
        let mut group = level.primary_title(self.0.what.as_str()).element(snippet);
        for note in &self.0.notes {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        if !self.0.help.is_empty() {
            group = group.element(Level::HELP.message(self.0.help.as_str()));
        }
        let mut block = renderer.render(&[group]);
        block.push('\n');
        block
    }

    fn level(&self) -> &'static str {
        if self.0.kind == Kind::Warning { "warning" } else { "error" }
    }
}

/// A span that the text has, between characters.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.ceil_char_boundary(span.end).max(start)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn with_a_place_in_a_text() {
        let text: Rc<str> = "policies:\n  - name: größe\n    generation: 30\n".into();
        let start = text.find("generation").unwrap();
        let fault = Fault::new("unknown field `generation`", "write `generations`").within(
            "web.yaml",
            &text,
            start..start + "generation".len(),
        );
        assert_snapshot!(fault.render(false), @r"
        error: unknown field `generation`
         --> web.yaml:3:5
          |
        3 |     generation: 30
          |     ^^^^^^^^^^
          |
          = help: write `generations`
        ");
        assert_snapshot!(fault.warning().render(false).lines().next().unwrap(), @"warning: unknown field `generation`");
    }

    #[test]
    fn with_a_place_by_name_and_without() {
        let fault = Fault::new("there is no policy `wbe`", "`cpm policy list` shows the policies");
        assert_snapshot!(fault.render(false), @r"
        error: there is no policy `wbe`
          = help: `cpm policy list` shows the policies
        ");
        let fault = fault.at("GET https://abc/v1/policies/wbe").note("404 Not Found");
        assert_snapshot!(fault.render(false), @r"
        error: there is no policy `wbe`
          --> GET https://abc/v1/policies/wbe
          = note: 404 Not Found
          = help: `cpm policy list` shows the policies
        ");
        assert!(fault.render(true).starts_with("\x1b[1;31merror\x1b[0m: there"));
    }

    #[test]
    fn a_span_outside_of_the_text_is_no_panic() {
        let text: Rc<str> = "größe".into();
        for span in [3..4, 0..100, 50..60, 7..7, 3..3] {
            assert!(Fault::new("odd", "").within("f", &text, span).render(false).starts_with("error: odd"));
        }
    }
}
