//! Mistakes in policy files: file, line and a pointer, before any deployment is spoken to.

use std::{fmt::Write as _, fs};

use insta::assert_snapshot;
use rstest::rstest;

use crate::command::{Ran, cpm, run_in, run_with};

fn plan(files: &[(&str, &[u8])], args: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    run_in(directory.path(), &mut cpm(), &[&["plan"], args].concat())
}

/// Each text with what is said of it, in one snapshot.
fn said_of(texts: &[&str]) -> String {
    let mut said = String::new();
    for text in texts {
        let ran = plan(&[("p.yaml", text.as_bytes())], &["-f", "p.yaml"]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{text}\n{ran}");
        assert!(!ran.err.contains("no deployment is given"), "accepted:\n{text}");
        writeln!(said, "{}", ran.err).unwrap();
    }
    said
}

#[test]
fn syntax() {
    let said = said_of(&[
        "policies:\n  - name: web\n   account: main\n",
        "policies:\n\t- name: web\n",
        "policies:\n  - name: \"web\n    account: main\n",
        "policies:\n  - {name: web, account: main\n",
        "policies:\n  - name: web: front\n",
        "policies:\n  - name: *web\n",
        "policies: []\n---\npolicies: []\n",
        "policies: [}\n",
    ]);
    assert_snapshot!(said);
}

#[test]
fn fields() {
    let said = said_of(&[
        "polices: []\n",
        "\u{feff}polices: []\n",
        "policies:\n  - name: web\n    account: main\n    generation: 30\n",
        "policies:\n  - name: web\n    account: main\n    owner: ann\n",
        "policies:\n  - name: web\n    name: db\n    account: main\n",
        "policies:\n  - account: main\n",
        "policies:\n  - name: web\n    account: main\n    retry: {tries: 3}\n",
        "accounts:\n  - {name: prod, role: {account: \"111122223333\", nam: cpm}}\n",
        "schedules:\n  - {name: n, repeat: {every: 1}, start: 2026-01-01T02:00}\n",
        "schedules:\n  - {name: n, repeat: {every: 1, unit: days}, start: 2026-01-01T02:00, zone: UTC}\n",
    ]);
    assert_snapshot!(said);
}

#[test]
fn values() {
    let said = said_of(&[
        "[]\n",
        "web\n",
        "policies: {name: web}\n",
        "policies: [web]\n",
        "policies:\n  - name: front ends\n    account: main\n",
        "policies:\n  - name:\n    account: main\n",
        "policies:\n  - name: [web]\n    account: main\n",
        "policies:\n  - name: web\n    account: main\n    generations: many\n",
        "policies:\n  - name: web\n    account: main\n    generations: -1\n",
        "policies:\n  - name: web\n    account: main\n    enabled: maybe\n",
        "policies:\n  - name: web\n    account: main\n    schedules: nightly\n",
        "policies:\n  - name: web\n    account: main\n    success: best\n",
        "policies:\n  - name: web\n    account: main\n    auto_target_removal: perhaps\n",
        "policies:\n  - name: web\n    account: main\n    retry: {wait: 10}\n",
        "policies:\n  - name: web\n    account: main\n    targets:\n      - {instance: vol-0123456789abcdef0, region: us-east-1}\n",
        "policies:\n  - name: web\n    account: main\n    targets:\n      - {instance: i-0123456789abcdef0, region: us-east}\n",
        "policies:\n  - name: web\n    account: main\n    targets:\n      - {instance: i-0123456789abcdef0, region: us-east-1, option: only-snap}\n",
        "policies:\n  - name: web\n    account: main\n    targets:\n      - {instance: i-0123456789abcdef0, region: us-east-1, volumes: {exclud: [vol-0123456789abcdef0]}}\n",
        "policies:\n  - name: web\n    account: main\n    targets:\n      - {instance: i-0123456789abcdef0, region: us-east-1, volumes: [vol-0123456789abcdef0]}\n",
        "policies:\n  - name: web\n    account: main\n    targets:\n      - {instance: i-0123456789abcdef0, region: us-east-1, volumes: {include: [], exclude: []}}\n",
        "accounts:\n  - {name: main, role: mine}\n",
        "accounts:\n  - {name: main, role: {account: 1111, name: cpm}}\n",
        "accounts:\n  - {name: main, role: own, type: vault}\n",
    ]);
    assert_snapshot!(said);
}

#[test]
fn sense() {
    let said = said_of(&[
        // Everything at once, each at its place.
        "\
accounts:
  - {name: prod, role: {account: \"111122223333\", name: \"arn:aws:iam::111122223333:role/cpm\"}}
schedules:
  - name: nightly
    repeat: {every: 0, unit: days}
    start: 2026-01-01T02:00
  - {name: daily, repeat: {every: 1, unit: day}, start: 2026-01-01T02:00}
  - {name: late, repeat: {every: 1, unit: days}, start: 2026-01-01T02:00, end: 2025-01-01T00:00}
  - {name: berlin, repeat: {every: 1, unit: days}, start: 2026-01-01T02:00, timezone: Berlin}
policies:
  - name: web
    account: main
    generations: 0
    targets:
      - {instance: i-0123456789abcdef0, region: us-east-1, volumes: {exclude: []}}
      - {volume: vol-0123456789abcdef0, region: us-east-1, option: only-amis}
      - region: us-east-1
      - {volume: vol-0123456789abcdef1, region: us-east-1}
      - {volume: vol-0123456789abcdef1, region: us-east-1}
  - {name: web, account: main}
",
    ]);
    assert_snapshot!(said);
}

#[test]
fn places_are_those_of_the_file_that_is_wrong() {
    let good = b"policies:\n  - {name: web, account: main}\n  - {name: db, account: main}\n";
    let bad = b"# more\npolicies:\n  - {name: mail, account: main, generations: 0}\n  - {name: web, account: main}\n";
    let ran = plan(&[("a.yaml", good), ("b.yaml", bad)], &["-f", "a.yaml", "-f", "b.yaml"]);
    assert_snapshot!(ran);
    // So are those of files in a directory, read in order of their names; other files there are none of cpm's business.
    let files: [(&str, &[u8]); 3] = [("d/2.yml", bad), ("d/1.yaml", good), ("d/README.md", b"# not YAML: [")];
    assert_snapshot!(plan(&files, &["-f", "d"]));
    // Every file that cannot be read is told.
    assert_snapshot!(plan(&[("a.yaml", b"polices: []\n")], &["-f", "a.yaml", "b.yaml"]));
}

#[test]
fn what_is_no_policy_file() {
    let mut said = String::new();
    let files: [(&str, &[u8]); 4] = [
        ("empty.yaml", b"# nothing\n"),
        ("latin.yaml", b"policies: []\n# gr\xfc\xdfe\n"),
        ("d/x.txt", b""),
        ("nul", b"null"),
    ];
    for name in ["empty.yaml", "nul", "latin.yaml", "d", "missing.yaml", "-"] {
        let ran = plan(&files, &["-f", name]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran}");
        writeln!(said, "{}", ran.err).unwrap();
    }
    writeln!(said, "{}", plan(&files, &["-f", "-", "-f", "-"]).err).unwrap();
    assert_snapshot!(said);
}

#[rstest]
#[case("policies: []\n")]
#[case("{}\n")]
#[case("\u{feff}policies: []\n")]
#[case("{\"policies\": []}\n")]
#[case("policies:\n  - &web {name: web, account: main}\n  - {<<: *web, name: db}\n")]
#[case("policies:\n  - {name: web, account: main, auto_target_removal: no, enabled: no}\n")]
#[case("accounts:\n  - {name: prod, role: {account: 111122223333, name: cpm-backup}}\n")]
fn what_is_right_gets_as_far_as_the_deployment(#[case] text: &str) {
    let ran = run_with(&mut cpm(), &["plan", "-f", "-"], text);
    assert_snapshot!("no_deployment", ran);
}

/// The example that everybody starts from.
#[test]
fn the_whole_format() {
    let text = r#"
accounts:
  - {name: main, type: backup, role: own, scan: {enabled: true, regions: [us-east-1, eu-west-1]}}
  - {name: prod, type: backup, role: {account: "111122223333", name: cpm-backup, external_id: x7}, scan: {enabled: false}}
schedules:
  - name: nightly
    repeat: {every: 1, unit: days}          # minutes hours days weeks months
    start: 2026-01-01T02:00
    timezone: Europe/Berlin
    end: 2027-01-01T00:00
    weekdays: [mon, tue, wed, thu, fri]
    disabled: [{day: tue, from: "13:00", to: "15:00"}, {day: every, from: "18:00", to: "06:00"}]
policies:
  - name: web
    description: front ends
    account: main
    enabled: true
    generations: 30
    schedules: [nightly]
    auto_target_removal: yes-and-alert      # no, yes
    success: no-issues                      # or snapshots
    retry: {count: 3, wait: 10m}
    targets:
      - {instance: i-0123456789abcdef0, region: us-east-1, volumes: {exclude: [vol-0123456789abcdef0]}, option: only-snaps}
      - {volume: vol-0123456789abcdef1, region: eu-west-1}
"#;
    let ran = run_with(&mut cpm(), &["plan", "-f", "-"], text);
    assert!(ran.err.starts_with("error: no deployment is given"), "{ran}");
}
