//! A topic in memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cpm_domain::{
    aws::{AwsError, Refusal},
    message::Message,
};
use cpm_ports::Publisher;

use crate::{Faults, faults::Calling, held};

/// What SNS takes of all forms of a message together, in bytes.
const MAX_MESSAGE: usize = 262_144;
/// A subject is shorter than this.
const SUBJECT: usize = 100;

/// SNS, by its rules. Clones are the same topic. Calls go by the name `sns:Publish`.
///
/// A subject is of printable ASCII, neither empty nor of 100 characters or more; all forms of a message together, as JSON
/// within JSON, are at most 256 KiB.
#[derive(Debug, Clone, Default)]
pub struct FakePublisher {
    published: Arc<Mutex<Vec<Message>>>,
    faults: Faults,
}

impl FakePublisher {
    /// A topic.
    pub fn new() -> Self {
        Self::default()
    }

    /// A topic whose calls fail as `faults` say.
    pub fn with(faults: Faults) -> Self {
        Self { published: Arc::default(), faults }
    }

    /// The same topic for somebody else: those calls neither fail nor count.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { published: Arc::clone(&self.published), faults: Faults::new() }
    }

    /// What was published, in that order.
    pub fn published(&self) -> Vec<Message> {
        held(&self.published).clone()
    }
}

const PUBLISH: &str = "sns:Publish";

fn check(message: &Message) -> Result<(), AwsError> {
    let refuse = |words: String| {
        let (action, code) = (PUBLISH.to_owned(), "InvalidParameter".to_owned());
        Err(AwsError { refusal: Refusal::Invalid, action, code, message: format!("Invalid parameter: {words}") })
    };
    let subject = &message.subject;
    if subject.is_empty() || subject.len() >= SUBJECT || !subject.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return refuse(format!("Subject `{subject}`"));
    }
    let Ok(body) = serde_json::to_string(&message.body) else { return refuse("no JSON".to_owned()) };
    let forms = serde_json::json!({ "default": body, "email": message.email, "sms": message.sms });
    if forms.to_string().len() > MAX_MESSAGE {
        return refuse("Message too long".to_owned());
    }
    Ok(())
}

#[async_trait]
impl Publisher for FakePublisher {
    async fn publish(&self, message: &Message) -> Result<(), AwsError> {
        self.faults
            .call(Calling::new(&[PUBLISH], &message.subject, None), |_| {
                check(message)?;
                held(&self.published).push(message.clone());
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use cpm_domain::{alert::Category, message::Sender};

    use super::*;
    use crate::{OWN_ACCOUNT, When, at_once, sample};

    fn message() -> Message {
        let (account, owner) = (OWN_ACCOUNT.parse().unwrap(), sample::root());
        let sender = Sender { deployment: crate::DEPLOYMENT, account: &account, owner: &owner };
        Message::raised(&sender, &sample::alert(Category::Backup, "web"))
    }

    #[test]
    fn what_sns_takes_is_published_and_an_answer_may_be_lost() {
        let publisher = FakePublisher::new();
        at_once(publisher.publish(&message())).unwrap();
        publisher.faults.fail_call(1, When::After);
        assert_eq!(at_once(publisher.publish(&message())).unwrap_err().refusal, Refusal::Unknown);
        assert_eq!(publisher.published(), [message(), message()]);
    }

    #[test]
    fn what_sns_refuses_is_refused() {
        let refused = |message: Message| {
            let publisher = FakePublisher::new();
            at_once(publisher.publish(&message)).unwrap_err().refusal == Refusal::Invalid
        };
        assert!(refused(Message { subject: String::new(), ..message() }));
        assert!(refused(Message { subject: "x".repeat(100), ..message() }));
        assert!(refused(Message { subject: "zwei\nZeilen".into(), ..message() }));
        assert!(refused(Message { email: "x".repeat(262_144), ..message() }));
    }
}
