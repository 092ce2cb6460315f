//! A second person's yes, on the day that things break.

use cpm_app::{
    Error,
    recovery::approval::Approvals,
    stream::{Change, Item, Notifier, Record},
};
use cpm_contracts::api::AnswerRequest;
use cpm_domain::{
    audit::Actor,
    aws::{AwsError, Refusal},
    recovery::{
        Recovery, RecoveryId, State,
        approval::{EXPIRED, Link, REFUSED, WAITS_FOR},
    },
};
use cpm_fakes::{DEPLOYMENT, Estate, Fate, OWN_ACCOUNT, at_each_call, at_once, sample};
use cpm_ports::{AuditTrail, Clock, Recoveries};
use jiff::SignedDuration;
use rstest::rstest;

const ADA: &str = "arn:aws:sts::111111111111:assumed-role/admin/ada";
const GRACE: &str = "arn:aws:sts::111111111111:assumed-role/admin/grace";
const JOAN: &str = "arn:aws:iam::111111111111:user/joan";
const R17: RecoveryId = RecoveryId(17);

const YES: &str = r#"{"approved":true}"#;
const NO: &str = r#"{"approved":false}"#;

fn estate() -> Estate {
    let estate = Estate::new();
    at_once(estate.beside().store.put_recovery(&sample::root(), &sample::waiting(17))).unwrap();
    estate
}

/// A recovery whose execution waits with a token, for a minute by now.
fn asked() -> Estate {
    let estate = estate();
    leave(&estate, "token");
    estate.clock.advance(SignedDuration::from_mins(1));
    estate
}

/// The state machine waits with a token, and its step leaves it.
fn leave(estate: &Estate, token: &str) {
    estate.executions.wait_with(token);
    at_once(approvals(&estate.beside()).ask(&sample::root(), R17, token)).unwrap();
}

fn approvals(estate: &Estate) -> Approvals<'_> {
    let Estate { store, executions, clock, .. } = estate;
    Approvals { store, executions, clock }
}

fn request(approved: bool) -> AnswerRequest {
    AnswerRequest { approved, reason: Some("as agreed".to_owned()) }
}

async fn say(estate: &Estate, who: &str, approved: bool) -> cpm_app::Result<Recovery> {
    let who = Actor::Caller(who.to_owned());
    approvals(estate).answer(&sample::root(), R17, &who, &request(approved)).await
}

fn read(estate: &Estate) -> Recovery {
    at_once(estate.beside().store.recovery(&sample::root(), R17)).unwrap().unwrap()
}

fn link(estate: &Estate) -> Link {
    Link::new(&sample::root(), &read(estate)).unwrap()
}

fn click(estate: &Estate, link: &Link, approved: bool) -> cpm_app::Result<Recovery> {
    at_once(approvals(estate).answer_by_link(link, "203.0.113.7", &request(approved)))
}

/// What the trail has, oldest first.
fn trail(estate: &Estate) -> Vec<String> {
    let events = at_once(estate.beside().store.events(&sample::root(), None, 100)).unwrap();
    let of_recoveries = events.into_iter().filter(|event| event.action.starts_with("recovery."));
    of_recoveries.rev().map(|event| format!("{} {} by {}", event.action, event.subject, event.actor)).collect()
}

fn conflict(outcome: cpm_app::Result<Recovery>) -> String {
    match outcome {
        Err(Error::Conflict { message, .. }) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_yes_wakes_who_waits() {
    let estate = asked();
    let recovery = at_once(say(&estate, GRACE, true)).unwrap();
    assert_eq!((recovery.state, recovery.clone()), (State::Running, read(&estate)));
    assert_eq!((estate.executions.woken(), estate.executions.outputs()), (vec!["token".into()], vec![YES.into()]));
    let answer = recovery.approval.unwrap().answer.unwrap();
    assert_eq!((answer.by.as_str(), answer.reason.as_deref()), (GRACE, Some("as agreed")));
    assert_eq!(trail(&estate), ["recovery.ask r17 by cpm recovery", &format!("recovery.approve r17 by {GRACE}")]);
}

#[test]
fn a_no_ends_it() {
    let estate = asked();
    let recovery = at_once(say(&estate, GRACE, false)).unwrap();
    assert_eq!((recovery.state, recovery.ended), (State::Failed, Some(estate.clock.now())));
    assert_eq!((recovery.errors[0].code.as_str(), estate.executions.outputs()), (REFUSED, vec![NO.into()]));
    assert_eq!(trail(&estate)[1], format!("recovery.refuse r17 by {GRACE}"));
}

/// Whatever path or case the asker comes in.
#[rstest]
#[case(ADA)]
#[case("arn:aws:sts::111111111111:assumed-role/admin/Ada")]
fn who_asks_does_not_answer(#[case] who: &str, #[values(true, false)] approved: bool) {
    let estate = asked();
    let message = conflict(at_once(say(&estate, who, approved)));
    assert!(message.contains("asked for recovery r17"), "{message}");
    assert_eq!((read(&estate).state, estate.executions.woken()), (State::WaitingForApproval, vec![]));
    assert_eq!(trail(&estate)[1], format!("recovery.answer-refused r17 by {who}"));
}

#[test]
fn the_second_is_told_what_the_first_said() {
    let estate = asked();
    at_once(say(&estate, GRACE, false)).unwrap();
    estate.clock.advance(SignedDuration::from_secs(1));
    let message = conflict(at_once(say(&estate, JOAN, true)));
    assert_eq!(message, format!("recovery r17 was refused already, by {GRACE} at 2026-01-01T00:01:00Z"));
    assert_eq!(read(&estate).state, State::Failed);
    assert_eq!(estate.executions.outputs(), [NO]);
    assert_eq!(trail(&estate)[2], format!("recovery.answer-refused r17 by {JOAN}"));
}

/// Joan's no comes between Grace's look and her write.
#[test]
fn of_two_at_once_one_wins() {
    let estate = asked();
    let beside = estate.beside();
    estate.faults.meanwhile("store:put_recovery", move || {
        at_once(say(&beside, JOAN, false)).unwrap();
    });
    let message = conflict(at_once(say(&estate, GRACE, true)));
    assert!(message.starts_with(&format!("recovery r17 was refused already, by {JOAN}")), "{message}");
    assert_eq!(estate.executions.outputs(), [NO]);
    assert_eq!(read(&estate).approval.unwrap().answer.unwrap().by, JOAN);
    assert!(!trail(&estate).contains(&format!("recovery.approve r17 by {GRACE}")), "the trail has no yes");
}

/// Said twice by one person, as a command that is run again says it.
#[test]
fn the_same_again_is_as_it_was() {
    let estate = asked();
    let first = at_once(say(&estate, GRACE, true)).unwrap();
    estate.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(at_once(say(&estate, GRACE, true)).unwrap(), first);
    assert_eq!((trail(&estate).len(), estate.executions.outputs()), (2, vec![YES.into()]));
    assert!(conflict(at_once(say(&estate, GRACE, false))).contains("approved already"));
}

#[test]
fn an_answer_that_comes_before_the_token_goes_on_at_once() {
    for (approved, output) in [(true, YES), (false, NO)] {
        let estate = estate();
        at_once(say(&estate, GRACE, approved)).unwrap();
        assert_eq!(estate.executions.woken(), Vec::<String>::new());
        leave(&estate, "token");
        assert_eq!(estate.executions.outputs(), [output]);
    }
}

/// The answer comes between the look of the step and its write of the token.
#[test]
fn an_answer_that_comes_while_the_token_is_left_is_heard() {
    let estate = estate();
    estate.executions.wait_with("token");
    let beside = estate.beside();
    estate.faults.meanwhile("store:put_recovery", move || {
        at_once(say(&beside, GRACE, true)).unwrap();
    });
    at_once(approvals(&estate).ask(&sample::root(), R17, "token")).unwrap();
    assert_eq!(estate.executions.outputs(), [YES]);
}

fn unanswered() -> AwsError {
    let (action, code) = ("states:SendTaskSuccess".to_owned(), "Timeout".to_owned());
    AwsError { refusal: Refusal::Unknown, action, code, message: String::new() }
}

/// Whoever answers again, or the step that is asked again, makes up for it.
#[test]
fn a_wake_up_that_is_lost_is_made_up_for() {
    let lost = || {
        let estate = asked();
        estate.faults.refuse_next("states:SendTaskSuccess", 1, &unanswered());
        at_once(say(&estate, GRACE, true)).unwrap_err();
        assert_eq!((read(&estate).state, estate.executions.woken()), (State::Running, vec![]));
        estate
    };
    let estate = lost();
    at_once(say(&estate, GRACE, true)).unwrap();
    assert_eq!(estate.executions.outputs(), [YES]);
    let estate = lost();
    conflict(at_once(say(&estate, JOAN, false)));
    assert_eq!(estate.executions.outputs(), [YES], "by what was said first");
    let estate = asked();
    let link = link(&estate);
    estate.faults.refuse_next("states:SendTaskSuccess", 1, &unanswered());
    click(&estate, &link, true).unwrap_err();
    conflict(click(&estate, &link, true));
    assert_eq!(estate.executions.outputs(), [YES], "by a link that is used up");
    let estate = lost();
    estate.executions.time_out("token");
    leave(&estate, "another");
    assert_eq!((estate.executions.woken(), estate.executions.outputs()), (vec!["another".into()], vec![YES.into()]));
}

#[test]
fn a_link_is_good_for_one_answer() {
    let estate = asked();
    let link = link(&estate);
    assert_eq!(at_once(approvals(&estate).look(&link)).unwrap(), read(&estate));
    let before = (read(&estate), estate.store.writes());
    at_once(approvals(&estate).look(&link)).unwrap();
    assert_eq!((read(&estate), estate.store.writes()), before, "who opens a link changes nothing");
    let recovery = click(&estate, &link, true).unwrap();
    assert_eq!((recovery.state, estate.executions.outputs()), (State::Running, vec![YES.into()]));
    assert_eq!(recovery.approval.unwrap().answer.unwrap().by, "link from 203.0.113.7");
    assert_eq!(trail(&estate)[1], "recovery.approve r17 by link from 203.0.113.7");
    for again in [true, false] {
        assert!(conflict(click(&estate, &link, again)).contains("was approved already, by link from 203.0.113.7"));
    }
    assert!(conflict(at_once(approvals(&estate).look(&link))).contains("was approved already"));
    assert_eq!(estate.executions.outputs(), [YES]);
}

#[test]
fn an_altered_link_is_none() {
    let estate = asked();
    let good = link(&estate);
    for bad in [
        Link { expires: good.expires + 3600, ..good.clone() },
        Link { recovery: RecoveryId(18), ..good.clone() },
        Link { owner: "other".parse().unwrap(), ..good.clone() },
        Link { signature: good.signature.replace(['1', '2', '3'], "4"), ..good.clone() },
        Link { signature: String::new(), ..good.clone() },
    ] {
        let told = |outcome: cpm_app::Result<Recovery>| match outcome.unwrap_err() {
            Error::BadInput { message, .. } => message,
            other => panic!("{other:?}"),
        };
        // Who has no right link does not even learn whether there is such a recovery.
        let words = "this link was not sent by the suite, or it was altered on its way";
        assert_eq!((told(click(&estate, &bad, true)).as_str()), words);
        assert_eq!((told(at_once(approvals(&estate).look(&bad))).as_str()), words);
    }
    assert_eq!((read(&estate).state, estate.executions.woken()), (State::WaitingForApproval, vec![]));
    let refused = "recovery.answer-refused r17 by link from 203.0.113.7".to_owned();
    assert!(trail(&estate).contains(&refused), "{:?}", trail(&estate));
    // Nobody waits any more: what is guessed then is written down nowhere.
    at_once(say(&estate, GRACE, true)).unwrap();
    let before = trail(&estate);
    click(&estate, &Link { signature: String::new(), ..good }, true).unwrap_err();
    assert_eq!(trail(&estate), before);
}

#[test]
fn a_link_that_is_over_says_so() {
    let estate = asked();
    let link = link(&estate);
    estate.clock.advance(WAITS_FOR);
    for outcome in [click(&estate, &link, true), at_once(approvals(&estate).look(&link))] {
        let message = conflict(outcome);
        assert_eq!(message, "recovery r17 could be answered until 2026-01-02T00:00:00Z: it is too late");
    }
    assert!(conflict(at_once(say(&estate, GRACE, true))).contains("it is too late"));
    assert_eq!(estate.executions.woken(), Vec::<String>::new());
}

#[test]
fn nobody_answers_for_a_day() {
    let estate = asked();
    estate.clock.set(sample::start() + WAITS_FOR - SignedDuration::from_secs(1));
    assert_eq!(at_once(approvals(&estate).expire(&sample::root(), R17)).unwrap().state, State::WaitingForApproval);
    estate.clock.advance(SignedDuration::from_secs(1));
    let recovery = at_once(approvals(&estate).expire(&sample::root(), R17)).unwrap();
    assert_eq!((recovery.state, recovery.errors[0].code.as_str()), (State::Failed, EXPIRED));
    assert_eq!(trail(&estate)[1], "recovery.expire r17 by cpm recovery");
    // Once is enough.
    assert_eq!(at_once(approvals(&estate).expire(&sample::root(), R17)).unwrap(), recovery);
    assert_eq!(trail(&estate).len(), 2);
    // A step that asks too late does not wait.
    leave(&estate, "another");
    assert_eq!(estate.executions.outputs(), [NO]);
}

#[test]
fn a_step_that_asks_too_late_does_not_wait() {
    let estate = estate();
    estate.clock.advance(WAITS_FOR);
    leave(&estate, "token");
    assert_eq!((read(&estate).state, estate.executions.outputs()), (State::Failed, vec![NO.into()]));
    assert!(trail(&estate).contains(&"recovery.expire r17 by cpm recovery".to_owned()));
}

/// Whatever call dies or is not answered: said again, there is one answer, on record and in the trail, and who waits is
/// awake.
#[rstest]
#[tokio::test]
async fn an_answer_survives_every_fault(
    #[values(Fate::Killed, Fate::Unanswered)] fate: Fate,
    #[values(true, false)] approved: bool,
) {
    let calls = at_each_call(
        fate,
        async || asked(),
        async |estate: &Estate| drop(say(estate, GRACE, approved).await),
        async |estate: &Estate, crash| {
            say(estate, GRACE, approved).await.unwrap();
            let recovery = read(estate);
            assert_eq!(recovery.approval.unwrap().answer.unwrap().approved, approved, "{crash}");
            assert_eq!(estate.executions.outputs(), [if approved { YES } else { NO }], "{crash}");
            assert_eq!(recovery.log.len(), 1, "{crash}");
            let word = if approved { "approve" } else { "refuse" };
            let said = format!("recovery.{word} r17 by {GRACE}");
            assert_eq!(trail(estate).iter().filter(|line| **line == said).count(), 1, "{crash}");
        },
    )
    .await;
    assert_eq!(calls, 4, "read, write, record, wake");
}

/// The step is repeated by the state machine, with the same token or another.
#[rstest]
#[tokio::test]
async fn the_step_survives_every_fault(
    #[values(Fate::Killed, Fate::Unanswered)] fate: Fate,
    #[values("token", "another")] token: &str,
    #[values(true, false)] late: bool,
) {
    at_each_call(
        fate,
        async || {
            let estate = estate();
            estate.executions.wait_with("token");
            if late {
                estate.clock.advance(WAITS_FOR);
            }
            estate
        },
        async |estate: &Estate| drop(approvals(estate).ask(&sample::root(), R17, "token").await),
        async |estate: &Estate, crash| {
            if token != "token" {
                estate.executions.wait_with(token);
            }
            approvals(estate).ask(&sample::root(), R17, token).await.unwrap();
            assert_eq!(trail(estate).iter().filter(|line| line.starts_with("recovery.ask")).count(), 1, "{crash}");
            if late {
                assert!(estate.executions.outputs().contains(&NO.to_owned()), "{crash}");
                let expired = |line: &&String| line.starts_with("recovery.expire");
                assert_eq!((read(estate).state, trail(estate).iter().filter(expired).count()), (State::Failed, 1));
            } else {
                say(estate, GRACE, true).await.unwrap();
                assert_eq!(estate.executions.woken(), [token], "{crash}");
            }
        },
    )
    .await;
}

fn change(before: Option<Recovery>, after: Recovery) -> Record {
    let (before, after) = (before.map(Box::new), Some(Box::new(after)));
    Record { owner: sample::root(), item: Item::Recovery(Change { before, after, time: sample::start() }) }
}

fn tell(estate: &Estate, records: &[Record], page: Option<&str>) {
    let account = OWN_ACCOUNT.parse().unwrap();
    let Estate { publisher, bus, .. } = estate;
    let notifier = Notifier { publisher, bus, deployment: DEPLOYMENT, account: &account, approvals: page };
    at_once(notifier.tell(records)).unwrap();
}

/// People are told once that it waits, with a link that works, and once what became of it; machines of each state.
#[test]
fn what_is_told() {
    let estate = asked();
    let (before, waiting) = (sample::waiting(17), read(&estate));
    at_once(say(&estate, GRACE, true)).unwrap();
    let answered = read(&estate);
    let records = [
        change(None, before.clone()),
        change(Some(before), waiting.clone()),
        change(Some(waiting.clone()), answered.clone()),
        change(Some(answered.clone()), Recovery { state: State::Succeeded, ..answered }),
    ];
    tell(&estate, &records, Some("https://cpm.example/approval"));
    let told = estate.publisher.published();
    let subjects: Vec<&str> = told.iter().map(|message| message.subject.as_str()).collect();
    insta::assert_debug_snapshot!(subjects, @r#"
    [
        "[cpm approval] Recovery r17 of orders (rds) waits for your yes or no",
        "[cpm resolved] Recovery r17 of orders (rds) was approved",
    ]
    "#);
    let signed = link_of(&waiting).url("https://cpm.example/approval");
    assert!(told[0].email.contains(&format!("\n{signed}\n")), "{}", told[0].email);
    let states: Vec<State> = estate.bus.taken_of_recoveries().iter().map(|event| event.state).collect();
    assert_eq!(states, [State::WaitingForApproval, State::Running, State::Succeeded]);
    assert!(estate.bus.taken().is_empty());
}

fn link_of(recovery: &Recovery) -> Link {
    Link::new(&sample::root(), recovery).unwrap()
}

#[test]
fn without_a_page_no_link_is_sent() {
    let estate = estate();
    tell(&estate, &[change(None, read(&estate))], None);
    let told = estate.publisher.published();
    assert!(!told[0].email.contains("signature="), "{}", told[0].email);
    // One that nobody has to say yes to is nobody's mail.
    let running = Recovery { approval: None, state: State::Running, ..read(&estate) };
    tell(&estate, &[change(None, running.clone()), change(Some(running.clone()), running)], None);
    assert_eq!(estate.publisher.published().len(), 1);
}
