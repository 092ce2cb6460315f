//! The reference page says what the code does.

use crate::kind::Kind;
use crate::{
    name::MAX_LEN,
    tag::{BackupOption, ErrorCode, NO_BACKUP, TAG_KEY, parse},
};

const PAGE: &str = include_str!("../../../../../docs/reference/tag.md");

/// The cells of the table below a heading, without its first two lines.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    PAGE.lines()
        .skip_while(|line| *line != format!("## {heading}"))
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect()
}

#[test]
fn lists_every_option_and_no_other() {
    let options: Vec<_> = table("Options").iter().map(|row| row[0]).collect();
    assert_eq!(options, BackupOption::ALL.map(|option| format!("#{option}")));
}

#[test]
fn lists_every_code_and_no_other() {
    let codes: Vec<_> = table("Errors").iter().map(|row| row[0]).collect();
    assert_eq!(codes, ErrorCode::ALL.map(ErrorCode::as_str));
}

#[test]
fn every_wrong_example_gives_its_code() {
    for row in table("Errors") {
        let value = if row[1] == "(nothing)" { "" } else { row[1] };
        let kind = if row[0] == "option-needs-instance" { Kind::Volume } else { Kind::Instance };
        let codes: Vec<_> = parse(value, kind).errors.iter().map(|error| error.code.as_str()).collect();
        assert_eq!(codes, [row[0]], "{value}");
    }
}

#[test]
fn every_good_example_is_read() {
    let examples = table("Examples");
    assert!(examples.len() >= 5);
    for row in examples {
        assert!(parse(row[0], Kind::Instance).errors.is_empty(), "{}", row[0]);
    }
}

#[test]
fn names_the_key_the_word_the_limit_and_the_kinds() {
    for text in [TAG_KEY, NO_BACKUP] {
        assert!(PAGE.contains(&format!("`{text}`")), "{text}");
    }
    assert!(PAGE.contains(&format!("1 to {MAX_LEN} characters")));
    for kind in Kind::ALL {
        assert!(PAGE.contains(&format!("`{kind}`")), "{kind}");
    }
}
