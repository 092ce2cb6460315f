//! Snapshots that AWS's own document for VSS makes, and no call of the suite's.
//!
//! The document freezes the writers, makes the snapshots with the tags that it is told, and thaws. What it made is found by
//! these tags; what became of it, Systems Manager tells.

use std::collections::BTreeMap;

use cpm_domain::{
    aws::{AwsError, Refusal},
    command::{CommandReport, CommandRequest, CommandState},
    progress,
    unit::{ByDocument, Fault, UnitSet},
};
use cpm_ports::Place;
use jiff::{SignedDuration, Timestamp};

use super::{
    Steps, place,
    snapshot::{Asking, Settled, UNSURE_WAIT},
};
use crate::{Result, unit::keep_set};

/// AWS's document (EC2 user guide, "Create VSS based EBS snapshots").
const DOCUMENT: &str = "AWSEC2-VssInstallAndSnapshot";
/// A command waits so long for its agent, in seconds.
const DELIVERY: u32 = 60;
/// AWS's document installs what it needs, and takes minutes at most.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);
/// How long before the set is tried again that AWS throttles, in seconds.
const THROTTLED_WAIT: u32 = 10;

/// What Systems Manager says of the document of a set whose snapshots are not all known.
pub(super) enum Document {
    /// It makes them, or AWS does not list yet what it made.
    Waits,
    /// It is over: what is not there will not come.
    Over,
    /// It failed.
    Failed(Fault),
}

impl Steps<'_> {
    /// Sends the document for a set. The polls find what it made.
    pub(super) async fn ask_document(&self, asking: &Asking<'_>, mut set: UnitSet) -> Result<Settled> {
        let place = place(asking.account, &set.region);
        let Some(request) = self.document_request(asking, &set) else { return Ok(Settled::Done) };
        if asking.again {
            let found = self.commands.find(&place, &request.instance, &request.comment, asking.backup.started);
            match found.await {
                Ok(Some(command)) => return self.note_command(asking, &mut set, command).await,
                Ok(None) => {}
                Err(error) if error.is_retryable() => return Ok(Settled::Later(UNSURE_WAIT)),
                Err(error) => return self.give_up(asking, &mut set, &error).await,
            }
        }
        match self.commands.send(&place, &request).await {
            Ok(command) => self.note_command(asking, &mut set, command).await,
            Err(error) if progress::asked_enough(asking.backup.started, self.clock.now()) => {
                self.give_up(asking, &mut set, &error).await
            }
            Err(AwsError { refusal: Refusal::Throttled, .. }) => Ok(Settled::Later(THROTTLED_WAIT)),
            Err(AwsError { refusal: Refusal::Unknown, .. }) => Ok(Settled::Later(UNSURE_WAIT)),
            Err(error) => self.give_up(asking, &mut set, &error).await,
        }
    }

    async fn note_command(&self, asking: &Asking<'_>, set: &mut UnitSet, command: String) -> Result<Settled> {
        let now = self.clock.now();
        keep_set(self.store, &asking.running.owner, asking.running.backup, set, |set| {
            set.by_document = Some(ByDocument { command: Some(command.clone()), sent: Some(now) });
            true
        })
        .await?;
        Ok(Settled::Done)
    }

    fn document_request(&self, asking: &Asking<'_>, set: &UnitSet) -> Option<CommandRequest> {
        let request = self.request(asking, set);
        // What the document takes for tags has no room for other signs; names of the suite have none.
        let ours =
            request.tags.iter().filter(|(key, value)| key.starts_with("cpm:") && !value.contains([',', ';', '=']));
        let tags: Vec<String> = ours.map(|(key, value)| format!("Key={key},Value={value}")).collect();
        let word = |yes: bool| if yes { "True" } else { "False" };
        let told = [
            ("ExcludeBootVolume", word(set.exclude_boot).to_owned()),
            ("description", request.description),
            ("tags", tags.join(";")),
            ("CopyOnly", word(false).to_owned()),
            ("NoWriters", word(false).to_owned()),
            ("CreateAmi", word(false).to_owned()),
        ];
        Some(CommandRequest {
            document: DOCUMENT.to_owned(),
            parameters: told
                .into_iter()
                .map(|(name, value)| (name.to_owned(), vec![value]))
                .collect::<BTreeMap<_, _>>(),
            instance: set.instance()?.clone(),
            comment: format!("cpm {} backup {} set {}", self.deployment, asking.running.backup, set.number),
            delivery: DELIVERY,
        })
    }

    /// How the document of a set stands; none: no document makes it.
    pub(super) async fn look_at_document(&self, place: &Place, set: &UnitSet) -> Option<Document> {
        let by = set.by_document.as_ref()?;
        let (command, began) = (by.command.as_ref()?, by.sent?);
        let now = self.clock.now();
        let report = match self.commands.look(place, command, set.instance()?).await {
            Ok(Some(report)) if report.state != CommandState::Open => report,
            Ok(_) if now.duration_since(began) < PATIENCE => return Some(Document::Waits),
            Err(error) if error.is_retryable() && now.duration_since(began) < PATIENCE => {
                return Some(Document::Waits);
            }
            Ok(_) => return Some(Document::Failed(slow())),
            Err(error) => return Some(Document::Failed(error.to_fault(&place.access.whom(super::FUNCTION)))),
        };
        Some(ended(&report, began, now))
    }
}

fn ended(report: &CommandReport, began: Timestamp, now: Timestamp) -> Document {
    if report.state != CommandState::Succeeded {
        let last = |text: &str| text.trim().lines().last().unwrap_or_default().to_owned();
        let words = [last(&report.error_output), last(&report.output), report.words.clone()];
        let said = words.into_iter().find(|words| !words.is_empty()).unwrap_or_default();
        return Document::Failed(
            Fault::new("VssFailed", format!("AWS's document for VSS failed: {said}")).advise(
                "see the command in Systems Manager; the role of the instance needs AWS's permissions for it",
            ),
        );
    }
    let since = report.ended.unwrap_or(began);
    if now.duration_since(since) > progress::LISTED_AFTER { Document::Over } else { Document::Waits }
}

fn slow() -> Fault {
    Fault::new("VssTimedOut", "AWS's document for VSS has not ended within half an hour")
        .advise("see the command in Systems Manager")
}
