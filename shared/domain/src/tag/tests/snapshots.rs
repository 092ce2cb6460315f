//! The messages, as an operator sees them.

use insta::assert_snapshot;

use crate::kind::Kind;
use crate::tag::{parse, render};

fn shown_on(kind: Kind, value: &str) -> String {
    let errors = parse(value, kind).errors;
    errors.iter().map(|error| render(value, error)).collect::<Vec<_>>().join("\n\n")
}

fn shown(value: &str) -> String {
    shown_on(Kind::Instance, value)
}

#[test]
fn empty() {
    assert_snapshot!(shown(""), @r"
    error[empty]: the tag has no value
      |
      | ^
      = help: write a policy, `new:template` to make a policy after another, or `no-backup`; or take the tag off
    ");
    assert_snapshot!(shown("   "), @r"
    error[empty]: the tag's value is nothing but spaces
      |
      | ^^^
      = help: write a policy, `new:template` to make a policy after another, or `no-backup`; or take the tag off
    ");
}

#[test]
fn bad_name() {
    assert_snapshot!(shown("naïve"), @r"
    error[bad-name]: the name `naïve` holds `ï` (U+00EF)
      | naïve
      | ^^^^^
      = help: write the name of a policy; names are made of the letters A to Z and a to z, digits, `_`, `-` and `.`
    ");
    assert_snapshot!(shown("we\u{200b}b"), @r"
    error[bad-name]: the name `we\u{200b}b` holds the character U+200B
      | we\u{200b}b
      | ^^^^^^^^^^^
      = help: write the name of a policy; names are made of the letters A to Z and a to z, digits, `_`, `-` and `.`
    ");
    assert_snapshot!(shown("web,db"), @r"
    error[bad-name]: the name `web,db` holds `,`
      | web,db
      | ^^^^^^
      = help: write a space between one policy and the next
    ");
    assert_snapshot!(shown("a:b:c"), @r"
    error[bad-name]: the name `b:c` holds `:`
      | a:b:c
      |   ^^^
      = help: write one `:` only, as in `new:template`, and a space between one entry and the next
    ");
    assert_snapshot!(shown(&"policy".repeat(11)), @r"
    error[bad-name]: the name `policypolicypolicypolicypolicypolicypoli…` has 66 characters
      | policypolicypolicypolicypolicypolicypolicypolicypolicypolicypolicy
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = help: write the name of a policy; names have at most 64 characters
    ");
    assert_snapshot!(shown("new:no-backup"), @r"
    error[bad-name]: `no-backup` cannot be the name of a policy
      | new:no-backup
      |     ^^^^^^^^^
      = help: write `no-backup` and nothing else to back up nowhere, or another name here
    ");
    assert_snapshot!(shown("web:web"), @r"
    error[bad-name]: policy `web` cannot be its own template
      | web:web
      |     ^^^
      = help: write `web` alone to use the policy, or another template to make it
    ");
    assert_snapshot!(shown(":web"), @r"
    error[bad-name]: there is no policy before `:`
      | :web
      | ^
      = help: write `new:web` to make a policy after `web`, or `web` alone to use it
    ");
    assert_snapshot!(shown("web:"), @r"
    error[bad-name]: there is no template after `web:`
      | web:
      |    ^
      = help: write `web:template`, without a space, to make a policy after another, or `web` alone
    ");
    assert_snapshot!(shown("db:web #only-snaps"), @r"
    error[bad-name]: there is no policy before `#only-snaps`
      | db:web #only-snaps
      |        ^
      = help: write an option right after its policy, without a space: `db:web#only-snaps`
    ");
    assert_snapshot!(shown("#only-snaps"), @r"
    error[bad-name]: there is no policy before `#only-snaps`
      | #only-snaps
      | ^
      = help: write an option right after its policy, without a space: `policy#only-snaps`
    ");
    assert_snapshot!(shown("#"), @r"
    error[bad-name]: there is no policy before `#`
      | #
      | ^
      = help: take the `#` out, or write a policy before it and an option after it

    error[unknown-option]: there is no backup option after `#`
      | #
      | ^
      = help: write one of `#only-snaps` `#initial-ami` `#only-amis` `#only-amis-reboot` `#app-aware`, or take it out
    ");
}

#[test]
fn unknown_option() {
    assert_snapshot!(shown("web db#only-snap"), @r"
    error[unknown-option]: `#only-snap` is not a backup option
      | web db#only-snap
      |       ^^^^^^^^^^
      = help: write `#only-snaps`
    ");
    assert_snapshot!(shown("web#APP-aware"), @r"
    error[unknown-option]: `#APP-aware` is not a backup option
      | web#APP-aware
      |    ^^^^^^^^^^
      = help: write `#app-aware`, in lower case
    ");
    assert_snapshot!(shown("web#fast"), @r"
    error[unknown-option]: `#fast` is not a backup option
      | web#fast
      |    ^^^^^
      = help: write one of `#only-snaps` `#initial-ami` `#only-amis` `#only-amis-reboot` `#app-aware`, or take it out
    ");
    assert_snapshot!(shown("new#only-amis:web"), @r"
    error[unknown-option]: `#only-amis:web` is not a backup option
      | new#only-amis:web
      |    ^^^^^^^^^^^^^^
      = help: write options after the template: `new:web#only-amis`
    ");
    assert_snapshot!(shown_on(Kind::Volume, "web#fast"), @r"
    error[unknown-option]: `#fast` is not a backup option
      | web#fast
      |    ^^^^^
      = help: take it out: a volume takes no options
    ");
}

#[test]
fn conflicting_and_repeated_options() {
    assert_snapshot!(shown("web#only-snaps#only-amis#only-snaps"), @r"
    error[conflicting-options]: `#only-amis` contradicts `#only-snaps`
      | web#only-snaps#only-amis#only-snaps
      |               ^^^^^^^^^^
      = help: keep one of the two

    error[repeated-option]: `#only-snaps` stands twice on one entry
      | web#only-snaps#only-amis#only-snaps
      |                         ^^^^^^^^^^^
      = help: take one of the two out
    ");
}

#[test]
fn option_needs_instance() {
    assert_snapshot!(shown_on(Kind::Rds, "web#only-snaps"), @r"
    error[option-needs-instance]: `#only-snaps` is for instances, and this is an RDS database
      | web#only-snaps
      |    ^^^^^^^^^^^
      = help: take it out: an RDS database takes no options
    ");
}

#[test]
fn no_backup_not_alone() {
    assert_snapshot!(shown("web no-backup"), @r"
    error[no-backup-not-alone]: `no-backup` stands beside other entries, and counts for nothing there
      | web no-backup
      |     ^^^^^^^^^
      = help: write `no-backup` and nothing else to back up nowhere, or take it out of the tag
    ");
    assert_snapshot!(shown("no-backup#only-snaps"), @r"
    error[no-backup-not-alone]: `no-backup` takes no options, and counts for nothing with them
      | no-backup#only-snaps
      | ^^^^^^^^^^^^^^^^^^^^
      = help: write `no-backup` and nothing else to back up nowhere, or take it out of the tag
    ");
}

#[test]
fn semicolon_for_colon() {
    assert_snapshot!(shown("new_policy1;existing_policy1"), @r"
    error[semicolon-for-colon]: `;` does not separate a new policy from its template
      | new_policy1;existing_policy1
      |            ^
      = help: write `new_policy1:existing_policy1` to make `new_policy1` after `existing_policy1`, or `new_policy1 existing_policy1` for two policies
    ");
    assert_snapshot!(shown("web;db;mail"), @r"
    error[semicolon-for-colon]: `;` does not separate a new policy from its template
      | web;db;mail
      |    ^
      = help: write `new:template` to make a policy after another, and a space between one entry and the next

    error[semicolon-for-colon]: `;` does not separate a new policy from its template
      | web;db;mail
      |       ^
      = help: write `new:template` to make a policy after another, and a space between one entry and the next
    ");
}

#[test]
fn duplicate_policy() {
    assert_snapshot!(shown("web db web#only-snaps"), @r"
    error[duplicate-policy]: policy `web` is named twice
      | web db web#only-snaps
      |        ^^^
      = help: keep one of the two; the first counts until then
    ");
}

#[test]
fn places_after_what_cannot_be_seen() {
    assert_snapshot!(shown("na\u{7}ïve\tdb#x"), @r"
    error[bad-name]: the name `na\u{7}ïve` holds the character U+0007
      | na\u{7}ïve\tdb#x
      | ^^^^^^^^^^
      = help: write the name of a policy; names are made of the letters A to Z and a to z, digits, `_`, `-` and `.`

    error[unknown-option]: `#x` is not a backup option
      | na\u{7}ïve\tdb#x
      |               ^^
      = help: write one of `#only-snaps` `#initial-ami` `#only-amis` `#only-amis-reboot` `#app-aware`, or take it out
    ");
}
