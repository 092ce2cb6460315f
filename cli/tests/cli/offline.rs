//! What needs no deployment: the tag language, and what a schedule will do.

use std::fs;

use insta::assert_snapshot;
use rstest::rstest;
use serde_json::json;

use crate::command::{Ran, cpm, end, run, run_in, run_with};

fn check(args: &[&str]) -> Ran {
    run(&mut cpm(), &[&["tag", "check"], args].concat())
}

#[test]
fn a_right_tag() {
    let ran = check(&["--json", "web shop:db#only-snaps#app-aware"]);
    assert_eq!(
        (ran.code, ran.json()),
        (
            0,
            json!({"no_backup": false, "entries": [
                {"policy": "web", "template": null, "options": []},
                {"policy": "shop", "template": "db", "options": ["only-snaps", "app-aware"]}], "errors": []})
        )
    );
    assert_eq!(ran.err, "");
    assert_snapshot!(check(&["web shop:db#only-snaps#app-aware"]));
}

#[test]
fn a_wrong_tag() {
    let ran = check(&["web#only-snap", "--json"]);
    assert_eq!(
        (ran.code, ran.json()),
        (
            1,
            json!({"no_backup": false, "entries": [], "errors": [{"start": 3, "end": 13, "code": "unknown-option",
                "message": "`#only-snap` is not a backup option", "help": "write `#only-snaps`"}]})
        )
    );
    // Scripts read the keys by name, people by order.
    assert!(ran.out.find("no_backup") < ran.out.find("entries") && ran.out.find("entries") < ran.out.find("errors"));
    assert_snapshot!(check(&["naïve web#only-snap db"]));
}

#[rstest]
#[case(&["", "--json"], &["empty"])]
#[case(&["--json", "web;db"], &["semicolon-for-colon"])]
#[case(&["--json", "--kind", "volume", "web#only-snaps"], &["option-needs-instance"])]
#[case(&["--json", "web#only-snaps"], &[])]
#[case(&["--json", "no-backup"], &[])]
#[case(&["--json", "no-backup web"], &["no-backup-not-alone"])]
// A value is a value whatever it begins with.
#[case(&["--json", "#only-snaps"], &["bad-name"])]
#[case(&["--json", "-web"], &[])]
#[case(&["--json", "--", "--json"], &[])]
fn errors_have_codes(#[case] args: &[&str], #[case] codes: &[&str]) {
    let ran = check(args);
    let json = ran.json();
    let found: Vec<_> =
        json["errors"].as_array().unwrap().iter().map(|error| error["code"].as_str().unwrap()).collect();
    assert_eq!(found, codes, "{ran}");
    assert_eq!(ran.code, i32::from(!codes.is_empty()), "{ran}");
}

const SCHEDULES: &str = "\
schedules:
  - name: nightly
    repeat: {every: 1, unit: days}
    start: 2026-01-01T02:30
    timezone: Europe/Berlin
  - {name: monthly, repeat: {every: 1, unit: months}, start: 2026-01-31T02:00, end: 2026-04-01T00:00}
  - {name: never, repeat: {every: 1, unit: weeks}, start: 2026-01-01T02:00, weekdays: [sun]}
  - {name: wrong, repeat: {every: 0, unit: months}, start: 2026-01-31T02:00}
  - {name: twice, repeat: {every: 1, unit: days}, start: 2026-01-31T02:00}
  - {name: twice, repeat: {every: 2, unit: days}, start: 2026-01-31T02:00}
";

fn preview(text: &str, args: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("s.yaml"), text).unwrap();
    run_in(directory.path(), &mut cpm(), &[&["schedule", "preview", "s.yaml"], args].concat())
}

#[rstest]
#[case("nightly", "2026-03-28T12:00:00Z", "2", json!(["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]))]
// A run at the instant itself is one of them.
#[case("nightly", "2026-03-29T03:30:00+02:00", "1", json!(["2026-03-29T03:30:00+02:00"]))]
// Local times and days are those of the schedule's zone: midnight in Berlin is 23:00 in UTC.
#[case("nightly", "2026-03-29", "1", json!(["2026-03-29T03:30:00+02:00"]))]
#[case("nightly", "2026-03-28T02:31", "1", json!(["2026-03-29T03:30:00+02:00"]))]
#[case("nightly", "2026-03-28", "0", json!([]))]
// Without a zone it is UTC; fewer only when there are no more.
#[case("monthly", "2026-02-01", "9", json!(["2026-02-28T02:00:00+00:00", "2026-03-31T02:00:00+00:00"]))]
fn previews(#[case] name: &str, #[case] from: &str, #[case] count: &str, #[case] runs: serde_json::Value) {
    let ran = preview(SCHEDULES, &["--json", "--name", name, "--from", from, "--count", count]);
    assert_eq!((ran.code, &ran.json()["runs"], ran.err.as_str()), (0, &runs, ""), "{ran}");
}

#[test]
fn warns() {
    let ran = preview(SCHEDULES, &["--json", "--name", "never", "--from", "2026-01-01"]);
    assert_eq!(ran.code, 0, "{ran}");
    let json = ran.json();
    assert_eq!((&json["runs"], &json["warnings"][0]["code"]), (&json!([]), &json!("never-runs")));
    assert_eq!(json["warnings"][0].as_object().unwrap().len(), 2, "{ran}");
    assert_snapshot!(preview(SCHEDULES, &["--name", "never", "--from", "2026-01-01"]));
    assert_snapshot!(preview(SCHEDULES, &["--name", "monthly", "--from", "2026-03-01"]));
}

#[test]
fn of_one_schedule_the_name_goes_without_saying() {
    let one = "schedules:\n  - {name: hourly, repeat: {every: 6, unit: hours}, start: 2026-01-01T00:00}\n";
    assert_snapshot!(preview(one, &["--from", "2026-03-28T12:00Z", "--count", "3"]));
    let ran =
        run_with(&mut cpm(), &["schedule", "preview", "-", "--from", "2026-03-28", "--count", "1", "--json"], one);
    assert_eq!(ran.json(), json!({"runs": ["2026-03-28T00:00:00+00:00"], "warnings": []}), "{ran}");
    // Without `--from` it is from now on.
    assert_eq!(preview(one, &["--json"]).json()["runs"].as_array().unwrap().len(), 10);
}

#[rstest]
#[case("which", SCHEDULES, &[])]
#[case("unknown", SCHEDULES, &["--name", "weekly"])]
#[case("wrong", SCHEDULES, &["--name", "wrong"])]
#[case("twice", SCHEDULES, &["--name", "twice"])]
#[case("none", "policies: []\n", &[])]
#[case("none_of_that_name", "policies: []\n", &["--name", "nightly"])]
fn previews_that_fail(#[case] case: &str, #[case] text: &str, #[case] args: &[&str]) {
    let ran = preview(text, args);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran}");
    assert_snapshot!(format!("preview_{case}"), ran);
    // Programs are told by the exit code alone.
    let ran = preview(text, &[args, &["--json"]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran}");
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    use std::process::Stdio;
    let mut child = cpm().args(["completion", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran = end(child);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
}
