use proptest::prelude::*;
use rstest::rstest;

use super::*;

const ADA: &str = "arn:aws:sts::111122223333:assumed-role/admin/ada";

fn waiting() -> Recovery {
    let recovery: Recovery = serde_json::from_value(serde_json::json!({
        "id": "r17", "backup": 17, "policy": "db", "account": "main", "region": "us-east-1",
        "state": "waiting-for-approval", "plan": {"backup": 17, "source": "orders", "rds": {}},
        "asked_by": ADA, "checked": "2026-01-01T00:00:00Z", "started": "2026-01-01T00:00:00Z", "version": 0
    }))
    .unwrap();
    let approval = Approval::asked(at(0), Secret::new([7; 32]));
    Recovery { approval: Some(approval), ..recovery }
}

fn at(seconds: i64) -> Timestamp {
    "2026-01-01T00:00:00.75Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn caller(arn: &str) -> Actor {
    Actor::Caller(arn.to_owned())
}

fn grace() -> Actor {
    caller("arn:aws:sts::111122223333:assumed-role/admin/grace")
}

fn answer(approved: bool) -> Answer {
    Answer { approved, by: "grace".to_owned(), at: at(60), reason: Some("as agreed".to_owned()) }
}

#[rstest]
#[case(ADA, "arn:aws:sts::111122223333:assumed-role/admin/ada", true)]
#[case(ADA, "arn:aws:sts::111122223333:assumed-role/admin/ADA", true)]
#[case(ADA, "arn:aws:sts::111122223333:assumed-role/admin/grace", false)]
#[case(ADA, "arn:aws:sts::111122223333:assumed-role/reader/ada", false)]
#[case(ADA, "arn:aws:sts::444455556666:assumed-role/admin/ada", false)]
#[case("arn:aws:iam::111122223333:user/ada", "arn:aws:iam::111122223333:user/team/ada", true)]
#[case("arn:aws:iam::111122223333:user/ada", "arn:aws:iam::111122223333:user/ada2", false)]
#[case("arn:aws:iam::111122223333:user/ada", "arn:aws:sts::111122223333:federated-user/ada", false)]
#[case("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:root", true)]
#[case("arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root", false)]
#[case("jo", "jo", true)]
#[case("jo", "Jo", true)]
#[case("jo", ADA, false)]
#[case("cpm drill", "cpm scenario", false)]
fn who_is_who(#[case] one: &str, #[case] other: &str, #[case] same: bool) {
    assert_eq!((is_same_person(one, other), is_same_person(other, one)), (same, same));
}

#[test]
fn who_may_answer_and_who_may_not() {
    let fresh = waiting();
    let refused = |recovery: &Recovery, who: &Actor, now| may_answer(recovery, who, now).unwrap_err();
    assert_eq!(may_answer(&fresh, &grace(), at(60)), Ok(()));
    assert_eq!(may_answer(&fresh, &Actor::Link("203.0.113.7".into()), at(60)), Ok(()));
    assert!(matches!(refused(&fresh, &caller(ADA), at(60)), Unfit::Own(..)));
    assert!(matches!(refused(&fresh, &Actor::Suite("drill".into()), at(60)), Unfit::Own(..)));
    assert!(matches!(refused(&fresh, &Actor::Tag("i-1".into()), at(60)), Unfit::Own(..)));
    assert!(matches!(refused(&Recovery { approval: None, ..fresh.clone() }, &grace(), at(60)), Unfit::NotAsked(_)));
    let over = Recovery { state: State::Failed, ..fresh.clone() };
    assert!(matches!(refused(&over, &grace(), at(60)), Unfit::Ended(..)));
    for approved in [true, false] {
        let mut answered = fresh.clone();
        answered.take_answer(answer(approved));
        let words = refused(&answered, &caller("arn:aws:iam::111122223333:user/joan"), at(70)).to_string();
        let said = if approved { "approved" } else { "refused" };
        assert_eq!(words, format!("recovery r17 was {said} already, by grace at 2026-01-01T00:01:00.75Z"));
    }
}

/// A day, to the second.
#[test]
fn it_waits_for_a_day() {
    let recovery = waiting();
    let expires = recovery.approval.as_ref().unwrap().expires;
    assert_eq!(expires.to_string(), "2026-01-02T00:00:00Z");
    let second = SignedDuration::from_secs(1);
    assert_eq!(may_answer(&recovery, &grace(), expires - second), Ok(()));
    assert_eq!(may_answer(&recovery, &grace(), expires), Err(Unfit::Expired(RecoveryId(17), expires)));
    let mut late = recovery.clone();
    assert!(!late.expire(expires - second) && late == recovery);
    assert!(late.expire(expires));
    assert_eq!((late.state, late.ended, late.errors[0].code.as_str()), (State::Failed, Some(expires), EXPIRED));
    assert!(!late.expire(expires), "once");
}

#[test]
fn a_yes_lets_it_go_on_and_a_no_ends_it() {
    let (mut yes, mut no) = (waiting(), waiting());
    yes.take_answer(answer(true));
    no.take_answer(answer(false));
    assert_eq!((yes.state, yes.ended, yes.errors.len()), (State::Running, None, 0));
    assert_eq!((no.state, no.ended, no.errors[0].code.as_str()), (State::Failed, Some(at(60)), REFUSED));
    assert_eq!(no.errors[0].message, "grace said no: as agreed");
    assert_eq!(yes.log[0].message, "approved by grace: as agreed");
    for mut answered in [yes, no] {
        assert!(!answered.expire(at(100_000)), "what was answered does not expire");
    }
}

#[rstest]
#[case(true, &Purpose::Manual, true)]
#[case(true, &Purpose::Scenario { run: "s1".into(), step: "db".into() }, true)]
#[case(true, &Purpose::Drill(3), false)]
#[case(false, &Purpose::Manual, false)]
fn what_needs_a_yes(#[case] approval: bool, #[case] purpose: &Purpose, #[case] needed: bool) {
    assert_eq!(is_needed(RecoveryRule { approval }, purpose), needed);
}

#[test]
fn a_link_reads_back_and_fits_its_recovery_alone() {
    let (recovery, owner) = (waiting(), OwnerName::root());
    let link = Link::new(&owner, &recovery).unwrap();
    assert_eq!(link.check(&recovery), Ok(()));
    let other = Recovery { id: RecoveryId(18), ..recovery.clone() };
    assert_eq!(link.check(&other), Err(BadLink));
    let mut renewed = recovery.clone();
    renewed.approval.as_mut().unwrap().secret = Secret::new([8; 32]);
    assert_eq!(link.check(&renewed), Err(BadLink));
    assert_eq!(link.check(&Recovery { approval: None, ..recovery }), Err(BadLink));
    assert_eq!((link.is_over(at(86_399)), link.is_over(at(86_400))), (false, true));
}

/// The signature is HMAC-SHA256 as others compute it: `printf … | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…`.
#[test]
fn the_address() {
    let link = Link::new(&OwnerName::root(), &waiting()).unwrap();
    insta::assert_snapshot!(link.url("https://cpm.example/approval"), @"https://cpm.example/approval?owner=root&recovery=r17&expires=1767312000&signature=376d63886bd139b55ee027f11c30d144508dd06cdac1c10fe3e0db2399e682bf");
}

#[test]
fn secrets_are_not_shown() {
    let recovery = waiting();
    let link = Link::new(&OwnerName::root(), &recovery).unwrap();
    let shown = format!("{recovery:?} {link:?}");
    assert!(!shown.contains("0707") && !shown.contains("7, 7") && !shown.contains(&link.signature), "{shown}");
    // It is kept, though: links are signed again when the message is repeated.
    let kept: Recovery = serde_json::from_value(serde_json::to_value(&recovery).unwrap()).unwrap();
    assert_eq!(kept, recovery);
    for bad in ["", "07", &"0g".repeat(32), &"00".repeat(33), &"é".repeat(32)] {
        assert!(Secret::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}

#[rstest]
#[case("", Ok(None))]
#[case("  as\n agreed\u{7} ", Ok(Some("as agreed")))]
#[case(&"x".repeat(500), Ok(Some("x")))]
#[case(&"x".repeat(501), Err(LongReason(501)))]
fn reasons(#[case] text: &str, #[case] expected: Result<Option<&str>, LongReason>) {
    let read = text.parse::<Reason>().map(Reason::into_words);
    match expected {
        Ok(Some("x")) => assert_eq!(read.unwrap().unwrap().len(), 500),
        Ok(words) => assert_eq!(read.unwrap().as_deref(), words),
        Err(error) => assert_eq!(read.unwrap_err(), error),
    }
}

proptest! {
    /// Whatever is altered in a link, it fits no more.
    #[test]
    fn an_altered_link_is_none(
        owner in "[a-z]{1,8}",
        number in 1u64..1000,
        shift in 1i64..100_000,
        at in 0usize..64,
        digit in 1u8..16,
    ) {
        let recovery = Recovery { id: RecoveryId(number), ..waiting() };
        let link = Link::new(&owner.parse().unwrap(), &recovery).unwrap();
        prop_assert_eq!(link.check(&recovery), Ok(()));
        let mut signature = link.signature.clone().into_bytes();
        let old = u8::from_str_radix(&link.signature[at..=at], 16).unwrap();
        signature[at] = b"0123456789abcdef"[usize::from((old + digit) % 16)];
        for altered in [
            Link { expires: link.expires + shift, ..link.clone() },
            Link { owner: format!("{owner}x").parse().unwrap(), ..link.clone() },
            Link { recovery: RecoveryId(number + 1), ..link.clone() },
            Link { signature: String::from_utf8(signature).unwrap(), ..link.clone() },
            Link { signature: link.signature[..at].to_owned(), ..link.clone() },
            Link { signature: String::new(), ..link.clone() },
        ] {
            prop_assert_eq!(altered.check(&recovery), Err(BadLink), "{}", altered.url(""));
            let other = Recovery { id: altered.recovery, ..recovery.clone() };
            prop_assert_eq!(altered.check(&other), Err(BadLink), "{}", altered.url(""));
        }
    }
}
