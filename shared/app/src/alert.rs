//! Alerts follow what happens. Writing one is telling people: the table's stream feeds the notifier.

use cpm_domain::{
    alert::{Alert, Category, Failure, Severity, raise},
    aws::AwsError,
    backup::{Backup, Trigger},
    message::{Message, Sender},
    name::OwnerName,
    status::Status,
};
use cpm_ports::{Publisher, Store};
use jiff::Timestamp;

use crate::{Result, stream::Change};

/// Raises or clears the alert of the policy of a finished backup. `backups` are all of the policy, newest first.
pub(crate) async fn tell(store: &dyn Store, owner: &OwnerName, backup: &Backup, backups: &[Backup]) -> Result<()> {
    let subject = backup.policy.as_str();
    if backup.counts || backup.status == Status::Successful {
        return Ok(store.clear_alert(owner, Category::Backup, subject).await?);
    }
    let failure = Failure {
        category: Category::Backup,
        subject: subject.to_owned(),
        policy: Some(backup.policy.clone()),
        severity: if backup.status == Status::Failed { Severity::Error } else { Severity::Warning },
        title: title(backup),
        message: message(owner, backup, backups),
        quiet: backup.trigger == Trigger::Retry,
    };
    report(store, owner, failure, backup.ended.unwrap_or(backup.started)).await
}

/// Raises or clears the alert on the time for which the scripts of a finished backup held applications still.
pub(crate) async fn tell_frozen(store: &dyn Store, owner: &OwnerName, backup: &Backup) -> Result<()> {
    let (Some(frozen), Some(most)) = (backup.frozen_ms, backup.max_frozen) else { return Ok(()) };
    if frozen <= u64::from(most.seconds()) * 1_000 {
        return Ok(store.clear_alert(owner, Category::Frozen, backup.policy.as_str()).await?);
    }
    let failure = Failure {
        category: Category::Frozen,
        subject: backup.policy.to_string(),
        policy: Some(backup.policy.clone()),
        severity: Severity::Warning,
        title: format!("Policy {} Frozen Too Long", backup.policy),
        message: format!(
            "Policy {}: backup {} held applications still for {frozen} ms, from the end of `before` to the start of `after`; \
             the policy wants {most} at most. Fewer instances in a policy are snapshotted sooner; requests of others \
             may have used AWS's rate up.",
            backup.policy, backup.id
        ),
        quiet: false,
    };
    report(store, owner, failure, backup.ended.unwrap_or(backup.started)).await
}

/// Raises an alert for what failed at `time`. Told twice of one failure, it is raised once.
pub(crate) async fn report(store: &dyn Store, owner: &OwnerName, failure: Failure, time: Timestamp) -> Result<()> {
    let standing = store.alert(owner, failure.category, &failure.subject).await?;
    if standing.as_ref().is_some_and(|alert| alert.time >= time) {
        return Ok(());
    }
    Ok(store.put_alert(owner, &raise(standing.as_ref(), failure, time)).await?)
}

fn title(backup: &Backup) -> String {
    let what = if backup.status == Status::Failed { "Backup Failure" } else { "Backup Partially Successful" };
    format!("Policy {} {what}", backup.policy)
}

fn message(owner: &OwnerName, backup: &Backup, backups: &[Backup]) -> String {
    let last = backups.iter().find(|other| other.counts && other.id != backup.id).map_or_else(
        || "There is no successful backup of it.".to_owned(),
        |good| format!("The last successful backup is {}, of {}.", good.id, instant(good.started)),
    );
    let reasons: Vec<&str> = backup
        .log
        .iter()
        .filter(|line| line.level == cpm_domain::backup::Level::Error)
        .map(|line| line.message.as_str())
        .take(5)
        .collect();
    format!(
        "Policy {} (user: {owner}, account: {}): backup {}, started at {}, ended {}. {last}\n{}\nSee: cpm backup show {}",
        backup.policy,
        backup.account,
        backup.id,
        instant(backup.started),
        backup.status,
        reasons.join("\n"),
        backup.id
    )
}

fn instant(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Tells those who subscribed, if there is something new to tell.
pub(crate) async fn publish(
    publisher: &dyn Publisher,
    sender: &Sender<'_>,
    change: &Change<Alert>,
) -> std::result::Result<(), AwsError> {
    let message = match (&change.before, &change.after) {
        (before, Some(after)) if after.announced > before.as_ref().map_or(0, |before| before.announced) => {
            Message::raised(sender, after)
        }
        (Some(before), None) => Message::resolved(sender, before, change.time),
        _ => return Ok(()),
    };
    publisher.publish(&message).await
}
