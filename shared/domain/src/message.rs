//! What people and machines are told of an alert (§15.4 of the guide), and of a recovery that waits for an answer: fit for e-mail, SMS and queues.

mod approval;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    alert::{Alert, Category, Severity},
    id::AccountId,
    name::{OwnerName, PolicyName},
    recovery::Recovery,
};

/// The most characters of a subject: SNS wants fewer than 100, all of ASCII, no line break.
pub const MAX_SUBJECT: usize = 99;

/// The most characters of a text message that goes out in one piece.
pub const MAX_SMS: usize = 140;

/// The most bytes of an alert's story in a message. SNS takes 256 KiB for all forms of a message together, and a
/// character may become 12 bytes when it is written as JSON within JSON.
pub const MAX_STORY: usize = 12 * 1024;

/// The most bytes of a title in a message.
const MAX_TITLE: usize = 512;

/// Whether something went wrong or is well again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The alert stands.
    Raised,
    /// What it was about succeeded.
    Resolved,
}

impl State {
    /// As written in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Resolved => "resolved",
        }
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender<'a> {
    /// The deployment.
    pub deployment: &'a str,
    /// Its account.
    pub account: &'a AccountId,
    /// Whose alert it is.
    pub owner: &'a OwnerName,
}

/// A message in all its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Of an e-mail: at most [`MAX_SUBJECT`] printable ASCII characters.
    pub subject: String,
    /// The text of an e-mail.
    pub email: String,
    /// At most [`MAX_SMS`] printable ASCII characters.
    pub sms: String,
    /// For machines.
    pub body: Body,
    /// What subscriptions filter by.
    pub attributes: BTreeMap<&'static str, String>,
}

/// What machines are told, with the names of §15.3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Body {
    /// What it is about.
    pub category: Category,
    /// One line.
    pub title: String,
    /// The whole story.
    pub message_body: String,
    /// The time of the last failure; when it is resolved, of the success.
    pub alert_time: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// Raised or resolved.
    pub state: State,
    /// The policy; null when it is about none.
    pub policy: Option<PolicyName>,
    /// The deployment's account.
    pub account: AccountId,
    /// Whose it is.
    pub owner: OwnerName,
    /// The deployment.
    pub deployment: String,
}

impl Message {
    /// Tells of an alert that stands.
    pub fn raised(sender: &Sender<'_>, alert: &Alert) -> Self {
        Self::compose(sender, alert, State::Raised, alert.time)
    }

    /// Tells of an alert that went at `time`.
    pub fn resolved(sender: &Sender<'_>, alert: &Alert, time: Timestamp) -> Self {
        Self::compose(sender, alert, State::Resolved, time)
    }

    /// Tells of a recovery that waits for somebody's yes or no. Whoever has `link` can answer by it.
    ///
    /// ```text
    /// [cpm approval] Recovery r17 of orders waits for your yes or no
    /// ```
    pub fn asked(sender: &Sender<'_>, recovery: &Recovery, link: Option<&str>, time: Timestamp) -> Self {
        approval::compose(sender, recovery, &approval::asked(recovery, link), State::Raised, time)
    }

    /// Tells what became of that: what was said, or that nobody said anything.
    pub fn answered(sender: &Sender<'_>, recovery: &Recovery, time: Timestamp) -> Self {
        approval::compose(sender, recovery, &approval::answered(recovery), State::Resolved, time)
    }

    fn compose(sender: &Sender<'_>, alert: &Alert, state: State, time: Timestamp) -> Self {
        let mark = match state {
            State::Raised => alert.severity.as_str(),
            State::Resolved => "resolved",
        };
        let headline = format!("[cpm {mark}] {}", alert.title);
        let story = cut(&alert.message, MAX_STORY, "... (cut; `cpm alert list` shows the rest)");
        Self {
            subject: line(&headline, MAX_SUBJECT),
            email: email(sender, alert, &story, state, time),
            sms: line(&headline, MAX_SMS),
            attributes: attributes(sender, alert, state),
            body: Body {
                category: alert.category,
                title: cut(&alert.title, MAX_TITLE, "..."),
                message_body: story,
                alert_time: time,
                severity: alert.severity,
                state,
                policy: alert.policy.clone(),
                account: sender.account.clone(),
                owner: sender.owner.clone(),
                deployment: sender.deployment.to_owned(),
            },
        }
    }
}

fn attributes(sender: &Sender<'_>, alert: &Alert, state: State) -> BTreeMap<&'static str, String> {
    let mut attributes = BTreeMap::from([
        ("category", alert.category.as_str().to_owned()),
        ("severity", alert.severity.as_str().to_owned()),
        ("state", state.as_str().to_owned()),
        ("owner", sender.owner.to_string()),
    ]);
    // SNS refuses an empty value; a filter can ask whether the attribute exists.
    attributes.extend(alert.policy.as_ref().map(|policy| ("policy", policy.to_string())));
    attributes
}

fn email(sender: &Sender<'_>, alert: &Alert, story: &str, state: State, time: Timestamp) -> String {
    let title = cut(&alert.title, MAX_TITLE, "...");
    let opening = match state {
        State::Raised => format!("{title}\n\n{story}"),
        State::Resolved => format!("This is over: {title}\n\nIt was said then:\n{story}"),
    };
    let about = match &alert.policy {
        Some(policy) => format!("policy {policy}"),
        None => alert.subject.clone(),
    };
    let times = match (state, alert.count) {
        (State::Raised, 1) => format!("At:         {time}"),
        (State::Raised, count) => format!("At:         {time}; {count} failures since {}", alert.since),
        (State::Resolved, _) => format!("Over since: {time}; began {}", alert.since),
    };
    let Sender { deployment, account, owner } = sender;
    format!(
        "{opening}\n\n\
         About:      {} ({}, {})\n\
         {times}\n\
         Owner:      {owner}\n\
         Deployment: {deployment} in account {account}\n",
        about,
        alert.category.as_str(),
        alert.severity.as_str(),
    )
}

/// One line of printable ASCII of at most `most` characters.
fn line(text: &str, most: usize) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let ascii: String = words.join(" ").chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
    cut(&ascii, most, "...")
}

/// At most `most` bytes of `text`, `mark` included, which says that there was more.
fn cut(text: &str, most: usize, mark: &str) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub(mark.len()));
    let kept = text.get(..end).unwrap_or_default();
    format!("{}{mark}", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alert() -> Alert {
        Alert {
            category: Category::Backup,
            subject: "web".into(),
            policy: Some("web".parse().unwrap()),
            severity: Severity::Error,
            title: "Policy web Backup Failure".into(),
            message: "Policy web (user: root, account: main): backup 17 failed.\nSee: cpm backup show 17".into(),
            since: "2026-11-20T02:00:00Z".parse().unwrap(),
            time: "2026-11-21T02:03:04Z".parse().unwrap(),
            count: 1,
            announced: 1,
        }
    }

    fn told(tell: impl Fn(&Sender<'_>) -> Message) -> Message {
        tell(&Sender { deployment: "cpm", account: &"123456789012".parse().unwrap(), owner: &OwnerName::root() })
    }

    #[test]
    fn a_failure() {
        let message = told(|sender| Message::raised(sender, &alert()));
        insta::assert_snapshot!(message.subject, @"[cpm error] Policy web Backup Failure");
        insta::assert_snapshot!(message.sms, @"[cpm error] Policy web Backup Failure");
        insta::assert_snapshot!(message.email, @r"
        Policy web Backup Failure

        Policy web (user: root, account: main): backup 17 failed.
        See: cpm backup show 17

        About:      policy web (backup, error)
        At:         2026-11-21T02:03:04Z
        Owner:      root
        Deployment: cpm in account 123456789012
        ");
        insta::assert_json_snapshot!(message.body, @r#"
        {
          "category": "backup",
          "title": "Policy web Backup Failure",
          "message_body": "Policy web (user: root, account: main): backup 17 failed.\nSee: cpm backup show 17",
          "alert_time": "2026-11-21T02:03:04Z",
          "severity": "error",
          "state": "raised",
          "policy": "web",
          "account": "123456789012",
          "owner": "root",
          "deployment": "cpm"
        }
        "#);
        insta::assert_debug_snapshot!(message.attributes, @r#"
        {
            "category": "backup",
            "owner": "root",
            "policy": "web",
            "severity": "error",
            "state": "raised",
        }
        "#);
    }

    #[test]
    fn one_of_many_failures() {
        let again = Alert { count: 4, severity: Severity::Warning, ..alert() };
        let message = told(|sender| Message::raised(sender, &again));
        assert_eq!(message.subject, "[cpm warning] Policy web Backup Failure");
        insta::assert_snapshot!(message.email, @r"
        Policy web Backup Failure

        Policy web (user: root, account: main): backup 17 failed.
        See: cpm backup show 17

        About:      policy web (backup, warning)
        At:         2026-11-21T02:03:04Z; 4 failures since 2026-11-20T02:00:00Z
        Owner:      root
        Deployment: cpm in account 123456789012
        ");
    }

    #[test]
    fn the_end_of_a_failure() {
        let message = told(|sender| Message::resolved(sender, &alert(), "2026-11-21T03:00:00Z".parse().unwrap()));
        insta::assert_snapshot!(message.subject, @"[cpm resolved] Policy web Backup Failure");
        insta::assert_snapshot!(message.email, @r"
        This is over: Policy web Backup Failure

        It was said then:
        Policy web (user: root, account: main): backup 17 failed.
        See: cpm backup show 17

        About:      policy web (backup, error)
        Over since: 2026-11-21T03:00:00Z; began 2026-11-20T02:00:00Z
        Owner:      root
        Deployment: cpm in account 123456789012
        ");
        assert_eq!((message.body.state, message.attributes["state"].as_str()), (State::Resolved, "resolved"));
        assert_eq!(message.body.alert_time, "2026-11-21T03:00:00Z".parse().unwrap());
    }

    #[test]
    fn about_no_policy() {
        let scan = Alert {
            category: Category::Scan,
            subject: "prod eu-west-1".into(),
            policy: None,
            title: "Tag scan of prod in eu-west-1 failed".into(),
            ..alert()
        };
        let message = told(|sender| Message::raised(sender, &scan));
        assert!(message.email.contains("About:      prod eu-west-1 (scan, error)"), "{}", message.email);
        assert_eq!(message.attributes.get("policy"), None);
        assert_eq!(message.body.policy, None);
    }

    proptest! {
        #[test]
        fn sns_takes_it(title in any::<String>(), message in any::<String>(), long in 0usize..4000) {
            let alert = Alert { title, message: message.repeat(long), ..alert() };
            for message in [
                told(|sender| Message::raised(sender, &alert)),
                told(|sender| Message::resolved(sender, &alert, alert.time)),
            ] {
                prop_assert!(message.subject.len() <= MAX_SUBJECT && message.sms.len() <= MAX_SMS);
                for line in [&message.subject, &message.sms] {
                    prop_assert!(line.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{:?}", line);
                }
                prop_assert!(message.body.message_body.len() <= MAX_STORY);
                prop_assert!(message.attributes.values().all(|value| !value.is_empty()));
            }
        }
    }
}
