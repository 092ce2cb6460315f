//! The local cloud (`infra/local`), one for all tests of a binary.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

/// The root of the home account.
const ACCOUNT: &str = "123456789012";

/// A running local cloud. It ends with this.
pub(crate) struct Cloud {
    state: tempfile::TempDir,
    serverless: u16,
    resources: u16,
}

/// The Python that has the local cloud: `CPM_PYTHON`, as the Makefile sets it.
fn python() -> PathBuf {
    let python =
        std::env::var_os("CPM_PYTHON").map_or_else(|| repository().join(".local/venv/bin/python"), PathBuf::from);
    assert!(
        python.exists(),
        "there is no {}: run `make unit`, or set CPM_PYTHON to a Python that has infra/local/requirements.txt",
        python.display()
    );
    python
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Cloud {
    pub(crate) fn up() -> Self {
        let cloud = Self { state: tempfile::tempdir().unwrap(), serverless: free_port(), resources: free_port() };
        assert!(cloud.command("up").status().unwrap().success(), "the local cloud does not start");
        cloud
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(python());
        command
            .arg(repository().join("infra/local/cloud.py"))
            .arg(verb)
            .env("CPM_LOCAL_STATE", self.state.path())
            .env("CPM_LOCAL_PORT", self.serverless.to_string())
            .env("CPM_LOCAL_RESOURCE_PORT", self.resources.to_string());
        command
    }

    /// Makes what is to be backed up: `script` gets boto3's clients by `client(service)`.
    pub(crate) fn make(&self, script: &str) {
        let head = format!(
            "import boto3\n\
             def client(service):\n\
             \x20   port = {} if service == 'dynamodb' else {}\n\
             \x20   return boto3.client(service, endpoint_url=f'http://127.0.0.1:{{port}}', region_name='us-east-1',\n\
             \x20       aws_access_key_id='{ACCOUNT}', aws_secret_access_key='test')\n",
            self.serverless, self.resources
        );
        let made = Command::new(python()).args(["-c", &(head + script)]).status();
        assert!(made.unwrap().success(), "what is to be backed up could not be made");
    }

    /// Configuration for the services of the resource plane.
    pub(crate) fn resources(&self) -> SdkConfig {
        sdk(self.resources)
    }

    /// Configuration for the services of the serverless plane.
    pub(crate) fn serverless(&self) -> SdkConfig {
        sdk(self.serverless)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.command("down").status().unwrap();
    }
}

fn sdk(port: u16) -> SdkConfig {
    let credentials = Credentials::new(ACCOUNT, "test", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .build()
}
