#!/usr/bin/env python3
"""The local cloud: start it, deploy to it, look at it, end it.

    cloud.py up | down | status | deploy

State directory and ports: --state, --port-serverless, --port-resources, else CPM_LOCAL_STATE (.local), CPM_LOCAL_PORT
(4566), CPM_LOCAL_RESOURCE_PORT (5000).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEEDED = ("ministack", "moto", "boto3", "yaml", "samtranslator", "cryptography", "flask", "hypercorn")


def main() -> int:
    """Run one command; answers the exit code."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"cloud.py: {', '.join(missing)} not installed for {sys.executable}", file=sys.stderr)
        print(f"  install with: {sys.executable} -m pip install -r {HERE / 'requirements.txt'}", file=sys.stderr)
        return 2
    from localcloud.processes import CloudError
    from localcloud.settings import Settings

    arguments = parse()
    settings = Settings.of_environment(arguments.state, arguments.port_serverless, arguments.port_resources)
    try:
        return {"up": up, "down": down, "status": status, "deploy": deploy}[arguments.command](settings, arguments)
    except CloudError as error:
        print(f"cloud.py {arguments.command}: {error}", file=sys.stderr)
        return 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--state", help="state directory")
    common.add_argument("--port-serverless", type=int)
    common.add_argument("--port-resources", type=int)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("up", "start"), ("down", "end"), ("status", "say what runs")):
        commands.add_parser(name, help=text, parents=[common])
    deploy_parser = commands.add_parser("deploy", help="package and deploy a template", parents=[common])
    deploy_parser.add_argument("--template", type=Path, default=HERE.parent / "template.yaml")
    deploy_parser.add_argument("--stack", default=os.environ.get("CPM_STACK", "cpm"))
    deploy_parser.add_argument("--parameter", action="append", default=[], metavar="KEY=VALUE")
    return parser.parse_args()


def up(settings, arguments) -> int:
    """Start both planes; fine when they run already."""
    from localcloud import processes, shell_user
    from localcloud.settings import client_environment, write_env

    recorded = processes.load(settings.state)
    running = [process for process in recorded if process.alive()]
    if len(running) == 2:
        ports = {process.name: process.port for process in running}
        if ports != {"serverless": settings.serverless_port, "resources": settings.resources_port}:
            raise processes.CloudError(f"it is up already, but on other ports ({ports}); run `down` first")
        print(f"already up: serverless {settings.serverless_url}, resources {settings.resources_url}")
        return 0
    for process in running:
        processes.end(process)
    for port, variable in (
        (settings.serverless_port, "CPM_LOCAL_PORT"), (settings.resources_port, "CPM_LOCAL_RESOURCE_PORT")
    ):
        if processes.port_in_use(port):
            advice = f"end what listens there, or set {variable} to a free port"
            raise processes.CloudError(f"port {port} is in use; {advice}")
    settings.state.mkdir(parents=True, exist_ok=True)
    for stale in ("env", "calls.jsonl", "serverless.log", "resources.log"):
        (settings.state / stale).unlink(missing_ok=True)
    processes.end_left_over(settings.instances)
    for old in (settings.instances, settings.mail):
        shutil.rmtree(old, ignore_errors=True)
    began, started = time.monotonic(), []
    for name, port in (("serverless", settings.serverless_port), ("resources", settings.resources_port)):
        started.append(processes.start(name, HERE / f"{name}.py", port, settings.state, plane_environment(settings)))
        processes.save(settings.state, started)
    try:
        for process in started:
            url = settings.serverless_url if process.name == "serverless" else settings.resources_url
            processes.await_ready(process, f"{url}/_cloud/ready", settings.state / f"{process.name}.log")
    except processes.CloudError:
        down(settings, arguments)
        raise
    variables = {**client_environment(settings), **shell_user.create(settings)}
    variables |= {"CPM_LOCAL_STATE": str(settings.state), "CPM_LOCAL_PORT": str(settings.serverless_port)}
    variables |= {"CPM_LOCAL_RESOURCE_PORT": str(settings.resources_port), "CPM_CALLS": str(settings.calls)}
    write_env(settings, variables)
    took = time.monotonic() - began
    print(f"up in {took:.1f} s: serverless {settings.serverless_url}, resources {settings.resources_url}")
    print(f"for a shell: . {settings.env_file}")
    return 0


def plane_environment(settings) -> dict[str, str]:
    """The environment of both planes, and of the functions, which inherit it: so nothing of the shell's is in it.

    With CPM_RESOURCE_ENDPOINT the functions send resource calls there; shells still talk to the plane itself.
    """
    from localcloud.settings import ACCOUNT, REGION, client_environment

    scratch = settings.state / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **client_environment(settings, os.environ.get("CPM_RESOURCE_ENDPOINT") or None),
        "AUTH": os.environ.get("CPM_LOCAL_AUTH", "true"),
        "BIND_HOST": "127.0.0.1",
        "CPM_CALLS": str(settings.calls),
        "CPM_INSTANCES": str(settings.instances),
        "CPM_MAIL": str(settings.mail),
        "CPM_SERVERLESS_URL": settings.serverless_url,
        "CPM_RESOURCES_PORT": str(settings.resources_port),
        "GATEWAY_PORT": str(settings.serverless_port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(scratch),
    }


def down(settings, arguments) -> int:
    """End what this state directory started; logs and call records stay until the next `up`."""
    from localcloud import processes

    ended = [process.name for process in processes.load(settings.state) if processes.end(process)]
    processes.end_left_over(settings.instances)
    (settings.state / "processes.json").unlink(missing_ok=True)
    shutil.rmtree(settings.state / "tmp", ignore_errors=True)
    print(f"ended {' and '.join(ended)}" if ended else "nothing was running")
    return 0


def status(settings, arguments) -> int:
    """Exit code 0 when both planes run, 3 when not."""
    from localcloud import processes

    recorded = processes.load(settings.state)
    for process in recorded:
        print(f"{process.name}: {'running' if process.alive() else 'ended'}, pid {process.pid}, port {process.port}")
    if not recorded:
        print(f"not started (no record in {settings.state})")
    return 0 if len(recorded) == 2 and all(process.alive() for process in recorded) else 3


def deploy(settings, arguments) -> int:
    """Package and deploy; prints the stack's outputs."""
    from localcloud import processes
    from localcloud.deploy import deploy as deploy_stack

    if not processes.port_in_use(settings.serverless_port):
        raise processes.CloudError("the local cloud is not running; run `cloud.py up` first")
    parameters = dict(entry.partition("=")[::2] for entry in arguments.parameter)
    began = time.monotonic()
    outputs = deploy_stack(settings, arguments.template.resolve(), arguments.stack, parameters)
    print(f"deployed {arguments.stack} in {time.monotonic() - began:.1f} s")
    for name, value in outputs.items():
        print(f"  {name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
