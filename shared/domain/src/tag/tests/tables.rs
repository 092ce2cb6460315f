//! What each text means.

use rstest::rstest;
use serde_json::json;

use crate::kind::Kind;
use crate::tag::{
    BackupOption::{self, AppAware, InitialAmi, OnlyAmis, OnlyAmisReboot, OnlySnaps},
    ErrorCode::{self, *},
    NO_BACKUP, parse,
};

const NAME_64: &str = "a234567890b234567890c234567890d234567890e234567890f234567890g234";
const NAME_65: &str = "a234567890b234567890c234567890d234567890e234567890f234567890g2345";

/// The entries as printed.
fn entries(value: &str, kind: Kind) -> Vec<String> {
    parse(value, kind).entries.iter().map(ToString::to_string).collect()
}

/// The errors, each with the text of its place.
fn errors(value: &str, kind: Kind) -> Vec<(ErrorCode, &str)> {
    parse(value, kind).errors.iter().map(|error| (error.code, &value[error.span()])).collect()
}

#[rstest]
#[case("web", &["web"])]
#[case("policy1 policy2 policy3", &["policy1", "policy2", "policy3"])]
#[case("  web   db  ", &["web", "db"])]
#[case("web\tdb\nfiles\u{a0}mail\r\n", &["web", "db", "files", "mail"])]
#[case("new_policy1:existing_policy1", &["new_policy1:existing_policy1"])]
#[case("new1:old1 web new2:old1", &["new1:old1", "web", "new2:old1"])]
#[case("my_new_policy:existing_policy#only-amis", &["my_new_policy:existing_policy#only-amis"])]
#[case("policy1#initial-ami#app-aware", &["policy1#initial-ami#app-aware"])]
#[case("web Web WEB", &["web", "Web", "WEB"])] // Case is kept.
#[case("only-snaps", &["only-snaps"])] // Without a `#` it is a name.
#[case("a.b_c-1", &["a.b_c-1"])]
#[case("No-Backup", &["No-Backup"])] // Only the lower case is the word of the language.
#[case("no-backups", &["no-backups"])]
#[case(NAME_64, &[NAME_64])]
fn reads(#[case] value: &str, #[case] expected: &[&str]) {
    assert_eq!(errors(value, Kind::Instance), []);
    assert_eq!(entries(value, Kind::Instance), expected);
    assert!(!parse(value, Kind::Instance).no_backup);
}

#[rstest]
#[case("web", &[])]
#[case("web#only-snaps", &[OnlySnaps])]
#[case("web#initial-ami", &[InitialAmi])]
#[case("web#only-amis", &[OnlyAmis])]
#[case("web#only-amis-reboot", &[OnlyAmisReboot])]
#[case("web#app-aware", &[AppAware])]
#[case("web#app-aware#only-snaps", &[AppAware, OnlySnaps])]
#[case("web#only-snaps#app-aware", &[OnlySnaps, AppAware])]
fn reads_options_in_the_order_written(#[case] value: &str, #[case] options: &[BackupOption]) {
    assert_eq!(parse(value, Kind::Instance).entries[0].options, options);
}

#[rstest]
fn reads_entries_without_options_on_every_kind(
    #[values("web", "new:web db")] value: &str,
    #[values(Kind::Instance, Kind::Volume, Kind::Rds, Kind::Aurora, Kind::Redshift)] kind: Kind,
) {
    assert_eq!(errors(value, kind), []);
    assert_eq!(entries(value, kind).join(" "), value);
}

#[rstest]
#[case("no-backup", true)]
#[case("  no-backup\n", true)]
#[case("no-backup web", false)]
#[case("No-backup", false)]
#[case("no-backup#only-snaps", false)]
fn no_backup_stands_alone(#[case] value: &str, #[case] no_backup: bool) {
    let parsed = parse(value, Kind::Instance);
    assert_eq!(parsed.no_backup, no_backup);
    assert!(!no_backup || (parsed.entries.is_empty() && parsed.errors.is_empty()));
}

#[rstest]
#[case::empty("", &[(Empty, "")], &[])]
#[case::blank("  ", &[(Empty, "  ")], &[])]
#[case::blank_wide("\u{3000}\t", &[(Empty, "\u{3000}\t")], &[])]
#[case::bad_character("we!b db", &[(BadName, "we!b")], &["db"])]
#[case::not_ascii("db naïve", &[(BadName, "naïve")], &["db"])]
#[case::too_long(NAME_65, &[(BadName, NAME_65)], &[])]
#[case::comma("web,db", &[(BadName, "web,db")], &[])]
#[case::bad_pair("n!w:t?mplate", &[(BadName, "n!w"), (BadName, "t?mplate")], &[])]
#[case::two_colons("a:b:c", &[(BadName, "b:c")], &[])]
#[case::no_policy(":web", &[(BadName, ":")], &[])]
#[case::no_template("web:", &[(BadName, ":")], &[])]
#[case::colon_alone("web : db", &[(BadName, ":")], &["web", "db"])]
#[case::own_template("web:web db", &[(BadName, "web")], &["db"])]
#[case::reserved_policy("no-backup:web", &[(BadName, "no-backup")], &[])]
#[case::reserved_template("new:no-backup", &[(BadName, "no-backup")], &[])]
#[case::option_apart("web #only-snaps", &[(BadName, "#")], &["web"])]
#[case::hash_alone("#", &[(BadName, "#"), (UnknownOption, "#")], &[])]
#[case::unknown("web#only-snap db", &[(UnknownOption, "#only-snap")], &["db"])]
#[case::upper_case("web#Only-Snaps", &[(UnknownOption, "#Only-Snaps")], &[])]
#[case::option_empty("web#", &[(UnknownOption, "#")], &[])]
#[case::option_doubled_hash("web##only-snaps", &[(UnknownOption, "#")], &[])]
#[case::option_before_template("new#only-amis:web", &[(UnknownOption, "#only-amis:web")], &[])]
#[case::conflicting("web#only-snaps#only-amis", &[(ConflictingOptions, "#only-amis")], &[])]
#[case::conflicting_apart("web#only-snaps#app-aware#initial-ami", &[(ConflictingOptions, "#initial-ami")], &[])]
#[case::repeated("web#app-aware#app-aware", &[(RepeatedOption, "#app-aware")], &[])]
#[case::repeated_exclusive("web#only-amis#only-amis", &[(RepeatedOption, "#only-amis")], &[])]
#[case::both(
    "web#only-snaps#only-amis#only-snaps",
    &[(ConflictingOptions, "#only-amis"), (RepeatedOption, "#only-snaps")],
    &[]
)]
#[case::not_alone("no-backup web", &[(NoBackupNotAlone, NO_BACKUP)], &["web"])]
#[case::not_alone_last("web db no-backup", &[(NoBackupNotAlone, NO_BACKUP)], &["web", "db"])]
#[case::not_alone_with_option("no-backup#only-snaps", &[(NoBackupNotAlone, "no-backup#only-snaps")], &[])]
#[case::not_alone_twice("no-backup no-backup", &[(NoBackupNotAlone, NO_BACKUP), (NoBackupNotAlone, NO_BACKUP)], &[])]
#[case::semicolon("new;web db", &[(SemicolonForColon, ";")], &["db"])]
#[case::semicolon_as_space("web;db;mail", &[(SemicolonForColon, ";"), (SemicolonForColon, ";")], &[])]
#[case::semicolon_at_end("web; db", &[(SemicolonForColon, ";")], &["db"])]
#[case::semicolon_first(";web db", &[(SemicolonForColon, ";")], &["db"])]
#[case::semicolon_alone("new ; web", &[(SemicolonForColon, ";")], &["new", "web"])]
#[case::semicolon_and_same("web;web", &[(SemicolonForColon, ";"), (BadName, "web")], &[])]
#[case::semicolon_and_colon("new:web;db", &[(SemicolonForColon, ";")], &[])]
#[case::duplicate("web db web", &[(DuplicatePolicy, "web")], &["web", "db"])]
#[case::duplicate_with_options("web#only-snaps web#only-amis", &[(DuplicatePolicy, "web")], &["web#only-snaps"])]
#[case::duplicate_pair("new:web new:db", &[(DuplicatePolicy, "new")], &["new:web"])]
#[case::not_duplicate_of_a_wrong_one("web#nonsense web", &[(UnknownOption, "#nonsense")], &["web"])]
#[case::several(
    "wéb;db#only-snap#app-aware#app-aware",
    &[(BadName, "wéb"), (SemicolonForColon, ";"), (UnknownOption, "#only-snap"), (RepeatedOption, "#app-aware")],
    &[]
)]
fn reports(#[case] value: &str, #[case] expected: &[(ErrorCode, &str)], #[case] still_count: &[&str]) {
    assert_eq!(errors(value, Kind::Instance), expected);
    assert_eq!(entries(value, Kind::Instance), still_count);
}

#[rstest]
#[case("web#only-snaps db", &[(OptionNeedsInstance, "#only-snaps")], &["db"])]
#[case("web#app-aware", &[(OptionNeedsInstance, "#app-aware")], &[])]
#[case("web#only-snap", &[(UnknownOption, "#only-snap")], &[])]
// That they are two is of no interest where none may be.
#[case("web#only-amis#only-snaps", &[(OptionNeedsInstance, "#only-amis"), (OptionNeedsInstance, "#only-snaps")], &[])]
fn only_instances_take_options(
    #[case] value: &str,
    #[case] expected: &[(ErrorCode, &str)],
    #[case] still_count: &[&str],
    #[values(Kind::Volume, Kind::Rds, Kind::Aurora, Kind::Redshift)] kind: Kind,
) {
    assert_eq!(errors(value, kind), expected);
    assert_eq!(entries(value, kind), still_count);
}

#[rstest]
#[case("web #app-aware", "`web#app-aware`")]
#[case("web we!b #app-aware", "`policy#app-aware`")] // The word right before it cannot be advised.
#[case("new;web", "`new:web`")]
#[case("web;web", "`new:template`")] // A policy after itself neither.
fn help_names_what_to_write(#[case] value: &str, #[case] advice: &str) {
    let error =
        parse(value, Kind::Instance).errors.into_iter().rfind(|error| error.code != BadName || value.contains('#'));
    let help = error.unwrap().help;
    assert!(help.contains(advice), "{help}");
}

#[test]
fn json_has_the_shape_that_scripts_rely_on() {
    let parsed = parse("web#only-snaps#app-aware n:web#x", Kind::Instance);
    let error = &parsed.errors[0];
    assert_eq!(
        serde_json::to_value(&parsed).unwrap(),
        json!({
            "no_backup": false,
            "entries": [{"policy": "web", "template": null, "options": ["only-snaps", "app-aware"]}],
            "errors": [{
                "start": 30, "end": 32, "code": "unknown-option", "message": error.message, "help": error.help,
            }],
        })
    );
}

#[test]
fn codes_are_the_same_in_text_and_json() {
    for code in ErrorCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}
