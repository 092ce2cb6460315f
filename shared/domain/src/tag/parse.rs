//! Cuts a value into words and their parts. Takes any text: what the parts mean, and whether they may stand, is not
//! decided here.

use std::ops::Range;

use winnow::{
    LocatingSlice, Parser, Result,
    combinator::{eof, not, opt, preceded, repeat, terminated},
    error::EmptyError,
    token::{one_of, take_till, take_while},
};

type Input<'a> = LocatingSlice<&'a str>;

/// A stretch of the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
}

impl<'a> From<(&'a str, Range<usize>)> for Part<'a> {
    fn from((text, span): (&'a str, Range<usize>)) -> Self {
        Self { text, span }
    }
}

/// What stands between two blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// Up to the first `:`, `;` or `#`; may be empty.
    pub(super) policy: Part<'a>,
    /// The `:` or `;`, and what stands between it and the first `#`; may be empty, may hold more of both.
    pub(super) template: Option<(Part<'a>, Part<'a>)>,
    /// Each with its `#`.
    pub(super) options: Vec<Part<'a>>,
    /// From the first to the last character.
    pub(super) span: Range<usize>,
}

/// The words of a value. Any white space separates: a name can hold none, so that a tab or a line break that a script
/// let in leaves no doubt.
pub(super) fn words(value: &str) -> Vec<Word<'_>> {
    // Every character is a blank or part of a word, so that there is nothing to fail on; a property checks it.
    preceded(blanks, repeat(0.., terminated(word, blanks))).parse(Input::new(value)).unwrap_or_default()
}

fn blanks<'a>(input: &mut Input<'a>) -> Result<&'a str, EmptyError> {
    take_while(0.., char::is_whitespace).parse_next(input)
}

fn word<'a>(input: &mut Input<'a>) -> Result<Word<'a>, EmptyError> {
    preceded(not(eof), (policy, opt((separator, template)), repeat(0.., option)))
        .with_span()
        .map(|((policy, template, options), span)| Word { policy, template, options, span })
        .parse_next(input)
}

fn policy<'a>(input: &mut Input<'a>) -> Result<Part<'a>, EmptyError> {
    take_till(0.., |c: char| matches!(c, ':' | ';' | '#') || c.is_whitespace())
        .with_span()
        .output_into()
        .parse_next(input)
}

fn separator<'a>(input: &mut Input<'a>) -> Result<Part<'a>, EmptyError> {
    one_of([':', ';']).take().with_span().output_into().parse_next(input)
}

fn template<'a>(input: &mut Input<'a>) -> Result<Part<'a>, EmptyError> {
    take_till(0.., |c: char| c == '#' || c.is_whitespace()).with_span().output_into().parse_next(input)
}

fn option<'a>(input: &mut Input<'a>) -> Result<Part<'a>, EmptyError> {
    ('#', template).take().with_span().output_into().parse_next(input)
}
