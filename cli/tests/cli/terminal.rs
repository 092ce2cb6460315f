//! On a terminal: questions and their answers, widths, and progress.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use insta::assert_snapshot;
use rstest::rstest;
use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::{Value, json};

use crate::{
    command::cpm_at,
    stub::Stub,
    views::{
        alert, applied, backup, backup_summary, checked, event, frozen, images, panel, plan, policy, policy_summary,
        recovery, scan, scan_run, switching,
    },
};

/// The binary on a terminal of its own.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts it on one of so many columns.
    fn start(mut command: Command, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let no_control = i32::try_from(OFlags::NOCTTY.bits()).unwrap();
        let slave = OpenOptions::new().read(true).write(true).custom_flags(no_control).open(name).unwrap();
        tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        drop(command);
        drop(slave);
        let keyboard = File::from(master);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut lines, shown) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            // When the last program has left, reading fails.
            while let Ok(read @ 1..) = lines.read(&mut bytes) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        Self { child, keyboard, screen, reader }
    }

    /// Waits until the screen shows a text so many times.
    fn until(&mut self, text: &str, times: usize) {
        let patience = Instant::now();
        while self.shown().matches(text).count() < times {
            assert!(patience.elapsed() < Duration::from_secs(30), "no {times}. `{text}` in\n{}", self.shown());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn shown(&self) -> String {
        self.screen.lock().unwrap().replace("\r\n", "\n")
    }

    /// Waits for its end.
    fn end(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let shown = self.screen;
        self.reader.join().unwrap();
        let shown = shown.lock().unwrap().replace("\r\n", "\n");
        (code, shown)
    }
}

fn with_plan() -> Stub {
    Stub::start()
        .on("POST /v1/plan", plan())
        .on("POST /v1/apply", applied())
        .on("DELETE /v1/policies/web", applied())
        .on("DELETE /v1/accounts/web", applied())
        .on("DELETE /v1/schedules/web", applied())
}

fn command(stub: &Stub, args: &[&str]) -> Command {
    let mut command = cpm_at(&stub.address);
    command.args(args).env("NO_COLOR", "1").env("TERM", "xterm-256color");
    command
}

const QUESTION: &str = "[yes/no] ";

/// Answers at the prompt, one after the other, and whether it is done.
#[rstest]
#[case(&["yes\n"], true)]
#[case(&["y\n"], true)]
#[case(&["YES \n"], true)]
#[case(&["no\n"], false)]
#[case(&["n\n"], false)]
// Ctrl-D.
#[case(&["\x04"], false)]
// Whatever is no answer is asked again, a bare Enter as well.
#[case(&["\n", "yes\n"], true)]
#[case(&["\n", "\n", "no\n"], false)]
#[case(&["sure\n", "yess\n", "ja\n", "1\n", "yes no\n", "yes\n"], true)]
#[case(&["\x1b\n", "\x1b[A\n", "no\n"], false)]
#[case(&["\u{fc}\n", "no\n"], false)]
// A mistake that is taken back before Enter.
#[case(&["no\x7f\x7fyes\n"], true)]
fn apply_asks(#[case] answers: &[&str], #[case] done: bool) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("web.yaml");
    std::fs::write(&file, "policies:\n  - {name: web, account: main}\n").unwrap();
    let stub = with_plan();
    let mut terminal = Terminal::start(command(&stub, &["apply", "-f", file.to_str().unwrap()]), 80);
    for (n, keys) in answers.iter().enumerate() {
        terminal.until(QUESTION, n + 1);
        terminal.types(keys);
    }
    let (code, shown) = terminal.end();
    assert_eq!(code, i32::from(!done), "{shown}");
    assert_eq!(stub.requests().contains(&"POST /v1/apply".to_owned()), done, "{shown}");
    assert!(
        shown.find("Plan: 1 to create, 1 to update, 1 to delete.") < shown.find("Apply these changes?"),
        "{shown}"
    );
    assert!(shown.contains(if done { "Done: 3 changes." } else { "Nothing was changed." }), "{shown}");
    let again = "Write `yes` to go on, or `no` to leave everything as it is.";
    assert_eq!(shown.matches(again).count(), answers.len() - 1, "{shown}");
}

#[test]
fn bytes_that_are_no_text_are_no_answer() {
    let stub = with_plan();
    let mut terminal = Terminal::start(command(&stub, &["policy", "delete", "web"]), 80);
    terminal.until(QUESTION, 1);
    terminal.keyboard.write_all(b"\xff\xfe\n").unwrap();
    terminal.until(QUESTION, 2);
    terminal.types("no\n");
    let (code, shown) = terminal.end();
    assert_eq!((code, stub.requests()), (1, Vec::new()), "{shown}");
}

#[rstest]
#[case("policy", "Delete the policy `web` and all its backups? [yes/no] ")]
#[case("account", "Delete the account `web`? [yes/no] ")]
#[case("schedule", "Delete the schedule `web`? [yes/no] ")]
fn deletes_ask(#[case] noun: &str, #[case] question: &str) {
    for (answer, done) in [("yes\n", true), ("no\n", false)] {
        let stub = with_plan();
        let mut terminal = Terminal::start(command(&stub, &[noun, "delete", "web"]), 80);
        terminal.until(question, 1);
        terminal.types(answer);
        let (code, shown) = terminal.end();
        assert_eq!((code, stub.requests().len()), (i32::from(!done), usize::from(done)), "{shown}");
    }
}

#[test]
fn the_freezer_asks_and_says_what_becomes_of_it() {
    for (answer, done) in [("yes\n", true), ("no\n", false)] {
        let stub = Stub::start().on("GET /v1/freezer/zero", frozen("deletion")).on(
            "DELETE /v1/freezer/zero",
            json!({"name": "zero", "backup": 17, "policy": "web", "afterwards": "deletion", "cleanup": null}),
        );
        let mut terminal = Terminal::start(command(&stub, &["freezer", "remove", "zero"]), 80);
        terminal.until("backup 17 is deleted with all its snapshots: its policy `web` is gone. [yes/no] ", 1);
        terminal.types(answer);
        let (code, shown) = terminal.end();
        assert_eq!((code, stub.requests().len()), (i32::from(!done), 1 + usize::from(done)), "{shown}");
    }
}

/// Answers to the question before a recovery, and whether it is started.
#[rstest]
#[case(&["yes\n"], true)]
#[case(&["no\n"], false)]
#[case(&["\x04"], false)]
#[case(&["\n", "sure\n", "yes\n"], true)]
fn recover_shows_what_will_be_made_and_asks_once(#[case] answers: &[&str], #[case] done: bool) {
    let stub = Stub::start()
        .on("POST /v1/recoveries/plan", checked(&json!([])))
        .on("POST /v1/recoveries", recovery("r7", "running"))
        .on("GET /v1/recoveries/r7", recovery("r7", "succeeded"));
    let mut terminal = Terminal::start(command(&stub, &["recover", "instance", "17"]), 80);
    for (n, keys) in answers.iter().enumerate() {
        terminal.until(QUESTION, n + 1);
        terminal.types(keys);
    }
    let (code, shown) = terminal.end();
    assert_eq!(
        (code, stub.requests().contains(&"POST /v1/recoveries".to_owned())),
        (i32::from(!done), done),
        "{shown}"
    );
    let (asked, then) = shown.split_once("Recover this? ").unwrap();
    assert_snapshot!("recover_asks", asked);
    assert!(done || then.contains("Nothing was made."), "{shown}");
}

#[test]
fn recover_says_what_is_deleted_before_it_asks() {
    let stub = Stub::start().on("POST /v1/recoveries/plan", switching());
    let mut terminal = Terminal::start(command(&stub, &["recover", "volumes", "17"]), 80);
    terminal.until(QUESTION, 1);
    terminal.types("no\n");
    let (code, shown) = terminal.end();
    assert_eq!((code, stub.requests().len()), (1, 1), "{shown}");
    assert_snapshot!(shown);
}

#[test]
fn recover_asks_nobody_who_said_yes_before() {
    let stub = Stub::start()
        .on("POST /v1/recoveries/plan", checked(&json!([])))
        .on("POST /v1/recoveries", recovery("r7", "running"))
        .on("GET /v1/recoveries/r7", recovery("r7", "running"))
        .on("GET /v1/recoveries/r7", recovery("r7", "succeeded"));
    let mut terminal = Terminal::start(command(&stub, &["recover", "instance", "17", "--yes"]), 80);
    terminal.until("1 of 4 calls done", 1);
    let (code, shown) = terminal.end();
    assert!(code == 0 && !shown.contains(QUESTION), "{shown}");
    let (_, answer) = shown.rsplit_once('\r').unwrap();
    assert!(answer.contains("succeeded") && !answer.contains("1 of 4"), "{answer:?}");
}

fn monitor() -> Stub {
    let long = "a-policy-with-quite-a-long-name-as-people-have-them-in-large-estates";
    let mut named = backup_summary(120_345, "partially-successful");
    named["policy"] = json!(&long[..64]);
    let mut attention = policy_summary(&long[..64]);
    attention["attention"] = json!(["never-runs"]);
    let scans: Vec<Value> = vec![scan("2026-03-29T01:00:00Z-root-4f7c1a90", 0)];
    Stub::start()
        .on("GET /v1/backups", json!({"backups": [named, backup_summary(17, "successful")], "next": null}))
        .on("GET /v1/backups/17", backup(17, "failed"))
        .on("GET /v1/freezer", json!({"frozen": [frozen("retention")]}))
        .on("GET /v1/agents", crate::views::agents())
        .on("GET /v1/policies", json!({"policies": [attention, policy_summary("web")]}))
        .on("GET /v1/policies/web", policy("web"))
        .on("GET /v1/scans", json!({"scans": scans}))
        .on("GET /v1/scans/s1", scan_run("s1", "ended", 0))
        .on("GET /v1/alerts", json!({"alerts": [alert()]}))
        .on("GET /v1/audit", json!({"events": [event()], "next": null}))
        .on("GET /v1/accounts", json!({"accounts": [crate::views::account("main"), crate::views::assumed()]}))
        .on("GET /v1/schedules", json!({"schedules": [crate::views::schedule("nightly")]}))
        .on("POST /v1/plan", plan())
        .on("GET /v1/backups/17/recovery", panel())
        .on(
            "GET /v1/recoveries",
            json!({"recoveries": [recovery("r120345", "failed"), recovery("r7", "succeeded")], "next": null}),
        )
        .on("GET /v1/recoveries/r7", recovery("r7", "succeeded"))
        .on("POST /v1/images/like", images())
}

#[rstest]
#[case(&["recover", "list"])]
#[case(&["recover", "show", "17"])]
#[case(&["recover", "show", "r7"])]
#[case(&["image", "like", "17"])]
#[case(&["account", "list"])]
#[case(&["schedule", "list"])]
#[case(&["policy", "list"])]
#[case(&["policy", "show", "web"])]
#[case(&["backup", "list"])]
#[case(&["backup", "show", "17"])]
#[case(&["freezer", "list"])]
#[case(&["agent", "list"])]
#[case(&["scan", "log"])]
#[case(&["scan", "log", "s1"])]
#[case(&["alert", "list"])]
#[case(&["audit", "list"])]
fn eighty_columns_are_enough(#[case] args: &[&str]) {
    let (code, shown) = Terminal::start(command(&monitor(), args), 80).end();
    assert_eq!(code, 0, "{shown}");
    // Sentences below a table are the terminal's to break.
    let widest = shown.lines().filter(|line| !line.contains(": ")).map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{widest:?}\n{shown}");
    assert_snapshot!(format!("narrow_{}", args.join("_")), shown);
}

#[test]
fn colours_where_they_are_wanted() {
    let mut colored = command(&monitor(), &["backup", "list"]);
    colored.env_remove("NO_COLOR");
    let (_, shown) = Terminal::start(colored, 80).end();
    assert!(shown.contains("\x1b[") && shown.contains("successful"), "{shown:?}");
    let (_, shown) = Terminal::start(command(&monitor(), &["backup", "list"]), 80).end();
    assert!(!shown.contains("\x1b["), "{shown:?}");
}

#[test]
fn waiting_is_shown_and_wiped() {
    let stub = Stub::start()
        .on("POST /v1/policies/web/backups", json!({"execution": "e1"}))
        .on("GET /v1/policies/web/runs/e1", json!({"execution": "e1", "state": "running", "backups": [17]}))
        .on("GET /v1/backups/17", backup(17, "in-progress"))
        .on("GET /v1/backups/17", backup(17, "in-progress"))
        .on("GET /v1/backups/17", backup(17, "successful"));
    let mut terminal = Terminal::start(command(&stub, &["backup", "run", "web", "--wait"]), 80);
    terminal.until("1 of 2 units settled", 1);
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    let (_, answer) = shown.rsplit_once('\r').unwrap();
    assert!(answer.contains("successful") && !answer.contains("settled"), "{answer:?}");
}
