use proptest::prelude::*;

use super::*;
use crate::{
    name::OwnerName,
    recovery::{Answer, Approval, approval::Secret},
};

fn waiting() -> Recovery {
    let recovery: Recovery = serde_json::from_value(serde_json::json!({
        "id": "r17", "backup": 17, "policy": "db", "account": "main", "region": "us-east-1",
        "state": "waiting-for-approval", "plan": {"backup": 17, "source": "orders", "rds": {}},
        "asked_by": "arn:aws:sts::123456789012:assumed-role/admin/ada", "checked": "2026-11-21T02:00:00Z",
        "started": "2026-11-21T02:00:00Z", "version": 0
    }))
    .unwrap();
    let approval = Approval::asked(recovery.started, Secret::new([7; 32]));
    Recovery { approval: Some(approval), ..recovery }
}

fn told(tell: impl Fn(&Sender<'_>, Timestamp) -> Message) -> Message {
    let (account, owner) = ("123456789012".parse().unwrap(), OwnerName::root());
    let sender = Sender { deployment: "cpm", account: &account, owner: &owner };
    tell(&sender, "2026-11-21T02:00:01Z".parse().unwrap())
}

fn ask(recovery: &Recovery, link: Option<&str>) -> Message {
    told(|sender, time| Message::asked(sender, recovery, link, time))
}

#[test]
fn one_that_waits() {
    let message = ask(&waiting(), Some("https://cpm.example/approval?owner=root&recovery=r17&signature=5e"));
    insta::assert_snapshot!(message.subject, @"[cpm approval] Recovery r17 of orders (rds) waits for your yes or no");
    insta::assert_snapshot!(message.email, @"
    Recovery r17 of orders (rds) waits for your yes or no

    arn:aws:sts::123456789012:assumed-role/admin/ada wants to recover orders (rds) of backup 17 (policy db) into account main, us-east-1.
    Somebody else has to say yes first. Nothing is made before that.

    Asked:      2026-11-21T02:00:00Z
    Until:      2026-11-22T02:00:00Z

    See it:     cpm recover show r17
    Say yes:    cpm recover approve r17
    Say no:     cpm recover refuse r17

    Or open this link, which asks once more before anything happens. It is good for one answer, by whoever has it: do not pass it on.
    https://cpm.example/approval?owner=root&recovery=r17&signature=5e

    Owner:      root
    Deployment: cpm in account 123456789012
    ");
    insta::assert_debug_snapshot!(message.attributes);
    insta::assert_json_snapshot!(message.body);
    // The link is for people who read e-mails: no machine is to follow it, no text message has room for it.
    let body = serde_json::to_string(&message.body).unwrap();
    assert!(!body.contains("https://") && !message.sms.contains("https://"));
}

#[test]
fn without_a_page_no_link() {
    let message = ask(&waiting(), None);
    assert!(
        !message.email.contains("link") && message.email.contains("cpm recover approve r17"),
        "{}",
        message.email
    );
}

#[test]
fn what_became_of_it() {
    let answer = |approved| {
        let mut recovery = waiting();
        let (by, at) = ("arn:aws:iam::123456789012:user/grace".to_owned(), "2026-11-21T03:00:00Z".parse().unwrap());
        recovery.take_answer(Answer { approved, by, at, reason: Some("as agreed".into()) });
        told(|sender, time| Message::answered(sender, &recovery, time))
    };
    let mut late = waiting();
    late.expire("2026-11-22T02:00:00Z".parse().unwrap());
    let late = told(|sender, time| Message::answered(sender, &late, time));
    let over = told(|sender, time| Message::answered(sender, &waiting(), time));
    let texts: Vec<String> = [answer(true), answer(false), late, over]
        .map(|message| format!("{}\n{}", message.subject, message.email))
        .into();
    insta::assert_snapshot!(texts.join("\n---\n"), @"
    [cpm resolved] Recovery r17 of orders (rds) was approved
    Recovery r17 of orders (rds) was approved

    It was approved by arn:aws:iam::123456789012:user/grace at 2026-11-21T03:00:00Z: as agreed.

    See it:     cpm recover show r17

    Owner:      root
    Deployment: cpm in account 123456789012

    ---
    [cpm resolved] Recovery r17 of orders (rds) was refused
    Recovery r17 of orders (rds) was refused

    It was refused by arn:aws:iam::123456789012:user/grace at 2026-11-21T03:00:00Z: as agreed.

    See it:     cpm recover show r17

    Owner:      root
    Deployment: cpm in account 123456789012

    ---
    [cpm resolved] Recovery r17 of orders (rds) was not answered
    Recovery r17 of orders (rds) was not answered

    Nobody said yes or no in time. Nothing was made.

    See it:     cpm recover show r17

    Owner:      root
    Deployment: cpm in account 123456789012

    ---
    [cpm resolved] Recovery r17 of orders (rds) was ended
    Recovery r17 of orders (rds) was ended

    It ended before anybody said yes or no. Nothing was made.

    See it:     cpm recover show r17

    Owner:      root
    Deployment: cpm in account 123456789012
    ");
}

proptest! {
    /// SNS takes it, and nothing that the asker wrote looks like a line of the suite's.
    #[test]
    fn sns_takes_it(who in any::<String>(), source in any::<String>()) {
        let mut recovery = waiting();
        recovery.asked_by = who;
        recovery.plan.source = Some(source);
        let message = ask(&recovery, None);
        prop_assert!(message.subject.len() <= MAX_SUBJECT && message.sms.len() <= MAX_SMS);
        for line in [&message.subject, &message.sms] {
            prop_assert!(line.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{:?}", line);
        }
        prop_assert_eq!(message.email.lines().count(), 14, "{}", message.email);
        prop_assert!(message.attributes.values().all(|value| !value.is_empty()));
    }
}
