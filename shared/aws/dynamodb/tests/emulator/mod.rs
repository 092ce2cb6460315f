//! A DynamoDB on this machine: ministack, one process for all tests of a binary, a table of its own for each test.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{Client, config::Credentials, config::SharedCredentialsProvider};
use cpm_aws_dynamodb::{Table, table_definition};
use tokio::{net::TcpStream, sync::OnceCell};

/// Ends when the tests end, however they end: its standard input is closed then.
const LAUNCHER: &str = "
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from ministack.app import main
main()
";

struct Emulator {
    port: u16,
    _process: Child,
}

static EMULATOR: OnceCell<Emulator> = OnceCell::const_new();
static TABLES: AtomicU32 = AtomicU32::new(0);

/// The Python that has ministack: `CPM_PYTHON`, as the Makefile sets it.
fn python() -> PathBuf {
    let of_local_cloud = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../.local/venv/bin/python");
    let python = std::env::var_os("CPM_PYTHON").map_or_else(of_local_cloud, PathBuf::from);
    assert!(
        python.exists(),
        "there is no {}: run `make unit`, or set CPM_PYTHON to a Python that has infra/local/requirements.txt",
        python.display()
    );
    python
}

async fn start() -> Emulator {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut process = Command::new(python())
        .args(["-c", LAUNCHER])
        .env("GATEWAY_PORT", port.to_string())
        .env("BIND_HOST", "127.0.0.1")
        .env("SERVICES", "dynamodb")
        .env("LOG_LEVEL", "WARNING")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..1_200 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return Emulator { port, _process: process };
        }
        assert!(process.try_wait().unwrap().is_none(), "ministack ended: its words are above");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("ministack does not listen on port {port} after a minute");
}

/// How to reach `endpoint`.
pub(crate) fn sdk(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}

/// How to reach the emulator.
pub(crate) async fn config() -> SdkConfig {
    let emulator = EMULATOR.get_or_init(start).await;
    sdk(&format!("http://127.0.0.1:{}", emulator.port))
}

/// The name of a new table.
pub(crate) async fn fresh_name() -> String {
    let client = Client::new(&config().await);
    let name = format!("cpm-{}", TABLES.fetch_add(1, Ordering::Relaxed));
    table_definition().unwrap().table_name(&name).send_with(&client).await.unwrap();
    name
}

/// A store with nothing in it.
pub(crate) async fn fresh() -> Table {
    let name = fresh_name().await;
    Table::new(&config().await, name)
}
