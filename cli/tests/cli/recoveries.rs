//! Recoveries: the panel, plans, a recovery to its end, the monitor, and images.

use std::{fs, path::Path, process::Stdio, thread, time::Duration};

use insta::assert_snapshot;
use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    command::{Ran, cpm, cpm_at, end, run, run_in, run_with},
    stub::Stub,
    views::{INSTANCE, VOLUME, checked, images, panel, recovery, whole_plan},
};

const PLAN: &str = "POST /v1/recoveries/plan";
const START: &str = "POST /v1/recoveries";
const R7: &str = "GET /v1/recoveries/r7";
const PANEL: &str = "GET /v1/backups/17/recovery";

fn deployment() -> Stub {
    Stub::start().on(PLAN, checked(&json!([]))).on(START, recovery("r7", "running")).on(PANEL, panel())
}

/// What was wanted of the last plan.
fn wanted(stub: &Stub) -> Value {
    stub.asked().last().unwrap().body["plan"].clone()
}

#[test]
fn the_panel() {
    let stub = Stub::start().on(PANEL, panel());
    let ran = stub.run(&["recover", "show", "17"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
    assert_snapshot!(ran.out);
    let ran = stub.run(&["recover", "show", "17", "--json"]);
    assert_eq!((ran.code, &ran.json()["sources"][0]["recover"]), (0, &json!(["instance", "volumes"])), "{ran}");
}

#[test]
fn the_panel_of_nothing() {
    let mut empty = panel();
    for field in ["sources", "scripts", "recoveries"] {
        empty[field] = json!([]);
    }
    assert_snapshot!(Stub::start().on(PANEL, empty).run(&["recover", "show", "17"]).out);
}

#[test]
fn a_plan_can_be_edited_and_run() {
    let stub = deployment();
    let ran = stub.run(&["recover", "instance", "17", "--plan"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_snapshot!(ran);
    assert_eq!(stub.requests(), [PLAN, PANEL]);
    assert_eq!(wanted_of(&stub, 0), json!({"backup": 17, "on_failure": "keep", "instance": {}}));
    // What was printed reads back as what was planned.
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("plan.yaml"), &ran.out).unwrap();
    let again = at(&stub, directory.path(), &["recover", "instance", "-f", "plan.yaml", "--plan"]);
    assert_eq!((again.code, &again.out), (0, &ran.out), "{again}");
    assert_eq!(wanted_of(&stub, 2), whole_plan());
    let json = stub.run(&["recover", "instance", "17", "--plan", "--json"]);
    assert_eq!((json.code, json.json()), (0, checked(&json!([]))), "{json}");
}

fn wanted_of(stub: &Stub, request: usize) -> Value {
    stub.asked()[request].body["plan"].clone()
}

fn at(stub: &Stub, directory: &Path, args: &[&str]) -> Ran {
    run_in(directory, &mut cpm_at(&stub.address), args)
}

fn problems() -> Value {
    json!([
        {"field": "instance.type", "message": "`m5.huge` is no instance type", "advice": "write one such as `m5.large`"},
        {"field": "instance.volumes[1].size", "message": "4 GiB is less than the snapshot's 100 GiB",
            "advice": "write 100 or more"},
        {"field": "instance.key_pair", "message": "there is no key pair `ops` in us-east-1", "advice": "write another"},
        {"field": "instance.image", "message": "the image is gone", "advice": "see `cpm image like 17`"}])
}

#[rstest]
#[case("plan", &["--plan"])]
#[case("start", &[])]
#[case("json", &["--plan", "--json"])]
fn all_that_is_wrong_is_told_at_its_place(#[case] case: &str, #[case] args: &[&str]) {
    let stub = Stub::start().on(PLAN, checked(&problems())).on(PANEL, panel());
    let ran = stub.run(&[&["recover", "instance", "17"], args].concat());
    assert_eq!((ran.code, ran.out.is_empty()), (1, case == "start"), "{ran}");
    assert!(!stub.requests().contains(&START.to_owned()), "nothing is made");
    assert_snapshot!(format!("problems_{case}"), ran.err);
}

#[test]
fn what_a_file_says_wrong_is_shown_in_the_file() {
    let stub = Stub::start().on(PLAN, checked(&problems())).on(PANEL, panel());
    let directory = tempfile::tempdir().unwrap();
    let text = "backup: 17\ninstance:\n  type: m5.huge\n  volumes:\n    - {volume: vol-0123456789abcdef1, size: 4}\n";
    fs::write(directory.path().join("plan.yaml"), text).unwrap();
    let ran = at(&stub, directory.path(), &["recover", "instance", "-f", "plan.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran}");
    assert_snapshot!(ran.err);
}

/// Somebody took the address between the plan and the start.
#[test]
fn what_came_up_since_is_told_the_same_way() {
    let refusal = json!({"type": "urn:cpm:problem:Input.Bad", "title": "Unprocessable Entity", "status": 422,
        "code": "Input.Bad", "detail": "one thing stands in the way", "advice": "correct it", "instance": "/v1/recoveries",
        "problems": [{"path": "instance.private_ip", "message": "10.0.0.5 is taken by eni-1", "help": "--no-private-ip"}]});
    let stub =
        Stub::start().on(PLAN, checked(&json!([]))).on(PANEL, panel()).on_status(START, 422, &refusal.to_string());
    let ran = stub.run(&["recover", "instance", "17"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran}");
    assert_snapshot!(ran.err);
}

#[test]
fn mistakes_in_plans() {
    let texts = [
        "",
        "# nothing\n",
        "instance: {}\n",
        "backup: 17\n",
        "backup: 17\ninstance:\n",
        "backup: 17\ninstance: {}\nvolumes: {}\n",
        "backup: 17\nvolumes: {}\n",
        "backup: seventeen\ninstance: {}\n",
        "backup: 17\ninstance:\n  typ: m5.large\n",
        "backup: 17\ninstance:\n  type: [m5.large]\n",
        "backup: 17\ninstance:\n  launch_from: disk\n",
        "backup: 17\ninstance:\n  monitoring: maybe\n",
        "backup: 17\ninstance:\n  volumes:\n    - {volume: i-0123456789abcdef0}\n",
        "backup: 17\ninstance:\n  volumes:\n    - {size: 8}\n",
        "backup: 17\nregion: us-east\ninstance: {}\n",
        "backup: 17\ninstance:\n\ttype: m5.large\n",
    ];
    let mut said = String::new();
    for text in texts {
        let ran = run_with(&mut cpm(), &["recover", "instance", "-f", "-"], text);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{text}\n{ran}");
        assert!(!ran.err.contains("no deployment is given"), "accepted:\n{text}");
        said.push_str(&ran.err);
        said.push('\n');
    }
    let ran = run(&mut cpm(), &["recover", "instance", "-f", "missing.yaml"]);
    assert_eq!(ran.code, 1, "{ran}");
    said.push_str(&ran.err);
    assert_snapshot!(said);
}

#[rstest]
#[case(&["recover", "instance", "17", "--type", "m5.xlarge", "--count", "2", "--subnet", "subnet-1",
    "--security-group", "sg-1", "--security-group", "sg-2", "--no-private-ip", "--public-ip", "--no-key",
    "--monitoring=no", "--http-tokens", "required", "--ephemeral", "/dev/sdb:ephemeral0", "--tag", "Name=two",
    "--volume", "vol-0123456789abcdef1:size=200,type=gp3", "--without", VOLUME, "--on-failure", "remove"],
    json!({"backup": 17, "on_failure": "remove", "instance": {"type": "m5.xlarge", "count": 2, "subnet": "subnet-1",
        "security_groups": ["sg-1", "sg-2"], "private_ip": "", "public_ip": true, "key_pair": "", "monitoring": false,
        "metadata": {"http_tokens": "required"}, "ephemeral": {"/dev/sdb": "ephemeral0"}, "tags": {"Name": "two"},
        "volumes": [{"volume": "vol-0123456789abcdef1", "recover": true, "size": 200, "type": "gp3"},
            {"volume": VOLUME, "recover": false}]}}))]
#[case(&["recover", "instance", "17", "--launch-from", "image", "--image", "ami-1", "--image-handling", "keep",
    "--zone", "us-east-1b", "--placement-group", "p", "--tenancy", "dedicated", "--private-ip", "10.0.0.9",
    "--secondary-ip", "10.0.0.10", "--no-elastic-ip", "--key", "ops", "--instance-profile", "arn:p",
    "--no-user-data", "--shutdown-behavior", "terminate", "--termination-protection=yes", "--ebs-optimized",
    "--architecture", "arm64", "--kernel", "aki-1", "--ramdisk", "ari-1", "--no-tags"],
    json!({"backup": 17, "on_failure": "keep", "instance": {"launch_from": "image", "image": "ami-1",
        "image_handling": "keep", "zone": "us-east-1b", "placement_group": "p", "tenancy": "dedicated",
        "private_ip": "10.0.0.9", "secondary_ips": ["10.0.0.10"], "elastic_ip": "", "key_pair": "ops",
        "profile": "arn:p", "user_data": "", "shutdown_behavior": "terminate", "termination_protection": true,
        "ebs_optimized": true, "architecture": "arm64", "kernel": "aki-1", "ramdisk": "ari-1", "tags": {}}}))]
#[case(&["recover", "volumes", "17", "--source", INSTANCE, "--attach-to", INSTANCE, "--attach", "switch-and-delete",
    "--volume", "vol-0123456789abcdef1:zone=us-east-1b,device=/dev/sdg", "--account", "prod", "--region", "eu-west-1",
    "--role-arn", "arn:aws:iam::111122223333:role/r", "--external-id", "x7"],
    json!({"backup": 17, "source": INSTANCE, "account": "prod", "region": "eu-west-1", "on_failure": "keep",
        "role": {"arn": "arn:aws:iam::111122223333:role/r", "external_id": "x7"},
        "volumes": {"attach_to": INSTANCE, "attach_behavior": "switch-and-delete", "volumes": [
            {"volume": "vol-0123456789abcdef1", "recover": true, "device": "/dev/sdg", "zone": "us-east-1b"}]}}))]
#[case(&["recover", "rds", "17", "--id", "orders-2", "--class", "db.m5.xlarge", "--port", "5433", "--zone", "us-east-1a",
    "--multi-az=no", "--subnet-group", "s", "--security-group", "sg-1", "--parameter-group", "p", "--option-group", "o",
    "--storage-type", "gp3", "--iops", "12000", "--throughput", "500", "--public=no", "--deletion-protection",
    "--iam-authentication", "--auto-minor-upgrade=no", "--log-export", "postgresql", "--tag", "a=b"],
    json!({"backup": 17, "on_failure": "keep", "rds": {"id": "orders-2", "class": "db.m5.xlarge", "port": 5433,
        "zone": "us-east-1a", "multi_az": false, "subnet_group": "s", "security_groups": ["sg-1"],
        "parameter_group": "p", "option_group": "o", "storage_type": "gp3", "iops": 12000, "throughput": 500,
        "public": false, "deletion_protection": true, "iam_authentication": true, "auto_minor_upgrade": false,
        "log_exports": ["postgresql"], "tags": {"a": "b"}}}))]
#[case(&["recover", "aurora", "17", "--id", "orders-2", "--member", "orders-2a:class=db.r6g.large,promotion-tier=1",
    "--member", "orders-2b:class=db.r6g.large,zone=us-east-1b,public=no", "--port", "5433", "--zone", "us-east-1a",
    "--zone", "us-east-1b", "--subnet-group", "s", "--security-group", "sg-1", "--parameter-group", "p",
    "--kms-key", "k", "--deletion-protection=no", "--iam-authentication=no"],
    json!({"backup": 17, "on_failure": "keep", "aurora": {"id": "orders-2", "port": 5433,
        "zones": ["us-east-1a", "us-east-1b"], "subnet_group": "s", "security_groups": ["sg-1"],
        "parameter_group": "p", "kms_key": "k", "deletion_protection": false, "iam_authentication": false,
        "members": [{"id": "orders-2a", "class": "db.r6g.large", "promotion_tier": 1},
            {"id": "orders-2b", "class": "db.r6g.large", "zone": "us-east-1b", "public": false}]}}))]
#[case(&["recover", "aurora", "17", "--no-members"],
    json!({"backup": 17, "on_failure": "keep", "aurora": {"members": []}}))]
#[case(&["recover", "redshift", "17", "--id", "dwh-2", "--node-type", "ra3.xlplus", "--nodes", "2", "--port", "5440",
    "--zone", "us-east-1a", "--subnet-group", "s", "--security-group", "sg-1", "--parameter-group", "p", "--public",
    "--iam-role", "arn:r", "--enhanced-vpc-routing"],
    json!({"backup": 17, "on_failure": "keep", "redshift": {"id": "dwh-2", "node_type": "ra3.xlplus", "nodes": 2,
        "port": 5440, "zone": "us-east-1a", "subnet_group": "s", "security_groups": ["sg-1"], "parameter_group": "p",
        "public": true, "roles": ["arn:r"], "enhanced_vpc_routing": true}}))]
#[case(&["recover", "dynamodb", "17", "--id", "orders-2", "--billing", "provisioned", "--read-units", "5",
    "--write-units", "6", "--no-kms-key", "--deletion-protection", "--no-tags"],
    json!({"backup": 17, "on_failure": "keep", "dynamodb": {"name": "orders-2", "billing": "PROVISIONED",
        "read_units": 5, "write_units": 6, "kms_key": "", "deletion_protection": true, "tags": {}}}))]
fn flags_say_what_is_different(#[case] args: &[&str], #[case] plan: Value) {
    let stub = Stub::start();
    stub.run(&[args, &["--plan"]].concat());
    assert_eq!(stub.requests(), [PLAN]);
    assert_eq!(wanted(&stub), plan);
}

#[test]
fn flags_come_before_what_a_file_says() {
    let stub = Stub::start();
    let directory = tempfile::tempdir().unwrap();
    let text = "\
backup: 17
region: us-east-1
instance:
  type: m5.large
  key_pair: ops
  volumes:
    - {volume: vol-0123456789abcdef1, size: 100, type: io2}
";
    fs::write(directory.path().join("plan.yaml"), text).unwrap();
    fs::write(directory.path().join("data.sh"), "#!/bin/bash\n").unwrap();
    at(
        &stub,
        directory.path(),
        &[
            "recover",
            "instance",
            "18",
            "-f",
            "plan.yaml",
            "--type",
            "m5.xlarge",
            "--volume",
            "vol-0123456789abcdef1:size=200",
            "--user-data",
            "data.sh",
            "--region",
            "eu-west-1",
        ],
    );
    let expected = json!({"backup": 18, "region": "eu-west-1", "on_failure": "keep", "instance": {"type": "m5.xlarge",
        "key_pair": "ops", "user_data": "IyEvYmluL2Jhc2gK", "volumes": [
            {"volume": "vol-0123456789abcdef1", "recover": true, "size": 200, "type": "io2"}]}});
    assert_eq!(wanted(&stub), expected);
}

/// `--region` is where it goes to; the deployment stays where it is.
#[test]
fn the_region_of_the_deployment_is_another() {
    let stub = deployment();
    // The stub lets in what is signed for eu-west-1 only.
    let plan = ["recover", "instance", "17", "--plan"];
    assert_eq!(stub.run(&[&plan[..], &["--region", "us-west-2"]].concat()).code, 0);
    let deployed = |args: &[&str]| run(cpm_at(&stub.address).env("AWS_REGION", "us-west-2"), args);
    assert_eq!(deployed(&plan).code, 1, "signed for another Region");
    let ran = deployed(&[&plan[..], &["--deployment-region", "eu-west-1"]].concat());
    assert_eq!(ran.code, 0, "{ran}");
    let ran = deployed(&[&["--region", "eu-west-1"], &plan[..], &["--region", "us-west-2"]].concat());
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(stub.asked()[stub.asked().len() - 2].body["plan"]["region"], "us-west-2");
}

#[rstest]
#[case(&["recover", "instance", "17", "--without", VOLUME, "--volume", "vol-0123456789abcdef0:size=8"],
    "is wanted and not wanted")]
#[case(&["recover", "instance", "17", "--user-data", "missing.sh"], "the user data cannot be read")]
fn what_does_not_go_together_is_told_before_anything_is_asked(#[case] args: &[&str], #[case] said: &str) {
    let ran = run(&mut cpm(), args);
    assert!(ran.code == 1 && ran.err.contains(said), "{ran}");
}

#[rstest]
#[case("succeeded", 0)]
#[case("failed", 1)]
#[case("undone", 1)]
fn a_recovery_is_followed_to_its_end(#[case] state: &str, #[case] code: i32) {
    let mut begun = recovery("r7", "running");
    begun["works"] = json!({"all": 0, "done": 0, "failed": 0});
    let stub = Stub::start()
        .on(PLAN, checked(&json!([])))
        .on_status(START, 202, &begun.to_string())
        .on(R7, recovery("r7", "running"))
        // A stumble is no reason to give up.
        .on_status(R7, 503, "")
        .on(R7, recovery("r7", state));
    let ran = stub.run(&["recover", "instance", "17", "--json"]);
    assert_eq!((ran.code, ran.json()), (code, recovery("r7", state)), "{ran}");
    let told = "r7 begins: instance from backup 17\nr7: 1 of 4 calls done\n";
    assert!(ran.err.ends_with(&format!("{told}r7 {state}\n")), "{ran}");
    assert!(ran.err.starts_with("warning: only the first of 2 interfaces is recovered\n"), "{ran}");
    // What was looked at is what is done.
    assert_eq!((stub.requests()[1].as_str(), wanted_of(&stub, 1)), (START, whole_plan()));
    assert_snapshot!(format!("recovered_{state}"), stub.run(&["recover", "show", "r7"]).out);
}

#[test]
fn the_json_has_the_shape_that_scripts_rely_on() {
    let stub = Stub::start().on(R7, recovery("r7", "failed"));
    let ran = stub.run(&["recover", "show", "r7", "--json"]);
    assert_eq!((ran.code, ran.json()), (0, recovery("r7", "failed")), "{ran}");
    let fields: Vec<&str> = ran.out.lines().filter_map(|line| line.strip_prefix("  \"")?.split('"').next()).collect();
    let order = [
        "id",
        "backup",
        "policy",
        "kind",
        "account",
        "region",
        "state",
        "purpose",
        "asked_by",
        "on_failure",
        "started",
        "ended",
        "approve_by",
        "answer",
        "works",
        "made",
        "errors",
        "plan",
        "log",
    ];
    assert_eq!(fields, order);
}

#[test]
fn without_waiting_it_is_only_started() {
    let stub = deployment();
    let ran = stub.run(&["recover", "instance", "17", "--no-wait"]);
    assert_eq!((ran.code, stub.requests()), (0, vec![PLAN.to_owned(), START.to_owned()]), "{ran}");
    assert_snapshot!(ran);
    let ran = stub.run(&["recover", "instance", "17", "--no-wait", "--json"]);
    assert_eq!(ran.json(), recovery("r7", "running"));
}

#[test]
fn one_that_waits_for_approval_says_how_to_go_on() {
    let stub = Stub::start()
        .on(PLAN, checked(&json!([])))
        .on(START, recovery("r7", "waiting-for-approval"))
        .on(R7, recovery("r7", "waiting-for-approval"))
        .on(R7, recovery("r7", "running"))
        .on(R7, recovery("r7", "succeeded"));
    let ran = stub.run(&["recover", "instance", "17", "--no-wait"]);
    assert_snapshot!(ran);
    let ran = stub.run(&["recover", "instance", "17"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.err.contains("r7 waits for somebody else to say yes, until 2026-04-02 09:00:00 UTC"), "{ran}");
}

#[test]
fn approves_and_refuses() {
    let answered = |approved: bool| {
        let mut view = recovery("r7", "waiting-for-approval");
        view["answer"] = json!({"approved": approved, "by": "arn:aws:iam::111122223333:user/ben",
            "at": "2026-04-01T10:00:00Z", "reason": "change 4711"});
        view
    };
    let stub = Stub::start()
        .on("POST /v1/recoveries/r7/answer", answered(true))
        .on("POST /v1/recoveries/r7/answer", answered(false))
        .refusing(
            "POST /v1/recoveries/r8/answer",
            409,
            "Input.Conflict",
            "you asked for r8: somebody else has to say yes or no",
            "have somebody with other credentials answer",
        );
    let yes = stub.run(&["recover", "approve", "r7", "--reason", "change 4711"]);
    assert_eq!(stub.asked()[0].body, json!({"approved": true, "reason": "change 4711"}));
    let no = stub.run(&["recover", "refuse", "7"]);
    assert_eq!(stub.asked()[1].body, json!({"approved": false, "reason": null}));
    assert_eq!((yes.code, no.code), (0, 0), "{yes}\n{no}");
    assert_snapshot!([yes.out, no.out].concat());
    let own = stub.run(&["recover", "approve", "r8"]);
    assert!(own.code == 1 && own.err.contains("you asked for r8"), "{own}");
    let shown = Stub::start().on(R7, answered(false));
    assert_snapshot!("recovery_refused", shown.run(&["recover", "show", "r7"]).out);
}

#[test]
fn the_monitor() {
    let mut volumes = recovery("r6", "running");
    (volumes["kind"], volumes["backup"]) = (json!("volumes"), json!(16));
    let all = json!([recovery("r7", "succeeded"), volumes, recovery("r5", "failed")]);
    let stub = Stub::start().on("GET /v1/recoveries", json!({"recoveries": all, "next": null}));
    let ran = stub.run(&["recover", "list"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
    assert_snapshot!(ran.out);
    assert_eq!(stub.run(&["recover", "list", "--policy", "web", "--limit", "3", "--json"]).json(), all);
    assert_eq!(stub.requests(), ["GET /v1/recoveries?limit=50", "GET /v1/recoveries?policy=web&limit=3"]);
    let paged = Stub::start()
        .on("GET /v1/recoveries?limit=2", json!({"recoveries": [recovery("r7", "succeeded")], "next": "r7"}))
        .on("GET /v1/recoveries?limit=1&before=r7", json!({"recoveries": [recovery("r6", "failed")], "next": "r6"}));
    let ran = paged.run(&["recover", "list", "--limit", "2"]);
    assert_eq!(ran.err, "There are more: see them by a higher --limit.\n", "{ran}");
    let none = Stub::start().on("GET /v1/recoveries", json!({"recoveries": [], "next": null}));
    let said = [&["recover", "list"][..], &["recover", "list", "--policy", "web"]].map(|args| none.run(args).out);
    assert_snapshot!("no_recoveries", said.concat());
}

#[rstest]
#[case("succeeded", 0)]
#[case("failed", 1)]
fn the_monitor_waits_on_demand(#[case] state: &str, #[case] code: i32) {
    let stub = Stub::start().on(R7, recovery("r7", "running")).on(R7, recovery("r7", state));
    let ran = stub.run(&["recover", "show", "r7", "--wait", "--json"]);
    assert_eq!((ran.code, &ran.json()["state"]), (code, &json!(state)), "{ran}");
    let ran = stub.run(&["recover", "show", "r7"]);
    assert_eq!(ran.code, 0, "to look is no failure: {ran}");
}

#[test]
fn ctrl_c_ends_the_wait_and_not_the_recovery() {
    let stub = deployment().on(R7, recovery("r7", "running"));
    let child = cpm_at(&stub.address)
        .args(["recover", "instance", "17", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !stub.requests().iter().any(|request| request == R7) {
        thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = end(child);
    assert_eq!((ran.code, ran.out.as_str()), (130, ""), "{ran}");
    assert!(ran.err.ends_with("  = help: the recovery goes on; `cpm recover show r7` shows it\n"), "{ran}");
}

/// It may have been started though no answer came: it is not asked for again.
#[test]
fn a_start_without_an_answer_is_asked_for_once() {
    let stub = Stub::start().on(PLAN, checked(&json!([]))).on_status(START, 503, "");
    let ran = stub.run(&["recover", "instance", "17"]);
    assert_eq!((ran.code, stub.requests()), (1, vec![PLAN.to_owned(), START.to_owned()]), "{ran}");
}

#[test]
fn images_like_the_original_one() {
    let stub = Stub::start().on("POST /v1/images/like", images());
    let ran = stub.run(&["image", "like", "17", "--instance", INSTANCE, "--region", "eu-west-1", "--fuzzy"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
    assert_snapshot!(ran.out);
    let asked = json!({"backup": 17, "source": INSTANCE, "region": "eu-west-1", "account": null, "fuzzy": true});
    assert_eq!(stub.asked()[0].body, asked);
    assert_eq!(stub.run(&["image", "like", "17", "--json"]).json(), images());
    let mut none = images();
    none["images"] = json!([]);
    none["original"]["known"] = json!(false);
    let stub = Stub::start().on("POST /v1/images/like", none);
    let said = [&["image", "like", "17"][..], &["image", "like", "17", "--fuzzy"]].map(|args| stub.run(args));
    assert!(said.iter().all(|ran| ran.code == 1));
    assert_snapshot!("no_images", said.map(|ran| ran.out).concat());
}
