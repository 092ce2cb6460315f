//! The words of the errors, apart from the rules, so that both can be read through.

use crate::kind::Kind;
use crate::{
    name::{MAX_LEN, NameError},
    tag::{
        BackupOption, Entry, ErrorCode, NO_BACKUP, TagError,
        error::shown,
        parse::{Part, Word},
    },
};

/// The most characters of the value in a message; a longer text is seen in its place anyway.
const QUOTED: usize = 40;

impl Part<'_> {
    fn error(&self, code: ErrorCode, message: String, help: String) -> TagError {
        TagError { start: self.span.start, end: self.span.end, code, message, help }
    }
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED).and_then(|(at, _)| text.get(..at)) {
        Some(beginning) => format!("{}…", shown(beginning)),
        None => shown(text),
    }
}

pub(super) fn empty(value: &str) -> TagError {
    let message = if value.is_empty() { "the tag has no value" } else { "the tag's value is nothing but spaces" };
    let help = format!(
        "write a policy, `new:template` to make a policy after another, or `{NO_BACKUP}`; or take the tag off"
    );
    Part { text: value, span: 0..value.len() }.error(ErrorCode::Empty, message.to_owned(), help)
}

pub(super) fn no_backup_not_alone(word: &Word<'_>) -> TagError {
    let beside = if word.options.is_empty() {
        format!("`{NO_BACKUP}` stands beside other entries, and counts for nothing there")
    } else {
        format!("`{NO_BACKUP}` takes no options, and counts for nothing with them")
    };
    let help = format!("write `{NO_BACKUP}` and nothing else to back up nowhere, or take it out of the tag");
    Part { text: NO_BACKUP, span: word.span.clone() }.error(ErrorCode::NoBackupNotAlone, beside, help)
}

pub(super) fn semicolon(place: &Part<'_>, policy: &str, template: &str) -> TagError {
    let message = "`;` does not separate a new policy from its template".to_owned();
    let simple = |name: &str| !name.is_empty() && !name.contains([':', ';', ',']);
    let help = if simple(policy) && simple(template) && policy != template {
        let (policy, template) = (quoted(policy), quoted(template));
        format!(
            "write `{policy}:{template}` to make `{policy}` after `{template}`, or `{policy} {template}` for two policies"
        )
    } else {
        "write `new:template` to make a policy after another, and a space between one entry and the next".to_owned()
    };
    place.error(ErrorCode::SemicolonForColon, message, help)
}

pub(super) fn no_policy(separator: &Part<'_>, template: &str) -> TagError {
    let message = format!("there is no policy before `{}`", separator.text);
    let help = match quoted(template) {
        template if template.is_empty() => "write `new:template`, or take it out".to_owned(),
        template => {
            format!("write `new:{template}` to make a policy after `{template}`, or `{template}` alone to use it")
        }
    };
    separator.error(ErrorCode::BadName, message, help)
}

pub(super) fn no_policy_before_option(option: &Part<'_>, before: Option<&Entry>) -> TagError {
    let (hash, text) = (option.span.start..option.span.start.saturating_add(1), quoted(option.text));
    let before = before.map_or_else(|| "policy".to_owned(), ToString::to_string);
    let message = format!("there is no policy before `{text}`");
    let help = match option.text {
        "#" => "take the `#` out, or write a policy before it and an option after it".to_owned(),
        _ => format!("write an option right after its policy, without a space: `{}{text}`", quoted(&before)),
    };
    Part { text: "#", span: hash }.error(ErrorCode::BadName, message, help)
}

pub(super) fn no_template(separator: &Part<'_>, policy: &str) -> TagError {
    let policy = quoted(policy);
    let message = format!("there is no template after `{policy}{}`", separator.text);
    let help =
        format!("write `{policy}:template`, without a space, to make a policy after another, or `{policy}` alone");
    separator.error(ErrorCode::BadName, message, help)
}

pub(super) fn own_template(template: &Part<'_>) -> TagError {
    let name = quoted(template.text);
    let message = format!("policy `{name}` cannot be its own template");
    let help = format!("write `{name}` alone to use the policy, or another template to make it");
    template.error(ErrorCode::BadName, message, help)
}

pub(super) fn reserved(name: &Part<'_>) -> TagError {
    let message = format!("`{NO_BACKUP}` cannot be the name of a policy");
    let help = format!("write `{NO_BACKUP}` and nothing else to back up nowhere, or another name here");
    name.error(ErrorCode::BadName, message, help)
}

pub(super) fn bad_name(name: &Part<'_>, why: &NameError) -> TagError {
    let text = quoted(name.text);
    let (message, help) = match why {
        NameError::Empty => ("a name is missing".to_owned(), "write a policy".to_owned()),
        NameError::Reserved(_) => (format!("`{text}` is no name"), "write the name of a policy".to_owned()),
        NameError::TooLong(_) => (
            format!("the name `{text}` has {} characters", name.text.chars().count()),
            format!("write the name of a policy; names have at most {MAX_LEN} characters"),
        ),
        NameError::BadCharacter { character, .. } => {
            let help = match character {
                ':' => "write one `:` only, as in `new:template`, and a space between one entry and the next",
                ',' | '|' | '/' | '+' | '&' => "write a space between one policy and the next",
                _ => {
                    "write the name of a policy; names are made of the letters A to Z and a to z, digits, `_`, `-` and `.`"
                }
            };
            (format!("the name `{text}` holds {}", character_found(*character)), help.to_owned())
        }
    };
    name.error(ErrorCode::BadName, message, help)
}

/// With the code point when it may look like another.
fn character_found(character: char) -> String {
    if character.is_ascii_graphic() {
        format!("`{character}`")
    } else if character.is_alphanumeric() {
        format!("`{character}` (U+{:04X})", u32::from(character))
    } else {
        format!("the character U+{:04X}", u32::from(character))
    }
}

pub(super) fn duplicate_policy(policy: &Part<'_>) -> TagError {
    let message = format!("policy `{}` is named twice", quoted(policy.text));
    policy.error(ErrorCode::DuplicatePolicy, message, "keep one of the two; the first counts until then".to_owned())
}

pub(super) fn unknown_option(option: &Part<'_>, word: &Word<'_>, kind: Kind) -> TagError {
    let message = match option.text {
        "#" => "there is no backup option after `#`".to_owned(),
        text => format!("`{}` is not a backup option", quoted(text)),
    };
    option.error(ErrorCode::UnknownOption, message, meant(option, word, kind))
}

fn meant(option: &Part<'_>, word: &Word<'_>, kind: Kind) -> String {
    if kind != Kind::Instance {
        return format!("take it out: {} takes no options", kind.noun());
    }
    let name = option.text.trim_start_matches('#');
    if let (Some((name, template)), None) = (name.split_once([':', ';']), &word.template)
        && !template.is_empty()
        && let Ok(option) = name.parse::<BackupOption>()
    {
        let (policy, template) = (quoted(word.policy.text), quoted(template));
        return format!("write options after the template: `{policy}:{template}#{option}`");
    }
    match BackupOption::nearest(name) {
        Some(option) if option.as_str() == name.to_lowercase() => format!("write `#{option}`, in lower case"),
        Some(option) => format!("write `#{option}`"),
        None => format!(
            "write one of {}, or take it out",
            BackupOption::ALL.map(|option| format!("`#{option}`")).join(" ")
        ),
    }
}

pub(super) fn option_needs_instance(option: &Part<'_>, kind: Kind) -> TagError {
    let message = format!("`{}` is for instances, and this is {}", option.text, kind.noun());
    option.error(ErrorCode::OptionNeedsInstance, message, format!("take it out: {} takes no options", kind.noun()))
}

pub(super) fn repeated_option(option: &Part<'_>) -> TagError {
    let message = format!("`{}` stands twice on one entry", option.text);
    option.error(ErrorCode::RepeatedOption, message, "take one of the two out".to_owned())
}

pub(super) fn conflicting_options(option: &Part<'_>, first: BackupOption) -> TagError {
    let message = format!("`{}` contradicts `#{first}`", option.text);
    option.error(ErrorCode::ConflictingOptions, message, "keep one of the two".to_owned())
}
