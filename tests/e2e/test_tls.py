"""Functions talk to AWS over TLS. The local cloud has none, so here one function talks to a server that has."""

from __future__ import annotations

import ipaddress
import json
import shutil
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.runtime_api import FunctionFailed, LocalServer, Runtime

DENIED = {"__type": "com.amazonaws.dynamodb.v20120810#AccessDeniedException", "Message": "not you"}


def certificate(folder: Path) -> Path:
    """A certificate of this machine's, signed by itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "AWS for a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return pem


class Server(LocalServer):
    """An AWS that says no to all, over TLS, and remembers what it was asked."""

    def __init__(self, pem: Path) -> None:
        self.asked: list[tuple[str, str]] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        super().__init__(_handler(self))

    def get_request(self) -> tuple[Any, Any]:
        """A connection, with TLS around it; the handshake is its thread's."""
        connection, address = super().get_request()
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of handshakes that fail: one is to."""


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.append((self.connection.version(), self.headers["Authorization"]))
            body = json.dumps(DENIED).encode()
            self.send_response(400)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Who has the certificate in `certificate.pem`."""
    server = Server(certificate(tmp_path))
    yield server
    server.close()


def failure(server: Server, trusted: Path) -> str:
    """How a tick fails that finds its table at the server, and trusts only one certificate."""
    binary = shutil.which("dispatcher")
    assert binary, "the debug binaries are on the PATH"
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:"
    environment = {
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_DYNAMODB": f"https://127.0.0.1:{server.server_port}", "SSL_CERT_FILE": str(trusted),
        "CPM_TABLE": "cpm", "CPM_DEPLOYMENT": "cpm", "CPM_ACCOUNT": "123456789012", "CPM_TIMEZONE": "UTC",
        "CPM_BACKUP_STATE_MACHINE": arn + "backup", "CPM_TAG_SCAN_STATE_MACHINE": arn + "tag-scan",
        "CPM_CLEANUP_STATE_MACHINE": arn + "cleanup", "CPM_RECOVERY_STATE_MACHINE": arn + "recovery",
        "CPM_DRILL_STATE_MACHINE": arn + "drill", "CPM_SCENARIO_STATE_MACHINE": arn + "scenario",
    }
    with Runtime(Path(binary), environment) as runtime, pytest.raises(FunctionFailed) as failed:
        runtime.invoke({}, 30)
    return str(failed.value)


def test_what_is_trusted_is_asked_over_tls(server: Server, tmp_path: Path) -> None:
    """With the newest TLS, signed by the function's role; the answer comes through."""
    assert "not you" in failure(server, tmp_path / "certificate.pem")
    assert {version for version, _ in server.asked} == {"TLSv1.3"}
    assert all(signed.startswith("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/") for _, signed in server.asked)


def test_what_is_not_trusted_is_told_nothing(server: Server, tmp_path: Path) -> None:
    """Somebody else's certificate: nothing is sent."""
    other = tmp_path / "other"
    other.mkdir()
    assert "certificate" in failure(server, certificate(other)).lower()
    assert server.asked == []
