//! What people are told of a recovery that waits for a second person's yes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Body, MAX_SMS, MAX_STORY, MAX_SUBJECT, MAX_TITLE, Message, Sender, State, cut, line};
use crate::{
    alert::{Category, Severity},
    recovery::{Recovery, approval::EXPIRED},
};

/// What is told, before it has its forms.
pub(super) struct Told {
    mark: &'static str,
    title: String,
    story: String,
    /// Below the story, in e-mails alone: a link is long, and no machine is to follow it.
    below: String,
}

/// Whoever recovers gives names, and whoever reads must not take them for the suite's words: one line each.
fn plain(text: &str, most: usize) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    cut(&words.join(" "), most, "...")
}

/// `orders (rds)`
fn source(recovery: &Recovery) -> String {
    let kind = recovery.plan.wanted.kind();
    match &recovery.plan.source {
        Some(source) => format!("{} ({kind})", plain(source, 128)),
        None => kind.to_string(),
    }
}

pub(super) fn asked(recovery: &Recovery, link: Option<&str>) -> Told {
    let Recovery { id, backup, policy, account, region, started, .. } = recovery;
    let until = recovery.approval.as_ref().map(|approval| approval.expires.to_string()).unwrap_or_default();
    let what = source(recovery);
    let story = format!(
        "{who} wants to recover {what} of backup {backup} (policy {policy}) into account {account}, {region}.\n\
         Somebody else has to say yes first. Nothing is made before that.\n\n\
         Asked:      {started}\n\
         Until:      {until}\n\n\
         See it:     cpm recover show {id}\n\
         Say yes:    cpm recover approve {id}\n\
         Say no:     cpm recover refuse {id}",
        who = plain(&recovery.asked_by, 256),
    );
    let below = link.map(|link| {
        format!(
            "\n\nOr open this link, which asks once more before anything happens. It is good for one answer, by whoever \
             has it: do not pass it on.\n{link}"
        )
    });
    let title = format!("Recovery {id} of {what} waits for your yes or no");
    Told { mark: "approval", title, story, below: below.unwrap_or_default() }
}

pub(super) fn answered(recovery: &Recovery) -> Told {
    let id = recovery.id;
    let answer = recovery.approval.as_ref().and_then(|approval| approval.answer.as_ref());
    let (word, story) = match answer {
        Some(answer) => {
            let why = answer.reason.as_ref().map(|why| format!(": {}", plain(why, 512))).unwrap_or_default();
            let word = if answer.approved { "approved" } else { "refused" };
            (word, format!("It was {word} by {} at {}{why}.", plain(&answer.by, 256), answer.at))
        }
        None if recovery.errors.iter().any(|error| error.code == EXPIRED) => {
            ("not answered", "Nobody said yes or no in time. Nothing was made.".to_owned())
        }
        None => ("ended", "It ended before anybody said yes or no. Nothing was made.".to_owned()),
    };
    let title = format!("Recovery {id} of {} was {word}", source(recovery));
    Told {
        mark: "resolved",
        title,
        story: format!("{story}\n\nSee it:     cpm recover show {id}"),
        below: String::new(),
    }
}

pub(super) fn compose(
    sender: &Sender<'_>,
    recovery: &Recovery,
    told: &Told,
    state: State,
    time: Timestamp,
) -> Message {
    let headline = format!("[cpm {}] {}", told.mark, told.title);
    let (category, severity, policy) = (Category::Approval, Severity::Warning, &recovery.policy);
    let title = cut(&told.title, MAX_TITLE, "...");
    let story = cut(&told.story, MAX_STORY, "...");
    let Sender { deployment, account, owner } = sender;
    Message {
        subject: line(&headline, MAX_SUBJECT),
        sms: line(&headline, MAX_SMS),
        email: format!(
            "{title}\n\n{story}{}\n\nOwner:      {owner}\nDeployment: {deployment} in account {account}\n",
            told.below
        ),
        attributes: BTreeMap::from([
            ("category", category.as_str().to_owned()),
            ("severity", severity.as_str().to_owned()),
            ("state", state.as_str().to_owned()),
            ("owner", owner.to_string()),
            ("policy", policy.to_string()),
        ]),
        body: Body {
            category,
            title,
            message_body: story,
            alert_time: time,
            severity,
            state,
            policy: Some(policy.clone()),
            account: (*account).clone(),
            owner: (*owner).clone(),
            deployment: (*deployment).to_owned(),
        },
    }
}

#[cfg(test)]
mod tests;
