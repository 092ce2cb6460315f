use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::{
    backup::Trigger,
    policy::{RetryRule, SuccessRule},
    status::{Status, Tally},
};

#[rstest]
#[case("a")]
#[case("7")]
#[case("Before the upgrade to 12.4")]
#[case("web_2026-03-01, 02:00 (good)")]
#[case("Vor dem großen Umbau")]
#[case("移行前")]
#[case(&"é".repeat(64))]
fn names(#[case] text: &str) {
    assert_eq!(text.parse::<FreezerName>().unwrap().as_str(), text);
}

#[rstest]
#[case("", TextError::Empty)]
#[case("   ", TextError::Empty)]
#[case(&"é".repeat(65), TextError::TooLong { length: 65, most: 64 })]
#[case("a/b", TextError::BadCharacter { name: "a/b".into(), character: '/' })]
#[case("100%", TextError::BadCharacter { name: "100%".into(), character: '%' })]
#[case("a#1", TextError::BadCharacter { name: "a#1".into(), character: '#' })]
#[case("why?", TextError::BadCharacter { name: "why?".into(), character: '?' })]
#[case("a\tb", TextError::BadCharacter { name: "a\tb".into(), character: '\t' })]
// An e and an accent of its own look like é, and would be another name.
#[case("e\u{301}", TextError::BadCharacter { name: "e\u{301}".into(), character: '\u{301}' })]
#[case("a ", TextError::BadSpace("a ".into()))]
#[case("a  b", TextError::BadSpace("a  b".into()))]
#[case(" a", TextError::BadStart(" a".into()))]
#[case("..", TextError::BadStart("..".into()))]
#[case("-yes", TextError::BadStart("-yes".into()))]
fn no_names(#[case] text: &str, #[case] error: TextError) {
    assert_eq!(text.parse::<FreezerName>(), Err(error));
}

#[rstest]
#[case("Good", "gOOD", true)]
#[case("größer", "GRÖSSER", true)]
#[case("ΟΔΟΣ", "οδος", true)]
#[case("Good", "Goods", false)]
#[case("ä", "a", false)]
fn case_makes_no_difference(#[case] one: &str, #[case] other: &str, #[case] same: bool) {
    let key = |name: &str| name.parse::<FreezerName>().unwrap().key();
    assert_eq!(key(one) == key(other), same);
}

#[rstest]
#[case("because", Ok(()))]
#[case("two\nlines: 100% & more", Ok(()))]
#[case(&"é".repeat(1_000), Ok(()))]
#[case(&"é".repeat(1_001), Err(TextError::TooLong { length: 1_001, most: 1_000 }))]
#[case("\n", Err(TextError::Empty))]
#[case("a\u{7}", Err(TextError::Control))]
fn descriptions(#[case] text: &str, #[case] expected: Result<(), TextError>) {
    assert_eq!(text.parse::<Description>().map(|_| ()), expected);
}

#[test]
fn reads_back_from_json_only_when_valid() {
    assert!(serde_json::from_str::<FreezerName>("\"a/b\"").is_err());
    assert!(serde_json::from_str::<Description>("\"\"").is_err());
    let json = r#"{"name":"Good","description":null,"time":"2026-03-01T00:00:00Z"}"#;
    let frozen: Frozen = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&frozen).unwrap(), json);
}

fn frozen(name: &str, description: Option<&str>) -> Frozen {
    Frozen {
        name: name.parse().unwrap(),
        description: description.map(|text| text.parse().unwrap()),
        time: Timestamp::UNIX_EPOCH,
    }
}

#[rstest]
#[case("", true)]
#[case("  ", true)]
#[case("before", true)]
#[case("BEFORE upg", true)]
#[case("good before", true)]
#[case("straße", true)]
#[case("STRASSE", true)]
#[case("before after", false)]
// Each word is found in one of the two, not across their border.
#[case("124the", false)]
fn searched_by_words(#[case] words: &str, #[case] found: bool) {
    let frozen = frozen("Before Upgrade 124", Some("The last good one, Straße 7"));
    assert_eq!(frozen.has_words(words), found);
}

fn backup(phase: Phase, frozen: Option<Frozen>) -> Backup {
    Backup {
        id: BackupId(17),
        policy: "web".parse().unwrap(),
        account: "main".parse().unwrap(),
        phase,
        status: Status::Successful,
        counts: true,
        trigger: Trigger::Manual,
        attempt: 0,
        slot: None,
        started: Timestamp::UNIX_EPOCH,
        ended: None,
        frozen_ms: None,
        runs: 0,
        late: 0,
        max_frozen: None,
        frozen,
        success: SuccessRule::NoIssues,
        retry: RetryRule::default(),
        sets: 0,
        tally: Tally::default(),
        execution: "x".into(),
        wake: None,
        log: vec![],
    }
}

#[rstest]
#[case(Phase::Planned, None, Err(Unfit::Running(BackupId(17))))]
#[case(Phase::Asked, None, Err(Unfit::Running(BackupId(17))))]
#[case(Phase::Finished, None, Ok(()))]
#[case(Phase::Finished, Some("Good"), Err(Unfit::Frozen(BackupId(17), "Good".parse().unwrap())))]
#[case(Phase::Deleting, None, Err(Unfit::Deleting(BackupId(17))))]
#[case(Phase::Deleted, None, Err(Unfit::Deleted(BackupId(17))))]
fn what_can_be_frozen(#[case] phase: Phase, #[case] name: Option<&str>, #[case] expected: Result<(), Unfit>) {
    let found = fit(&backup(phase, name.map(|name| frozen(name, None))));
    if let Err(unfit) = &found {
        assert!(unfit.to_string().contains("17") && !unfit.advice().is_empty());
    }
    assert_eq!(found, expected);
}

proptest! {
    #[test]
    fn a_name_is_found_by_its_own_words(name in "[a-zA-Z0-9éß][a-zA-Z0-9éß_.,:+()-]{0,20}( [a-zA-Z0-9é(]{1,9}){0,3}") {
        let frozen = frozen(&name, None);
        prop_assert!(frozen.has_words(&name));
        prop_assert!(frozen.has_words(&frozen.name.key()));
        let again: FreezerName = frozen.name.key().parse().unwrap();
        prop_assert_eq!(again.key(), frozen.name.key());
    }
}
