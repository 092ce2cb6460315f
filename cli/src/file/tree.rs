//! Where the values of a YAML text stand.

use std::{iter, ops::Range};

use serde_saphyr::granit_parser::{Event, Parser, ScanError, Span};

/// The nodes of a text with their places.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    root: Option<usize>,
}

#[derive(Debug)]
struct Node {
    span: Range<usize>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Scalar,
    /// The same as another node, under an anchor.
    Alias(usize),
    Sequence(Vec<usize>),
    Mapping(Vec<Entry>),
}

#[derive(Debug)]
struct Entry {
    key: String,
    key_span: Range<usize>,
    value: usize,
}

/// One step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl Tree {
    /// Reads the first document of a text. Fails when the text is no YAML, wherever that shows.
    pub(super) fn of(text: &str) -> Result<Self, ScanError> {
        let mut growing = Growing::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event?;
            growing.take(event, &span);
        }
        Ok(Self { nodes: growing.nodes, root: growing.root })
    }

    /// Whether there is nothing but comments in the text, or null.
    pub(super) fn is_empty(&self) -> bool {
        let root = self.root.and_then(|root| self.nodes.get(root));
        root.is_none_or(|root| matches!(root.content, Content::Scalar))
    }

    /// The place of what a path such as `policies[2].targets[0].volumes` names, or of the nearest thing around it that
    /// is there. A value that takes several lines is shown by its key.
    pub(super) fn locate(&self, text: &str, path: &str) -> Option<Range<usize>> {
        let mut node = self.root?;
        let mut place = self.nodes.get(node)?.span.clone();
        for step in steps(path) {
            let Some((next, key)) = self.child(node, &step, 0) else { break };
            node = next;
            place = self.nodes.get(node)?.span.clone();
            let lines = text.get(place.clone()).is_some_and(|value| value.trim_end().contains('\n'));
            if let (true, Some(key)) = (lines || place.is_empty(), key) {
                place = key;
            }
        }
        Some(first_line(text, place))
    }

    /// The place of what a path names, if it is there.
    pub(super) fn find(&self, text: &str, path: &str) -> Option<Range<usize>> {
        let mut node = self.root?;
        for step in steps(path) {
            (node, _) = self.child(node, &step, 0)?;
        }
        self.locate(text, path)
    }

    /// The place of the value that belongs to a key at a place.
    pub(super) fn value_of(&self, text: &str, key: &Range<usize>) -> Option<Range<usize>> {
        let entries = self.nodes.iter().filter_map(|node| match &node.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        });
        let entry = entries.flatten().find(|entry| entry.key_span == *key)?;
        Some(first_line(text, self.nodes.get(entry.value)?.span.clone()))
    }

    /// The node at a step from `node`, with the place of its key.
    fn child(&self, node: usize, step: &Step<'_>, depth: usize) -> Option<(usize, Option<Range<usize>>)> {
        // An alias may lead to what it stands in.
        if depth > MAX_DEPTH {
            return None;
        }
        match (&self.nodes.get(node)?.content, step) {
            (Content::Alias(target), step) => self.child(*target, step, depth + 1),
            (Content::Sequence(items), Step::Index(n)) => Some((*items.get(*n)?, None)),
            (Content::Mapping(entries), Step::Key(key)) => {
                if let Some(entry) = entries.iter().find(|entry| entry.key == *key) {
                    return Some((entry.value, Some(entry.key_span.clone())));
                }
                let merged = entries.iter().find(|entry| entry.key == "<<")?;
                self.child(merged.value, step, depth + 1)
            }
            _ => None,
        }
    }
}

const MAX_DEPTH: usize = 64;

/// What of a place stands on its first line, without what follows the value.
fn first_line(text: &str, place: Range<usize>) -> Range<usize> {
    let Some(shown) = text.get(place.clone()) else { return place };
    let line = shown.lines().next().unwrap_or_default().trim_end();
    place.start..place.start.saturating_add(line.len())
}

/// The steps of a path; what is no path ends it.
fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = path;
    iter::from_fn(move || {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inside) = rest.strip_prefix('[') {
            let (number, after) = inside.split_once(']')?;
            rest = after;
            return number.parse().ok().map(Step::Index);
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (key, after) = rest.split_at_checked(end)?;
        rest = after;
        (!key.is_empty()).then_some(Step::Key(key))
    })
}

/// A tree that is being read.
#[derive(Default)]
struct Growing {
    nodes: Vec<Node>,
    root: Option<usize>,
    /// The sequences and mappings that have begun and not ended.
    open: Vec<Open>,
    anchors: Vec<(usize, usize)>,
    finished: bool,
}

struct Open {
    node: usize,
    /// Of a mapping: the key that waits for its value.
    key: Option<(String, Range<usize>)>,
}

impl Growing {
    fn take(&mut self, event: Event<'_>, span: &Span) {
        let place = span.byte_range().unwrap_or_default();
        match event {
            _ if self.finished => {}
            Event::DocumentEnd => self.finished = true,
            Event::Scalar(value, _, anchor, _) => {
                let node = self.add(place, Content::Scalar, anchor);
                self.place(node, Some(value.into_owned()));
            }
            Event::Alias(anchor) => {
                let target = self.anchors.iter().rev().find(|(id, _)| *id == anchor).map(|(_, node)| *node);
                let node = self.add(place, target.map_or(Content::Scalar, Content::Alias), 0);
                self.place(node, None);
            }
            Event::SequenceStart(_, anchor, _) => self.begin(place, Content::Sequence(Vec::new()), anchor),
            Event::MappingStart(_, anchor, _) => self.begin(place, Content::Mapping(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(place.end),
            _ => {}
        }
    }

    fn add(&mut self, span: Range<usize>, content: Content, anchor: usize) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { span, content });
        if anchor > 0 {
            self.anchors.push((anchor, node));
        }
        node
    }

    fn begin(&mut self, span: Range<usize>, content: Content, anchor: usize) {
        let node = self.add(span, content, anchor);
        self.open.push(Open { node, key: None });
    }

    fn end(&mut self, at: usize) {
        let Some(Open { node, .. }) = self.open.pop() else { return };
        if let Some(node) = self.nodes.get_mut(node) {
            node.span.end = at.max(node.span.start);
        }
        self.place(node, None);
    }

    /// Puts a node that is complete where it belongs.
    fn place(&mut self, node: usize, word: Option<String>) {
        let span = self.nodes.get(node).map(|node| node.span.clone()).unwrap_or_default();
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match self.nodes.get_mut(open.node).map(|node| &mut node.content) {
            Some(Content::Sequence(items)) => items.push(node),
            Some(Content::Mapping(entries)) => match open.key.take() {
                Some((key, key_span)) => entries.push(Entry { key, key_span, value: node }),
                None => open.key = Some((word.unwrap_or_default(), span)),
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const TEXT: &str = "\
# policies
accounts:
  - &main {name: main, role: own}
policies:
  - name: web
    generations: 30   # a month
    targets:
      - {instance: i-0, region: eu-west-1, volumes: {exclude: [vol-0, vol-1]}}
      - volume: vol-2
        region: eu-west-1
    retry:
      count: 3
  - {<<: *main, name: db, größe: \"viel zu groß\"}
  - *main
empty:
";

    #[rstest]
    #[case("policies[0].name", "web")]
    #[case("policies[0].generations", "30")]
    #[case("policies[0].targets[0].volumes.exclude[1]", "vol-1")]
    #[case("policies[0].targets[0].volumes", "{exclude: [vol-0, vol-1]}")]
    #[case("policies[0].targets[1].region", "eu-west-1")]
    #[case("policies[1].größe", "\"viel zu groß\"")]
    // What takes several lines is shown by its key, or by its first line.
    #[case("policies[0].targets", "targets")]
    #[case("policies[0].retry", "count: 3")]
    #[case("policies[0]", "name: web")]
    #[case("policies", "policies")]
    // What is not there is shown by what is around it.
    #[case("policies[0].account", "name: web")]
    #[case("policies[0].targets[1].option", "volume: vol-2")]
    #[case("policies[7].name", "policies")]
    #[case("", "accounts:")]
    #[case("empty", "empty")]
    // Aliases and merged keys lead to what they stand for.
    #[case("policies[2].role", "own")]
    #[case("policies[1].role", "own")]
    #[case("policies[2].nothing", "*main")]
    // No paths.
    #[case("policies[x].name", "policies")]
    #[case("policies[0", "policies")]
    fn locates(#[case] path: &str, #[case] shown: &str) {
        let place = Tree::of(TEXT).unwrap().locate(TEXT, path).unwrap();
        assert_eq!(&TEXT[place], shown);
    }

    #[rstest]
    #[case("policies[0].targets[1].region", true)]
    #[case("policies[1].role", true)]
    #[case("policies[0].targets[1].option", false)]
    #[case("policies[7]", false)]
    fn finds_what_is_there(#[case] path: &str, #[case] there: bool) {
        let tree = Tree::of(TEXT).unwrap();
        assert_eq!(tree.find(TEXT, path), tree.locate(TEXT, path).filter(|_| there));
    }

    #[test]
    fn of_nothing_there_is_no_place() {
        assert_eq!(Tree::of("").unwrap().locate("", "policies[0]"), None);
    }

    #[test]
    fn an_alias_of_itself_ends() {
        let text = "a: &a\n  <<: *a\n";
        assert!(Tree::of(text).unwrap().locate(text, "a.b.c").is_some());
    }
}
