//! What the words of a value mean, and which of them may stand.

use super::{
    BackupOption, Entry, NO_BACKUP, Parsed, TagError, message,
    parse::{Part, Word},
};
use crate::kind::Kind;
use crate::name::PolicyName;

/// Reads the words in the order written. One that has an error is left out.
pub(super) fn check(value: &str, words: &[Word<'_>], kind: Kind) -> Parsed {
    let mut parsed = Parsed::default();
    match words {
        [] => parsed.errors.push(message::empty(value)),
        [word] if is_no_backup(word) && word.options.is_empty() => parsed.no_backup = true,
        _ => {
            let mut before_counts = false;
            for word in words {
                let before = parsed.entries.last().filter(|_| before_counts);
                let read = entry(word, before, &parsed.entries, kind);
                before_counts = read.is_ok();
                match read {
                    Ok(entry) => parsed.entries.push(entry),
                    Err(errors) => parsed.errors.extend(errors),
                }
            }
        }
    }
    parsed
}

/// `no-backup` with a template would be a policy of that name: an error of its own.
fn is_no_backup(word: &Word<'_>) -> bool {
    word.policy.text == NO_BACKUP && word.template.is_none()
}

/// `before` is what the word before it says, if that counts; `entries` are all that do so far.
fn entry(word: &Word<'_>, before: Option<&Entry>, entries: &[Entry], kind: Kind) -> Result<Entry, Vec<TagError>> {
    if is_no_backup(word) {
        return Err(vec![message::no_backup_not_alone(word)]);
    }
    let mut errors = Vec::new();
    let (policy, template) = match &word.template {
        Some((separator, template)) => pair(&word.policy, separator, template, &mut errors),
        None => (policy_alone(word, before, &mut errors), None),
    };
    if policy.as_ref().is_some_and(|policy| entries.iter().any(|entry| entry.policy == *policy)) {
        errors.push(message::duplicate_policy(&word.policy));
    }
    let options = options(word, kind, &mut errors);
    match policy {
        Some(policy) if errors.is_empty() => Ok(Entry { policy, template, options, span: word.span.clone() }),
        _ => {
            errors.sort_by_key(|error| (error.start, error.end));
            Err(errors)
        }
    }
}

fn policy_alone(word: &Word<'_>, before: Option<&Entry>, errors: &mut Vec<TagError>) -> Option<PolicyName> {
    match word.options.first() {
        Some(option) if word.policy.text.is_empty() => {
            errors.push(message::no_policy_before_option(option, before));
            None
        }
        _ => name(&word.policy, errors),
    }
}

/// A new policy and its template.
fn pair(
    policy: &Part<'_>,
    separator: &Part<'_>,
    template: &Part<'_>,
    errors: &mut Vec<TagError>,
) -> (Option<PolicyName>, Option<PolicyName>) {
    let before = errors.len();
    if separator.text == ";" {
        errors.push(message::semicolon(separator, policy.text, template.text));
    }
    for (at, text) in template.text.match_indices(';') {
        let start = template.span.start + at;
        errors.push(message::semicolon(&Part { text, span: start..start + 1 }, policy.text, template.text));
    }
    // What a semicolon cuts short is not reported again.
    let semicolons = errors.len() > before;
    let new = match policy.text {
        "" if semicolons => None,
        "" => {
            errors.push(message::no_policy(separator, template.text));
            None
        }
        _ => name(policy, errors),
    };
    let old = match template.text {
        "" if semicolons || policy.text.is_empty() => None,
        "" => {
            errors.push(message::no_template(separator, policy.text));
            None
        }
        text if text.contains(';') => None,
        _ => name(template, errors),
    };
    if new.is_some() && new == old {
        errors.push(message::own_template(template));
    }
    (new, old)
}

fn name(part: &Part<'_>, errors: &mut Vec<TagError>) -> Option<PolicyName> {
    if part.text == NO_BACKUP {
        errors.push(message::reserved(part));
        return None;
    }
    part.text.parse().map_err(|why| errors.push(message::bad_name(part, &why))).ok()
}

fn options(word: &Word<'_>, kind: Kind, errors: &mut Vec<TagError>) -> Vec<BackupOption> {
    let mut options: Vec<BackupOption> = Vec::new();
    for part in &word.options {
        let Some(option) = part.text.strip_prefix('#').and_then(|text| text.parse::<BackupOption>().ok()) else {
            errors.push(message::unknown_option(part, word, kind));
            continue;
        };
        let rival = options.iter().copied().find(|other| option.is_exclusive() && other.is_exclusive());
        if kind != Kind::Instance {
            errors.push(message::option_needs_instance(part, kind));
        } else if options.contains(&option) {
            errors.push(message::repeated_option(part));
        } else if let Some(rival) = rival {
            errors.push(message::conflicting_options(part, rival));
        }
        options.push(option);
    }
    options
}
