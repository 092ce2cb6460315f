//! Runs the binary.

use std::{
    fmt,
    io::Write as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The access key that the stub lets in.
pub const ACCESS_KEY: &str = "AKIACPMTEST";
/// Its secret.
pub const SECRET_KEY: &str = "a secret that nobody knows";

/// The binary, cut off from the credentials and settings of whoever runs the tests.
pub fn cpm() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpm"));
    command
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null());
    command
}

/// The binary with a deployment at an address, and credentials for it.
pub fn cpm_at(address: &str) -> Command {
    let mut command = cpm();
    command
        .env("CPM_API_URL", address)
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_REGION", "eu-west-1");
    command
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The answer to programs. Nothing else may stand on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("", &self.out), ("--- standard error\n", &self.err)];
        for (heading, text) in parts.into_iter().filter(|(_, text)| !text.is_empty()) {
            let line = if text.ends_with('\n') { "" } else { "(no line break)\n" };
            write!(f, "{heading}{text}{line}")?;
        }
        write!(f, "--- exit code {}", self.code)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Self { code: output.status.code().unwrap_or(-1), out, err }
    }
}

/// Runs to the end.
pub fn run(command: &mut Command, args: &[&str]) -> Ran {
    end(command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Waits for the end of one that runs. One that does not end by itself is ended, so that its test fails and does not
/// hang.
pub fn end(child: Child) -> Ran {
    let (pid, (ended, end)) = (Pid::from_child(&child), mpsc::channel::<()>());
    let watchdog = thread::spawn(move || {
        if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let ran = child.wait_with_output().unwrap().into();
    drop(ended);
    watchdog.join().unwrap();
    ran
}

/// Far longer than any run takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs in a directory.
pub fn run_in(directory: &Path, command: &mut Command, args: &[&str]) -> Ran {
    run(command.current_dir(directory), args)
}

/// Runs with a text on standard input.
pub fn run_with(command: &mut Command, args: &[&str], input: &str) -> Ran {
    let mut child =
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    end(child)
}
