//! What holds for every text.

use proptest::{collection::vec, option, prelude::*, sample};

use crate::kind::Kind;
use crate::name::PolicyName;
use crate::tag::{BackupOption, ErrorCode, Parsed, parse, render};

/// Any text, text of the language's own characters, and text of its words in any order.
fn value() -> impl Strategy<Value = String> {
    let word = sample::select(vec![
        "web",
        "db",
        "no-backup",
        "No-Backup",
        ":",
        ";",
        "#",
        " ",
        "\t",
        "only-snaps",
        "only-amis",
        "#only-snaps",
        "#initial-ami",
        "#only-amis-reboot",
        "#app-aware",
        "#only-snap",
        "é",
        "\u{200b}",
        "\u{a0}",
        ",",
    ]);
    prop_oneof![
        "\\PC{0,256}",
        vec(any::<char>(), 0..256).prop_map(String::from_iter),
        "[ab:;# é-]{0,40}",
        vec(word, 0..24).prop_map(|words| words.concat()),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    sample::select(Kind::ALL.to_vec())
}

/// A good entry for an instance, printed by hand.
fn entry() -> impl Strategy<Value = (String, Option<String>, Vec<BackupOption>)> {
    let name = || "[A-Za-z0-9_.-]{1,64}".prop_filter("reserved", |name| name.parse::<PolicyName>().is_ok());
    let exclusive: Vec<_> = BackupOption::ALL.into_iter().filter(|option| option.is_exclusive()).collect();
    let options =
        (option::of(sample::select(exclusive)), any::<bool>(), any::<bool>()).prop_map(|(one, aware, first)| {
            let mut options: Vec<_> = one.into_iter().chain(aware.then_some(BackupOption::AppAware)).collect();
            if first {
                options.reverse();
            }
            options
        });
    (name(), option::of(name()), options)
        .prop_filter("its own template", |(policy, template, _)| Some(policy) != template.as_ref())
}

/// The words of a value, with their places.
fn words(value: &str) -> Vec<(usize, usize)> {
    let start = |word: &str| word.as_ptr() as usize - value.as_ptr() as usize;
    value.split_whitespace().map(|word| (start(word), start(word) + word.len())).collect()
}

fn counted(parsed: &Parsed) -> Vec<(usize, usize)> {
    parsed.entries.iter().map(|entry| (entry.span.start, entry.span.end)).collect()
}

proptest! {
    #[test]
    fn errors_lie_in_the_text(value in value(), kind in kind()) {
        let parsed = parse(&value, kind);
        for error in &parsed.errors {
            prop_assert!(error.start < error.end || value.is_empty(), "{error:?}");
            prop_assert!(value.get(error.span()).is_some(), "{error:?}");
            prop_assert!(!error.message.is_empty() && !error.help.is_empty());
            prop_assert!(!error.message.contains(char::is_control) && !error.help.contains(char::is_control));
        }
        prop_assert!(parsed.errors.is_sorted_by_key(|error| error.start));
    }

    #[test]
    fn each_word_counts_or_has_an_error(value in value(), kind in kind()) {
        let parsed = parse(&value, kind);
        let (words, counted) = (words(&value), counted(&parsed));
        if parsed.no_backup {
            prop_assert_eq!(value.trim(), "no-backup");
            prop_assert!(parsed.errors.is_empty() && counted.is_empty());
            return Ok(());
        }
        for (start, end) in &words {
            let wrong = parsed.errors.iter().any(|error| *start <= error.start && error.end <= *end);
            prop_assert_ne!(counted.contains(&(*start, *end)), wrong, "{}", &value[*start..*end]);
        }
        prop_assert!(counted.iter().all(|place| words.contains(place)));
        prop_assert_eq!(words.is_empty(), parsed.errors.iter().any(|error| error.code == ErrorCode::Empty));
    }

    #[test]
    fn what_counts_reads_back(value in value(), kind in kind()) {
        let parsed = parse(&value, kind);
        for entry in &parsed.entries {
            let again = parse(&entry.to_string(), kind);
            prop_assert!(again.errors.is_empty());
            prop_assert_eq!(again.entries.len(), 1);
            prop_assert_eq!(&again.entries[0].policy, &entry.policy);
            prop_assert_eq!(&again.entries[0].template, &entry.template);
            prop_assert_eq!(&again.entries[0].options, &entry.options);
            prop_assert_eq!(&value[entry.span.clone()], entry.to_string());
            prop_assert!(entry.options.is_empty() || kind == Kind::Instance);
            prop_assert!(entry.options.iter().filter(|option| option.is_exclusive()).count() <= 1);
        }
    }

    #[test]
    fn every_good_entry_is_read(good in vec(entry(), 1..6), blanks in vec("[ \t]{1,3}", 6)) {
        let mut seen = std::collections::BTreeSet::new();
        let good: Vec<_> = good.into_iter().filter(|(policy, ..)| seen.insert(policy.clone())).collect();
        let mut value = String::new();
        for ((policy, template, options), blank) in good.iter().zip(&blanks) {
            value += blank;
            value += policy;
            value.extend(template.iter().flat_map(|template| [":", template]));
            value.extend(options.iter().flat_map(|option| ["#", option.as_str()]));
        }
        let parsed = parse(&value, Kind::Instance);
        prop_assert_eq!(&parsed.errors, &[]);
        let read: Vec<_> = parsed
            .entries
            .into_iter()
            .map(|entry| (String::from(entry.policy), entry.template.map(String::from), entry.options))
            .collect();
        prop_assert_eq!(read, good);
    }

    #[test]
    fn carets_stand_under_the_text(value in value(), kind in kind()) {
        for error in parse(&value, kind).errors {
            let shown = render(&value, &error);
            let lines: Vec<_> = shown.split('\n').collect();
            prop_assert_eq!(lines.len(), 4);
            prop_assert!(lines[2].ends_with('^') && lines[2].len() > "  | ".len());
            prop_assert!(lines[2].len() <= lines[1].chars().count().max("  | ^".len()) || value.ends_with(char::is_whitespace));
        }
    }
}
