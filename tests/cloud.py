"""A local cloud for a program or a test run: started, deployed to, steered, looked into, ended."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

REPOSITORY = Path(__file__).resolve().parents[1]
LAUNCHER = REPOSITORY / "infra" / "local" / "cloud.py"
sys.path.insert(0, str(LAUNCHER.parent))

from localcloud import settings as local  # noqa: E402
from localcloud import template as templates  # noqa: E402

HOME, REGION = local.ACCOUNT, local.REGION
STACK = "cpm"
ACCOUNT_KEYS = {"AWS_ACCESS_KEY_ID": HOME, "AWS_SECRET_ACCESS_KEY": "test"}
"""Of the home account's root, for processes of our own."""
MEMBER = "111122223333"
T = TypeVar("T")


class CloudError(Exception):
    """The cloud, or a tool, did not do what everything else rests on."""


class TooLate(AssertionError):
    """Something did not come true in time."""


def wait_for(what: str, condition: Callable[[], T | None], seconds: float = 30) -> T:
    """Wait until `condition` gives something, and answer it. `what` says what is missing if it never does."""
    deadline = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise TooLate(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.1)


def free_port() -> int:
    """A port that nothing uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_cpm() -> str:
    """The command line that was built."""
    target = os.environ.get("CARGO_TARGET_DIR", "")
    found = shutil.which("cpm") or shutil.which("cpm", path=str(Path(target or REPOSITORY / "target") / "debug"))
    if not found:
        raise CloudError("the command line `cpm` is not on the PATH: run `make build`")
    return found


@dataclass(frozen=True)
class Said:
    """What a run of the command line said."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its answer as data."""
        try:
            return json.loads(self.out)
        except ValueError:
            raise CloudError(f"no JSON came of {self}") from None

    def __str__(self) -> str:
        return f"`cpm {' '.join(self.arguments)}` (exit code {self.code}):\n{self.out}{self.err}"


def load_template(name: str) -> dict[str, Any]:
    """A template of the project, CloudFormation's short forms spelt out."""
    return dict(templates.load(REPOSITORY / "infra" / name))


class Cloud:
    """One local cloud, with clients of it."""

    def __init__(self, state: Path, serverless_port: int | None = None, resources_port: int | None = None) -> None:
        self.settings = local.Settings(state.resolve(), serverless_port or free_port(), resources_port or free_port())
        self.outputs: dict[str, str] = {}
        self._cpm = ""
        self._steered: set[tuple[str, str, str, str]] = set()
        self._lock: TextIO | None = None

    # ---- its life

    def up(self, resource_endpoint: str | None = None, auth: bool = True) -> None:
        """Start it. Functions send their resource calls to `resource_endpoint`, where given: a proxy. Without `auth`
        permissions are not looked at, and the table answers faster. A state directory is for one run at a time."""
        self.settings.state.mkdir(parents=True, exist_ok=True)
        lock = (self.settings.state / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CloudError(f"another run has its cloud in {self.settings.state}: wait for its end") from None
        self._lock = lock
        self._launch("up", CPM_RESOURCE_ENDPOINT=resource_endpoint or "", CPM_LOCAL_AUTH=str(auth).lower())

    def deploy(self, template: Path | None = None, artifacts: Path | None = None, **parameters: str) -> dict[str, str]:
        """Deploy the template, or deploy it again; answers the stack's outputs."""
        given = [f"--parameter={name}={value}" for name, value in parameters.items()]
        chosen = ["--template", str(template)] if template else []
        folder = artifacts or Path(os.environ.get("CPM_ARTIFACTS") or REPOSITORY / ".local" / "artifacts")
        self._launch("deploy", "--stack", STACK, *chosen, *given, CPM_ARTIFACTS=str(folder.resolve()))
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return self.outputs

    def down(self) -> None:
        """End it, whatever state it is in, unless it is another run's."""
        if self._lock is not None:
            self._launch("down")
            self._lock.close()
            self._lock = None

    def _launch(self, *arguments: str, **variables: str) -> None:
        done = subprocess.run(
            [sys.executable, str(LAUNCHER), *arguments], env={**self._clean_environment(), **variables},
            capture_output=True, text=True, timeout=180, check=False,
        )
        if done.returncode:
            raise CloudError(f"cloud.py {arguments[0]} failed:\n{done.stdout}{done.stderr}")

    def _clean_environment(self) -> dict[str, str]:
        """The shell's environment without what would lead elsewhere."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CPM_"))}
        return {
            **kept, "CPM_LOCAL_STATE": str(self.settings.state), "CPM_LOCAL_PORT": str(self.settings.serverless_port),
            "CPM_LOCAL_RESOURCE_PORT": str(self.settings.resources_port),
        }

    # ---- clients

    def endpoints(self) -> dict[str, str]:
        """The variables by which an AWS SDK finds this cloud, without keys."""
        found = local.client_environment(self.settings)
        return {name: value for name, value in found.items() if "KEY" not in name}

    def client(
        self, service: str, region: str = REGION, account: str = HOME, keys: dict[str, str] | None = None
    ) -> Any:
        """A client of a service as the root of an account, or with the keys given."""
        endpoints = local.client_environment(self.settings)
        given = keys or {"AccessKeyId": account, "SecretAccessKey": "test"}
        make: Any = boto3.client
        return make(
            service, region_name=region,
            endpoint_url=endpoints.get(f"AWS_ENDPOINT_URL_{service.upper()}", endpoints["AWS_ENDPOINT_URL"]),
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64),
            aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
        )

    def operator(self) -> dict[str, str]:
        """The keys of the person at the shell."""
        found = local.read_env(self.settings)
        return {"AccessKeyId": found["AWS_ACCESS_KEY_ID"], "SecretAccessKey": found["AWS_SECRET_ACCESS_KEY"]}

    def physical(self, logical: str) -> str:
        """The physical id of a resource of the stack."""
        described = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=logical)
        return str(described["StackResourceDetail"]["PhysicalResourceId"])

    def invoke(self, function: str, payload: Any) -> Any:
        """Invoke a function by its logical id and answer what it answered; its failure is a CloudError."""
        body = json.dumps(payload).encode()
        answer = self.client("lambda").invoke(FunctionName=self.physical(function), Payload=body)
        said = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            raise CloudError(f"{function} failed: {said}")
        return said

    # ---- the command line and the API

    def cpm(
        self, *arguments: str, code: int | None = 0, timeout: float = 240, merged: bool = False,
        keys: tuple[str, str] | None = None,
    ) -> Said:
        """Run `cpm`; an exit code other than `code` is a CloudError, unless `code` is None. `merged`: errors and
        progress come in `out`, in their order, as on a terminal. `keys`: as somebody else than the operator."""
        self._cpm = self._cpm or find_cpm()
        variables = {**self._clean_environment(), **local.read_env(self.settings), "NO_COLOR": "1", "COLUMNS": "110"}
        if keys:
            variables |= {"AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1]}
        done = subprocess.run(
            [self._cpm, *arguments], env=variables, text=True, timeout=timeout, check=False, cwd=self.settings.state,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        )
        said = Said(arguments, done.returncode, done.stdout, done.stderr or "")
        if code is not None and done.returncode != code:
            raise CloudError(f"exit code {code} was expected of {said}")
        return said

    def api(self, method: str, path: str, body: Any = None, signed: bool = True) -> tuple[int, Any]:
        """A call to the HTTP API, `path` from `/v1` on; answers status and content."""
        variables = local.read_env(self.settings)
        data = None if body is None else json.dumps(body).encode()
        request = AWSRequest(method, variables["CPM_API_URL"] + path, {"Content-Type": "application/json"}, data)
        if signed:
            keys = Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
            SigV4Auth(keys, "execute-api", REGION).add_auth(request)
        plain = urllib.request.Request(str(request.url), data, dict(request.headers), method=method)
        try:
            with urllib.request.urlopen(plain, timeout=60) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        return status, json.loads(content) if content else None

    def browse(self, link: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """What a browser gets that opens a link to the API, or sends the form on its page. Nothing is signed. The link names
        API Gateway's host; here it listens elsewhere."""
        parts = urllib.parse.urlsplit(link)
        here = f"{local.read_env(self.settings)['CPM_API_URL']}{parts.path}?{parts.query}"
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with urllib.request.urlopen(here, data, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    # ---- steering

    def behave(self, **changes: Any) -> None:
        """Change how the resource plane behaves: `snapshot_seconds`, `events`, …"""
        self._control("POST", "config", changes)

    def fault(self, action: str, effect: str, **more: Any) -> None:
        """Add a fault: what the calls of that name meet from now on."""
        self._control("POST", "faults", {"action": action, "effect": effect, **more})

    def hits(self) -> int:
        """How many calls the faults in force have matched."""
        return sum(rule["hits"] for rule in self._control("GET", "faults"))

    def heal(self) -> None:
        """Forget all faults."""
        self._control("DELETE", "faults")

    def reset(self) -> None:
        """Everything as it was at the start: behaviour, faults, agents, the record of reboots, backups of tables, and
        the databases that [`database`] has put into another state, those of them that are still there."""
        self.heal()
        self._control("DELETE", "config")
        self._control("DELETE", "agents")
        self._control("DELETE", "reboots")
        self._control_tables("DELETE", "backups")
        there = [(it["kind"], it["identifier"], it["account"], it["region"]) for it in self._control("GET", "databases")]
        for key in [key for key in self._steered if key in there]:
            self._steer(key, status="available")
        self._steered.clear()

    def database(
        self, kind: str, identifier: str, account: str = HOME, region: str = REGION, **change: Any
    ) -> None:
        """Put a database into a state (`status`, for `seconds` or until the next reset), or take it away (`vanish`). `kind`
        is `instance`, `cluster` or `warehouse`."""
        key = (kind, identifier, account, region)
        self._steer(key, **change)
        self._steered.add(key)

    def _steer(self, key: tuple[str, str, str, str], **change: Any) -> None:
        kind, identifier, account, region = key
        place = {"kind": kind, "identifier": identifier, "account": account, "region": region}
        self._control("POST", "databases", {**place, **change})

    def table_status(self, table: str, status: str, account: str = HOME, region: str = REGION) -> None:
        """Set the status of a DynamoDB table: `ACTIVE`, `UPDATING`, …"""
        self._control_tables("POST", "tables", {"table": table, "status": status, "account": account, "region": region})

    def table_backups(self, **changes: float) -> None:
        """Change how backups of DynamoDB tables behave: `backup_seconds`, `enabling_seconds`."""
        self._control_tables("POST", "backups", changes)

    def agent(self, instance: str | None = None, **steering: str) -> None:
        """Steer the Systems Manager agent of an instance, or of every one: `ping`, `platform`, `agent_version`, `plays`."""
        named = {} if instance is None else {"instance": instance}
        self._control("POST", "agents", {**named, **steering})

    def reboots(self, instance: str) -> list[dict[str, str]]:
        """When an instance was rebooted, and by which call."""
        return [entry for entry in self._control("GET", "reboots") if entry["instance"] == instance]

    def scale_waits(self, factor: float) -> None:
        """Shrink waits, retry intervals and callback timeouts of Step Functions."""
        body = json.dumps({"stepfunctions._SFN_WAIT_SCALE": factor}).encode()
        _open(f"{self.settings.serverless_url}/_ministack/config", "POST", body)

    def _control(self, method: str, path: str, data: Any = None) -> Any:
        body = None if data is None else json.dumps(data).encode()
        return json.loads(_open(f"{self.settings.resources_url}/_cloud/{path}", method, body))

    def _control_tables(self, method: str, path: str, data: Any = None) -> Any:
        """As [`_control`], on the serverless plane, where DynamoDB is."""
        body = None if data is None else json.dumps(data).encode()
        return json.loads(_open(f"{self.settings.serverless_url}/_cloud/{path}", method, body))

    # ---- looking

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The record of API calls, from line `since` on."""
        return [json.loads(line) for line in self.settings.calls.read_text().splitlines()[since:]]

    def call_count(self) -> int:
        """How many calls are on record."""
        return len(self.settings.calls.read_text().splitlines())


def _open(url: str, method: str, body: bytes | None) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())
