//! What the binary says of itself, and of command lines that make no sense.

use rstest::rstest;

use crate::command::{cpm, run};

#[rstest]
#[case(&[])]
#[case(&["bakup"])]
#[case(&["backup"])]
#[case(&["backup", "run"])]
#[case(&["backup", "run", "a b"])]
#[case(&["backup", "show", "seventeen"])]
#[case(&["backup", "list", "--status", "done"])]
#[case(&["backup", "list", "--limit", "0"])]
#[case(&["freezer", "add", "17"])]
#[case(&["freezer", "add", "17", "--name", "a/b"])]
#[case(&["freezer", "add", "17", "--name", "a", "--description", " "])]
#[case(&["freezer", "show"])]
#[case(&["agent", "list", "web"])]
#[case(&["plan"])]
#[case(&["plan", "-f"])]
#[case(&["apply", "-f", "x.yaml", "--jes"])]
#[case(&["tag", "check"])]
#[case(&["tag", "check", "--kind", "disk", "web"])]
#[case(&["schedule", "preview"])]
#[case(&["schedule", "preview", "x.yaml", "--from", "tomorrow"])]
#[case(&["schedule", "preview", "x.yaml", "--count", "-1"])]
#[case(&["policy", "list", "--timezone", "Berlin"])]
#[case(&["scan", "log", "x", "--limit", "3"])]
#[case(&["completion", "cmd"])]
#[case(&["recover"])]
#[case(&["recover", "instance"])]
#[case(&["recover", "show"])]
#[case(&["recover", "show", "web"])]
#[case(&["recover", "show", "17", "18"])]
#[case(&["recover", "machine", "17"])]
#[case(&["recover", "instance", "web"])]
#[case(&["recover", "instance", "17", "--plan", "--yes"])]
#[case(&["recover", "instance", "17", "--external-id", "x7"])]
#[case(&["recover", "instance", "17", "--on-failure", "retry"])]
#[case(&["recover", "instance", "17", "--region", "us-east"])]
#[case(&["recover", "instance", "17", "--count", "0"])]
#[case(&["recover", "instance", "17", "--launch-from", "disk"])]
#[case(&["recover", "instance", "17", "--private-ip", "10.0.0"])]
#[case(&["recover", "instance", "17", "--private-ip", "10.0.0.5", "--no-private-ip"])]
#[case(&["recover", "instance", "17", "--monitoring", "no"])]
#[case(&["recover", "instance", "17", "--monitoring=maybe"])]
#[case(&["recover", "instance", "17", "--volume", "vol-0123456789abcdef0:siz=8"])]
#[case(&["recover", "instance", "17", "--without", "i-0123456789abcdef0"])]
#[case(&["recover", "instance", "17", "--tag", "Name"])]
#[case(&["recover", "instance", "17", "--tag", "a=b", "--no-tags"])]
#[case(&["recover", "instance", "17", "--ephemeral", "/dev/sdb"])]
#[case(&["recover", "instance", "17", "--attach-to", "i-0123456789abcdef0"])]
#[case(&["recover", "volumes", "17", "--attach-to", "web"])]
#[case(&["recover", "volumes", "17", "--attach", "force"])]
#[case(&["recover", "rds", "17", "--port", "70000"])]
#[case(&["recover", "aurora", "17", "--member", "orders-1"])]
#[case(&["recover", "dynamodb", "17", "--billing", "free"])]
#[case(&["recover", "dynamodb", "17", "--read-units", "0"])]
#[case(&["recover", "approve"])]
#[case(&["recover", "approve", "x7"])]
#[case(&["recover", "list", "--limit", "0"])]
#[case(&["image", "like"])]
#[case(&["image", "like", "17", "--instance", "web"])]
fn what_makes_no_sense_has_an_exit_code_of_its_own(#[case] args: &[&str]) {
    let ran = run(&mut cpm(), args);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{ran}");
    assert!(!ran.err.contains("panicked") && !ran.err.is_empty(), "{ran}");
}

#[test]
fn tells_what_was_meant() {
    let ran = run(&mut cpm(), &["bakup", "list"]);
    assert!(ran.err.contains("similar subcommand exists: 'backup'"), "{ran}");
    let ran = run(&mut cpm(), &["backup", "list", "--state", "failed"]);
    assert!(ran.err.contains("similar argument exists: '--status'"), "{ran}");
    let ran = run(&mut cpm(), &["recover", "instance", "17", "--volume", "vol-0123456789abcdef0:siz=8"]);
    assert!(ran.err.contains("`siz` is unknown: write `size`"), "{ran}");
    let ran = run(&mut cpm(), &["recover", "volumes", "17", "--attach", "swich"]);
    assert!(ran.err.contains("a similar value exists: 'switch'"), "{ran}");
}

#[rstest]
#[case(&["--help"])]
#[case(&["help", "backup", "run"])]
#[case(&["backup", "list", "-h"])]
#[case(&["--version"])]
fn help_is_an_answer(#[case] args: &[&str]) {
    let ran = run(&mut cpm(), args);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
    assert!(ran.out.contains("cpm"), "{ran}");
}

#[rstest]
#[case("bash", "complete -F _cpm")]
#[case("zsh", "#compdef cpm")]
#[case("fish", "complete -c cpm")]
#[case("powershell", "Register-ArgumentCompleter")]
#[case("elvish", "edit:completion")]
fn completes(#[case] shell: &str, #[case] mark: &str) {
    let ran = run(&mut cpm(), &["completion", shell]);
    assert!(ran.code == 0 && ran.out.contains(mark) && ran.out.contains("preview"), "{ran}");
}
