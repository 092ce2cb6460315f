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
