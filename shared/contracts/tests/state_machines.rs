//! The state machines are held to the contracts: every payload is a step that its function knows, every answer has the
//! fields that are read from it, every error named exists, and every error that a repetition can mend is repeated.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that goes wrong is to end there and then"
)]

use std::{collections::BTreeSet, fs, path::Path};

use cpm_contracts::{backup, cleanup, code, drill, recovery, scan, scenario};
use serde_json::{Value, json};

fn machine(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../statemachines/{name}.asl.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// All states, those of maps included, by name.
fn states(machine: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (name, state) in machine["States"].as_object().unwrap() {
        all.push((name.clone(), state.clone()));
        if let Some(inner) = state.get("ItemProcessor") {
            all.extend(states(inner));
        }
    }
    all
}

fn lambda_tasks(machine: &Value) -> Vec<(String, Value)> {
    let is_lambda = |state: &Value| state["Resource"].as_str().is_some_and(|r| r.contains(":lambda:invoke"));
    states(machine).into_iter().filter(|(_, state)| is_lambda(state)).collect()
}

/// A value for each field that a state machine computes, as it may be at run time.
fn sample(field: &str) -> Value {
    match field {
        "execution" | "scan" | "token" => json!("x"),
        "running" => json!({"owner": "root", "policy": "web", "backup": 17, "holder": "x"}),
        "again" => json!(true),
        "polls" => json!(3),
        "retried" => json!(17),
        "trouble" => json!({"Error": "Backup.Throttled", "Cause": "said AWS"}),
        "place" => json!({"owner": "root", "account": "main", "region": "us-east-1"}),
        "looked" => json!([{"owner": "root", "failed": false, "found": 1, "changes": 1, "errors": 0}]),
        other => panic!("no sample for the field `{other}`"),
    }
}

fn payload(arguments: &Value, start: &Value) -> Value {
    let mut payload = arguments["Payload"].as_object().unwrap().clone();
    for (field, value) in &mut payload {
        if field != "step" {
            assert!(!value.is_string() || value.as_str().unwrap().starts_with("{%"), "`{field}` is computed");
            *value = if field == "start" { start.clone() } else { sample(field) };
        }
    }
    Value::Object(payload)
}

/// A field that means something else in the recovery machine.
fn sample_of_recovery(field: &str) -> Value {
    match field {
        "running" => json!({"owner": "root", "recovery": "r17", "execution": "x"}),
        other => sample(other),
    }
}

/// The start as each of those who start the machine writes it.
fn start_of_backup() -> Value {
    serde_json::to_value(backup::StartBackup {
        owner: cpm_domain::name::OwnerName::root(),
        policy: "web".parse().unwrap(),
        trigger: cpm_domain::backup::Trigger::Schedule,
        slot: None,
        asked_by: None,
        resume: None,
    })
    .unwrap()
}

#[test]
fn every_task_of_the_backup_is_a_step() {
    let mut seen = BTreeSet::new();
    for (name, state) in lambda_tasks(&machine("backup")) {
        let payload = payload(&state["Arguments"], &start_of_backup());
        seen.insert(payload["step"].as_str().unwrap().to_owned());
        serde_json::from_value::<backup::Step>(payload).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let all = ["after", "await", "before", "complete", "finish", "plan", "progress", "snapshot"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

/// The payload of a step of a drill or a scenario, which is a step within one of the recoverer.
fn nested(arguments: &Value, within: &str, start: &Value, running: &Value) -> Value {
    let mut payload = arguments["Payload"].clone();
    let fields = if payload[within].is_object() { &mut payload[within] } else { &mut payload };
    for (field, value) in fields.as_object_mut().unwrap() {
        match field.as_str() {
            "step" => {}
            "start" => *value = start.clone(),
            "running" => *value = running.clone(),
            field => *value = sample(field),
        }
    }
    payload
}

#[test]
fn every_task_of_a_drill_is_a_step() {
    let start = drill::StartDrill {
        owner: cpm_domain::name::OwnerName::root(),
        policy: "web".parse().unwrap(),
        slot: None,
        asked_by: None,
        resume: None,
    };
    let running = json!({"owner": "root", "drill": "d5", "execution": "x"});
    let mut seen = BTreeSet::new();
    for (name, state) in lambda_tasks(&machine("drill")) {
        let payload = nested(&state["Arguments"], "drill", &json!(start), &running);
        if state["Arguments"]["FunctionName"] == "${CleanerFunction}" {
            let step =
                serde_json::from_value::<cleanup::Step>(payload).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(matches!(step, cleanup::Step::Clear { .. }), "the cleaner alone removes");
            seen.insert("clear".to_owned());
            continue;
        }
        seen.insert(payload["drill"]["step"].as_str().unwrap().to_owned());
        serde_json::from_value::<recovery::Step>(payload).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), ["clear", "finish", "plan", "recover", "watch"]);
}

#[test]
fn every_task_of_a_scenario_is_a_step() {
    let running = json!({"owner": "root", "run": "s3", "execution": "x"});
    let mut seen = BTreeSet::new();
    for (name, state) in lambda_tasks(&machine("scenario")) {
        let payload = nested(&state["Arguments"], "scenario", &Value::Null, &running);
        seen.insert(payload["scenario"]["step"].as_str().unwrap().to_owned());
        serde_json::from_value::<recovery::Step>(payload).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), ["advance", "finish"]);
}

/// What was made is removed on every way from the first request to the end.
#[test]
fn a_drill_is_always_cleared() {
    let machine = machine("drill");
    let states = machine["States"].as_object().unwrap();
    let mut open = vec!["Recover".to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if name == "Clear" || !seen.insert(name.clone()) {
            continue;
        }
        let state = &states[&name];
        assert!(state["Type"] != "Succeed" || name == "TakenOver", "`{name}` is reached without `Clear`");
        let ways = |key: &str| state[key].as_array().cloned().unwrap_or_default();
        open.extend(ways("Catch").iter().chain(&ways("Choices")).map(|way| way["Next"].as_str().unwrap().to_owned()));
        open.extend(["Next", "Default"].iter().filter_map(|key| state[*key].as_str().map(ToOwned::to_owned)));
    }
    assert!(seen.contains("Watch"));
}

/// The recoverer makes, and the cleaner alone removes.
#[test]
fn every_task_of_the_recovery_is_a_step() {
    let (mut made, mut removed) = (BTreeSet::new(), BTreeSet::new());
    for (name, state) in lambda_tasks(&machine("recovery")) {
        let mut payload = state["Arguments"]["Payload"].as_object().unwrap().clone();
        for (field, value) in payload.iter_mut().filter(|(field, _)| *field != "step") {
            *value = sample_of_recovery(field);
        }
        let (payload, step) = (Value::Object(payload.clone()), payload["step"].as_str().unwrap().to_owned());
        if state["Arguments"]["FunctionName"] == "${CleanerFunction}" {
            serde_json::from_value::<cleanup::Step>(payload).unwrap_or_else(|error| panic!("{name}: {error}"));
            removed.insert(step);
        } else {
            assert_eq!(state["Arguments"]["FunctionName"], "${RecovererFunction}", "{name}");
            serde_json::from_value::<recovery::Step>(payload).unwrap_or_else(|error| panic!("{name}: {error}"));
            made.insert(step);
        }
    }
    assert_eq!(made.iter().collect::<Vec<_>>(), ["ask", "check", "create", "finish", "prepare", "progress"]);
    assert_eq!(removed.iter().collect::<Vec<_>>(), ["tidy", "undo"]);
    let start = recovery::StartRecovery {
        owner: cpm_domain::name::OwnerName::root(),
        recovery: cpm_domain::recovery::RecoveryId(17),
    };
    let (start, running) = (json!(start), machine("recovery")["States"]["Check"]["Assign"]["running"].clone());
    for field in fields_after(&running.to_string(), "$states.context.Execution.Input.") {
        assert!(start.get(field).is_some(), "the start has no `{field}`");
    }
}

#[test]
fn every_task_of_the_cleanup_is_a_step() {
    for (name, state) in lambda_tasks(&machine("cleanup")) {
        for start in [json!({}), json!({"owner": "root", "policy": "web", "asked_by": "backup"})] {
            let payload = payload(&state["Arguments"], &start);
            serde_json::from_value::<cleanup::Step>(payload).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn every_task_of_the_scan_is_a_step() {
    let machine = machine("tag-scan");
    for (name, mut state) in lambda_tasks(&machine) {
        if name == "Look" {
            // The map hands its item on as it is.
            state["Arguments"]["Payload"] = machine["States"]["Places"]["ItemSelector"].clone();
        }
        for start in [json!({}), serde_json::to_value(scan::StartScan::default()).unwrap()] {
            let payload = payload(&state["Arguments"], &start);
            serde_json::from_value::<scan::Step>(payload).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    // What the map says of a place that could not be looked at is what a step would say.
    let mut not_looked = machine["States"]["Places"]["ItemProcessor"]["States"]["Look"]["Catch"][0]["Output"].clone();
    not_looked["owner"] = json!("root");
    assert!(serde_json::from_value::<scan::Looked>(not_looked).unwrap().failed);
}

/// What each state's successor may read from its answer.
fn answer(machine: &str, state: &str) -> Value {
    match (machine, state) {
        ("backup", "Plan") => {
            json!(backup::Planned {
                go: true,
                backup: None,
                holder: String::new(),
                again: false,
                frozen: false,
                reason: None
            })
        }
        ("backup", "Before") => json!(backup::Ready { done: true, frozen: false }),
        ("backup", "Snapshot" | "SnapshotFrozen" | "SnapshotRest") => json!(backup::Asked { left: 0, wait: 0 }),
        ("backup", "After") => json!(backup::Thawed { done: true, open: 0, wait: 0, polls: 0 }),
        ("backup", "Complete") => {
            json!(backup::Completed { done: true, status: cpm_domain::status::Status::Failed })
        }
        ("backup", "Progress") => json!(backup::Progress { open: 0, wait: 0, polls: 0 }),
        ("backup", "Finish") => {
            json!(backup::Finished { next: backup::Next::End, wait: 0, status: cpm_domain::status::Status::Failed })
        }
        ("cleanup", "Plan") => json!(cleanup::Planned { marked: 0, due: false }),
        ("cleanup", "Delete") => json!(cleanup::Deleted { deleted: 0, left: false, wait: 0 }),
        ("drill", "Plan") => json!(drill::Planned { go: true, drill: None, reason: None }),
        ("drill", "Recover" | "Watch") => json!(drill::Progress { open: 0, wait: 0, polls: 0 }),
        ("scenario", "Advance") => json!(scenario::Progress { open: 0, wait: 0, polls: 0 }),
        ("recovery", "Check") => json!(recovery::Ready { go: true, ask: false }),
        ("recovery", "Prepare" | "Create" | "Progress") => {
            json!(recovery::Progress { due: 0, open: 0, wait: 0, polls: 0 })
        }
        ("recovery", "Finish") => {
            json!(recovery::Finished { next: recovery::Next::End, state: cpm_domain::recovery::State::Failed })
        }
        ("drill", "Clear") | ("recovery", "Tidy" | "Undo") => json!(cleanup::Removed { left: 0, wait: 0 }),
        ("tag-scan", "Plan") => json!(scan::Planned { places: vec![] }),
        _ => json!({}),
    }
}

/// The words that follow `prefix` anywhere in `text`.
fn fields_after<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    text.match_indices(prefix)
        .map(|(at, _)| {
            let rest = &text[at + prefix.len()..];
            &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())]
        })
        .collect()
}

const MACHINES: [&str; 6] = ["backup", "cleanup", "drill", "recovery", "scenario", "tag-scan"];

#[test]
fn every_field_that_is_read_is_answered() {
    for name in MACHINES {
        for (state_name, state) in states(&machine(name)) {
            let answer = answer(name, &state_name);
            for field in fields_after(&state.to_string(), "$states.result.Payload.") {
                assert!(answer.get(field).is_some(), "{name} {state_name} reads `{field}` from its answer");
            }
            // A choice or a wait reads what the task before it answered.
            let Some(next) = state["Next"].as_str() else { continue };
            let follower = states(&machine(name)).into_iter().find(|(other, _)| other == next).unwrap().1;
            let text = follower.to_string();
            let reads = fields_after(&text, "$states.input.");
            if !reads.is_empty() && ["Choice", "Wait"].iter().any(|kind| follower["Type"] == *kind) {
                for field in reads {
                    assert!(answer.get(field).is_some(), "{name} {next} reads `{field}` from {state_name}");
                }
            }
        }
    }
}

#[test]
fn every_way_on_is_known() {
    let compared = |name: &str| -> BTreeSet<String> {
        let next = machine(name)["States"]["Next?"].clone();
        let conditions = next["Choices"].as_array().unwrap().iter();
        conditions
            .map(|choice| choice["Condition"].as_str().unwrap().split('\'').nth(1).unwrap().to_owned())
            .collect()
    };
    let word = |next: Value| next.as_str().unwrap().to_owned();
    assert_eq!(compared("backup"), backup::Next::ALL.iter().map(|next| word(json!(next))).collect());
    assert_eq!(compared("recovery"), recovery::Next::ALL.iter().map(|next| word(json!(next))).collect());
}

/// Names that AWS gives, besides our own.
fn is_aws_error(name: &str) -> bool {
    name.starts_with("States.")
        || name.starts_with("Lambda.")
        // What a function's sandbox reports when the function dies.
        || ["Runtime.ExitError", "Sandbox.Timedout"].contains(&name)
}

#[test]
fn every_error_named_exists() {
    for name in MACHINES {
        for (state_name, state) in states(&machine(name)) {
            for rule in ["Retry", "Catch"].iter().filter_map(|key| state[*key].as_array()).flatten() {
                for error in rule["ErrorEquals"].as_array().unwrap() {
                    let error = error.as_str().unwrap();
                    assert!(
                        is_aws_error(error) || code::ALL.iter().any(|code| code.name == error),
                        "{name} {state_name}: nothing reports `{error}`"
                    );
                }
            }
        }
    }
}

#[test]
fn every_error_that_a_repetition_mends_is_repeated() {
    for name in MACHINES {
        for (state_name, state) in lambda_tasks(&machine(name)) {
            if state["Resource"].as_str().unwrap().contains("waitForTaskToken") {
                // A poll or a check follows instead.
                let caught = state["Catch"].as_array().unwrap().last().unwrap();
                assert_eq!(caught["ErrorEquals"], json!(["States.ALL"]));
                continue;
            }
            if state_name == "SnapshotFrozen" {
                // Thawing comes first; the state `Snapshot` goes on after that.
                let all =
                    state["Catch"].as_array().unwrap().iter().find(|way| way["ErrorEquals"] == json!(["States.ALL"]));
                assert_eq!(all.unwrap()["Next"], "After");
                continue;
            }
            let retried: BTreeSet<&str> = state["Retry"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|rule| rule["ErrorEquals"].as_array().unwrap())
                .map(|error| error.as_str().unwrap())
                .collect();
            for code in code::ALL {
                assert_eq!(retried.contains(code.name), code.retryable, "{name} {state_name}: {}", code.name);
            }
            for dead in ["Runtime.ExitError", "Sandbox.Timedout", "Lambda.TooManyRequestsException", "States.Timeout"]
            {
                assert!(retried.contains(dead), "{name} {state_name} is not repeated after {dead}");
            }
            assert!(state["TimeoutSeconds"].as_u64().is_some_and(|s| s > 300), "{name} {state_name} has no timeout");
        }
    }
}

/// `After` is on every way from the plan to the end, so that what `before` froze is thawed.
#[test]
fn after_is_always_on_the_way() {
    let machine = machine("backup");
    let states = machine["States"].as_object().unwrap();
    let mut open = vec!["Before".to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if name == "After" || !seen.insert(name.clone()) {
            continue;
        }
        let state = &states[&name];
        assert!(state["Type"] != "Succeed" || name == "TakenOver", "`{name}` is reached without `After`");
        let ways = |key: &str| state[key].as_array().cloned().unwrap_or_default();
        open.extend(ways("Catch").iter().chain(&ways("Choices")).map(|way| way["Next"].as_str().unwrap().to_owned()));
        open.extend(["Next", "Default"].iter().filter_map(|key| state[*key].as_str().map(ToOwned::to_owned)));
    }
    assert!(seen.contains("Snapshot"));
}

/// Whatever happens once works are written down, `Finish` is on the way: it takes back what is shared, and tells people.
#[test]
fn finish_is_always_on_the_way_of_a_recovery() {
    let machine = machine("recovery");
    let states = machine["States"].as_object().unwrap();
    let mut open = vec!["Prepare".to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if name == "Finish" || !seen.insert(name.clone()) {
            continue;
        }
        let state = &states[&name];
        assert!(state["Type"] != "Succeed" || name == "TakenOver", "`{name}` is reached without `Finish`");
        let ways = |key: &str| state[key].as_array().cloned().unwrap_or_default();
        open.extend(ways("Catch").iter().chain(&ways("Choices")).map(|way| way["Next"].as_str().unwrap().to_owned()));
        open.extend(["Next", "Default"].iter().filter_map(|key| state[*key].as_str().map(ToOwned::to_owned)));
    }
    assert!(seen.contains("Create") && seen.contains("Progress"));
    // An answer that nobody was woken for is seen within the hour; the record knows when the day is over.
    assert_eq!(states["Ask"]["TimeoutSeconds"], 3_600);
}
