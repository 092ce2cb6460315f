"""Where a local cloud lives: its state directory, its ports, its accounts, and the environment it gives a shell."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "123456789012"
ACCESS_KEY = "test"
SECRET_KEY = "test"

# The services of the resource plane, as the AWS SDKs spell them in AWS_ENDPOINT_URL_<SERVICE>.
RESOURCE_SERVICES = ("EC2", "RDS", "REDSHIFT", "EBS", "SSM")


@dataclass(frozen=True)
class Settings:
    """One local cloud. Two of them run side by side when state directory and ports differ."""

    state: Path
    serverless_port: int
    resources_port: int

    @staticmethod
    def of_environment(
        state: str | None = None, serverless_port: int | None = None, resources_port: int | None = None
    ) -> Settings:
        """The settings of arguments, else of CPM_LOCAL_STATE, CPM_LOCAL_PORT, CPM_LOCAL_RESOURCE_PORT, else defaults."""
        directory = Path(state or os.environ.get("CPM_LOCAL_STATE") or ".local")
        return Settings(
            state=directory if directory.is_absolute() else REPOSITORY / directory,
            serverless_port=serverless_port or int(os.environ.get("CPM_LOCAL_PORT", "4566")),
            resources_port=resources_port or int(os.environ.get("CPM_LOCAL_RESOURCE_PORT", "5000")),
        )

    @property
    def serverless_url(self) -> str:
        """Endpoint of the serverless plane."""
        return f"http://{HOST}:{self.serverless_port}"

    @property
    def resources_url(self) -> str:
        """Endpoint of the resource plane."""
        return f"http://{HOST}:{self.resources_port}"

    @property
    def calls(self) -> Path:
        """One JSON line for each API call that either plane answered."""
        return self.state / "calls.jsonl"

    @property
    def instances(self) -> Path:
        """A directory for each instance that ran a command: `<instance-id>/`."""
        return self.state / "instances"

    @property
    def mail(self) -> Path:
        """A directory for each address that SNS sent e-mails to: `<address>/<number>.eml`."""
        return self.state / "mail"

    @property
    def env_file(self) -> Path:
        """What a shell sources to talk to this cloud."""
        return self.state / "env"


def client_environment(settings: Settings, resources_url: str | None = None) -> dict[str, str]:
    """The variables with which an AWS SDK reaches this cloud. `resources_url` may name a proxy before the resources."""
    resources = resources_url or settings.resources_url
    return {
        "AWS_ENDPOINT_URL": settings.serverless_url,
        **{f"AWS_ENDPOINT_URL_{service}": resources for service in RESOURCE_SERVICES},
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def write_env(settings: Settings, variables: dict[str, str]) -> None:
    """Merge `variables` into the state directory's `env`, as lines of `export NAME=value`."""
    merged = {**read_env(settings), **variables}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in merged.items()]
    settings.env_file.write_text("\n".join(lines) + "\n")


def read_env(settings: Settings) -> dict[str, str]:
    """The variables of the state directory's `env`; empty when there is none."""
    if not settings.env_file.exists():
        return {}
    found = {}
    for line in settings.env_file.read_text().splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        found[name] = "".join(shlex.split(value))
    return found
