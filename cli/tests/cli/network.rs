//! Finding a deployment, signing, and what is told when it does not answer.

use std::{io::Write as _, net::TcpListener, thread};

use insta::assert_snapshot;
use rstest::rstest;
use serde_json::json;

use crate::{
    command::{Ran, SECRET_KEY, cpm, cpm_at, run},
    stub::Stub,
    views::{empty_plan, schedule},
};

const LIST: [&str; 2] = ["policy", "list"];

fn empty() -> Stub {
    Stub::start().on("GET /v1/policies", json!({"policies": []}))
}

/// What was told, with a name for the address of the stub.
fn told(stub: &Stub, ran: &Ran) -> String {
    ran.to_string().replace(&stub.address, "http://deployment")
}

#[test]
fn requests_are_signed() {
    let stub = empty();
    assert_eq!(stub.run(&LIST).code, 0);
    let asked = &stub.asked()[0];
    let authorization = &asked.headers["authorization"];
    assert!(authorization.contains("/eu-west-1/execute-api/aws4_request"), "{authorization}");
    assert!(asked.headers["user-agent"].starts_with("cpm/"));
    assert!(!format!("{asked:?}").contains(SECRET_KEY));
    // With the token of a session.
    let ran = run(cpm_at(&stub.address).env("AWS_SESSION_TOKEN", "a token"), &LIST);
    assert_eq!((ran.code, stub.asked()[1].headers["x-amz-security-token"].as_str()), (0, "a token"), "{ran}");
}

#[test]
fn credentials_come_from_profiles_as_well() {
    let stub = empty();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("credentials");
    let mut written = std::fs::File::create(&file).unwrap();
    writeln!(
        written,
        "[ops]\naws_access_key_id = {}\naws_secret_access_key = {SECRET_KEY}",
        crate::command::ACCESS_KEY
    )
    .unwrap();
    let mut command = cpm();
    command.env("CPM_API_URL", &stub.address).env("AWS_SHARED_CREDENTIALS_FILE", &file);
    let ran = run(&mut command, &[&LIST[..], &["--profile", "ops", "--region", "eu-west-1"]].concat());
    assert_eq!(ran.code, 0, "{ran}");
}

#[test]
fn addresses_as_people_copy_them() {
    let stub = empty();
    for end in ["/", "/v1", "/v1/"] {
        let ran = run(&mut cpm_at(&format!("{}{end}", stub.address)), &LIST);
        assert_eq!(ran.code, 0, "{ran}");
    }
    assert_eq!(stub.requests(), ["GET /v1/policies"; 3]);
}

#[test]
fn without_a_deployment() {
    assert_snapshot!("no_deployment", run(&mut cpm(), &LIST));
    // Nothing is not an address.
    assert_eq!(run(cpm().env("CPM_API_URL", ""), &LIST).err, run(&mut cpm(), &LIST).err);
    assert_snapshot!("no_address", run(&mut cpm_at("deployment.example.com"), &LIST));
    assert_snapshot!("no_region", run(cpm_at("http://127.0.0.1:9").env_remove("AWS_REGION"), &LIST));
    assert_snapshot!("no_region_of_the_stack", run(&mut cpm(), &["policy", "list", "--stack", "cpm"]));
}

#[test]
fn without_credentials() {
    for args in
        [&["policy", "list"][..], &["policy", "list", "--profile", "ops"], &["policy", "list", "--stack", "cpm"]]
    {
        let ran = run(cpm().env("CPM_API_URL", "http://127.0.0.1:9").env("AWS_REGION", "eu-west-1"), args);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran}");
        assert!(ran.err.starts_with("error: there are no AWS credentials to sign with\n"), "{ran}");
        assert!(ran.err.contains("  = help: run `aws sso login` or `aws configure`, or name a profile"), "{ran}");
    }
}

#[test]
fn the_stack_tells_the_address() {
    let api = Stub::start().on("GET /v1/schedules", json!({"schedules": [schedule("nightly")]}));
    let outputs = |outputs: &str| {
        format!(
            "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult>\
             <Stacks><member><StackName>cpm</StackName><StackStatus>CREATE_COMPLETE</StackStatus>\
             <CreationTime>2026-01-01T00:00:00Z</CreationTime><Outputs>{outputs}</Outputs></member></Stacks>\
             </DescribeStacksResult></DescribeStacksResponse>"
        )
    };
    let output = |key: &str, value: &str| {
        format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
    };
    let member = output("ApiUrl", &api.address) + &output("Timezone", "Europe/Berlin");
    let cloudformation = answering("text/xml", &outputs(&member));
    let mut command = cpm_at("http://127.0.0.1:9");
    command.env("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation);
    // What was typed comes before CPM_API_URL, and the stack tells its time zone as well.
    let ran = run(&mut command, &["schedule", "list", "--stack", "cpm"]);
    assert_eq!((ran.code, api.requests()), (0, vec!["GET /v1/schedules".to_owned()]), "{ran}");
    assert!(ran.out.contains("NEXT RUN (Europe/Berlin)"), "{ran}");
    let other = answering("text/xml", &outputs(&output("Bucket", "b")));
    let ran = run(cpm_at("x").env("AWS_ENDPOINT_URL_CLOUDFORMATION", other), &["policy", "list", "--stack", "cpm"]);
    assert_snapshot!("stack_of_something_else", ran);
}

/// A server that gives every request the same answer.
fn answering(kind: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 65536];
            // One read is enough for a request as small as these.
            let _ = std::io::Read::read(&mut stream, &mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn nobody_there() {
    let ran = run(&mut cpm_at("http://127.0.0.1:9"), &LIST);
    assert_snapshot!(ran);
}

#[rstest]
#[case("forbidden", 403, json!({"message": "Forbidden"}))]
#[case("not_allowed", 403, json!({"Message": "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:eu-west-1:********3333:x/$default/GET/v1/policies"}))]
#[case("expired", 403, json!({"message": "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z"}))]
#[case("wrong_address", 404, json!({"message": "Not Found"}))]
#[case("moved", 301, json!({"message": "Moved"}))]
#[case("too_large", 413, json!("no object"))]
fn the_gateway_refuses(#[case] case: &str, #[case] status: u16, #[case] body: serde_json::Value) {
    let stub = Stub::start().on_status("GET /v1/policies", status, &body.to_string());
    let ran = stub.run(&[&LIST[..], &["--json"]].concat());
    assert_eq!((ran.code, ran.out.as_str(), stub.requests().len()), (1, "", 1), "{ran}");
    assert!(!ran.err.contains(SECRET_KEY));
    assert_snapshot!(format!("gateway_{case}"), told(&stub, &ran));
}

#[test]
fn the_deployment_refuses() {
    let stub = Stub::start().refusing(
        "GET /v1/policies/wbe",
        404,
        "Input.NotFound",
        "there is no policy `wbe`",
        "`cpm policy list` shows all",
    );
    assert_snapshot!(told(&stub, &stub.run(&["policy", "show", "wbe"])));
}

#[rstest]
#[case(429)]
#[case(500)]
#[case(503)]
fn reading_is_tried_again(#[case] status: u16) {
    let stub = Stub::start()
        .on_status("GET /v1/policies", status, "")
        .on_status("GET /v1/policies", status, "{\"message\": \"later\"}")
        .on("GET /v1/policies", json!({"policies": []}));
    let ran = stub.run(&LIST);
    assert_eq!((ran.code, stub.requests().len()), (0, 3), "{ran}");
    // Each attempt is signed anew: the stub lets in nothing else.
    let stub = Stub::start().on_status("GET /v1/policies", status, "{\"message\": \"later\"}");
    let ran = stub.run(&LIST);
    assert_eq!((ran.code, stub.requests().len()), (1, 4), "{ran}");
    assert_snapshot!(format!("after_{status}"), told(&stub, &ran));
}

#[test]
fn what_changes_something_is_asked_once() {
    for request in ["POST /v1/policies/web/backups", "POST /v1/policies/web/enable", "DELETE /v1/policies/web"] {
        let stub = Stub::start().on_status(request, 503, "");
        let verb = request.rsplit('/').next().unwrap();
        let args: &[&str] = match verb {
            "backups" => &["backup", "run", "web"],
            "enable" => &["policy", "enable", "web"],
            _ => &["policy", "delete", "web", "--yes"],
        };
        let ran = stub.run(args);
        assert_eq!((ran.code, stub.requests()), (1, vec![request.to_owned()]), "{ran}");
    }
}

#[rstest]
#[case("<html>hello</html>")]
#[case("{\"policies\": 7}")]
#[case("")]
fn an_answer_that_is_none(#[case] body: &str) {
    let stub = Stub::start().on_status("GET /v1/policies", 200, body);
    let ran = stub.run(&LIST);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran}");
    assert!(ran.err.starts_with("error: the deployment's answer is not understood\n"), "{ran}");
}

#[test]
fn a_plan_is_no_larger_than_it_says() {
    // A document of some size arrives whole, signed over all of it.
    let stub = Stub::start().on("POST /v1/plan", empty_plan());
    let targets = (0..3000)
        .map(|n| format!("      - {{volume: vol-{n:017x}, region: eu-west-1}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let text = format!("policies:\n  - name: web\n    account: main\n    targets:\n{targets}");
    let ran = crate::command::run_with(&mut cpm_at(&stub.address), &["plan", "-f", "-"], &text);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(stub.asked()[0].body["document"]["policies"][0]["targets"].as_array().unwrap().len(), 3000);
}
