"""cloud.py: up, down, status, and what it says when something is in the way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from conftest import Cloud, free_port, launch, wait_for
from localcloud.processes import birth_of
from localcloud.settings import Settings, read_env


@pytest.fixture
def other(tmp_path: Path) -> Cloud:
    """A second cloud, beside the one that the other tests use."""
    return Cloud(Settings(tmp_path / "state", free_port(), free_port()))


def test_up_twice_and_down_twice(cloud: Cloud, other: Cloud) -> None:
    assert other.run("status").returncode == 3
    assert other.run("up").returncode == 0
    try:
        again = other.run("up")
        assert again.returncode == 0 and "already up" in again.stdout
        assert other.run("status").returncode == 0
        assert read_env(other.settings)["AWS_ENDPOINT_URL_EC2"] == other.settings.resources_url
        assert cloud.run("status").returncode == 0
    finally:
        down = other.run("down")
    assert "serverless" in down.stdout and "resources" in down.stdout
    assert "nothing was running" in other.run("down").stdout
    assert cloud.run("status").returncode == 0


def test_the_shell_is_a_user_whose_signature_counts(cloud: Cloud) -> None:
    variables = read_env(cloud.settings)
    keys = {"AccessKeyId": variables["AWS_ACCESS_KEY_ID"], "SecretAccessKey": variables["AWS_SECRET_ACCESS_KEY"]}
    operator = {**keys, "SessionToken": None}
    assert cloud.client("sts", credentials=operator).get_caller_identity()["Arn"].endswith(":user/operator")
    assert cloud.client("ec2", credentials=operator).describe_regions()["Regions"]
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        cloud.client("dynamodb", credentials={**operator, "SecretAccessKey": "wrong"}).list_tables()


def test_functions_resources_may_be_elsewhere(other: Cloud) -> None:
    assert other.run("up", CPM_RESOURCE_ENDPOINT="http://127.0.0.1:9").returncode == 0
    try:
        serverless = next(line for line in other.run("status").stdout.splitlines() if "serverless" in line)
        pid = serverless.split("pid ")[1].split(",")[0]
        environ = Path(f"/proc/{pid}/environ")
        if environ.exists():
            assert b"AWS_ENDPOINT_URL_EC2=http://127.0.0.1:9\0" in environ.read_bytes()
        assert read_env(other.settings)["AWS_ENDPOINT_URL_EC2"] == other.settings.resources_url
    finally:
        other.run("down")


def test_a_port_in_use_is_said(other: Cloud) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", other.settings.resources_port))
        taken.listen()
        answer = other.run("up")
    assert answer.returncode == 1
    assert f"port {other.settings.resources_port} is in use" in answer.stderr and "CPM_LOCAL_RESOURCE_PORT" in answer.stderr


def test_down_spares_a_process_that_got_the_pid(other: Cloud) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        other.settings.state.mkdir()
        (other.settings.state / "processes.json").write_text(
            f'[{{"name": "serverless", "pid": {bystander.pid}, "birth": "1", "port": 1}}]'
        )
        assert "nothing was running" in other.run("down").stdout
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="what left its group is found by /proc")
def test_commands_do_not_outlive_down(other: Cloud) -> None:
    assert other.run("up").returncode == 0
    try:
        instance, _ = launch(other.client("ec2"))
        # One in the command's group, one that left it, one whose output nobody holds.
        lines = ["echo $$ > self", "setsid sleep 300 & echo $! > left", "sleep 300 > /dev/null 2>&1 & echo $! > quiet", "sleep 300"]
        other.client("ssm").send_command(
            InstanceIds=[instance], DocumentName="AWS-RunShellScript", Parameters={"commands": lines})
        home = other.settings.state / "instances" / instance
        files = [home / name for name in ("self", "left", "quiet")]
        for file in files:
            wait_for(lambda file=file: file.exists() and file.read_text().strip())
        pids = [int(file.read_text()) for file in files]
        assert all(birth_of(pid) for pid in pids)
    finally:
        other.run("down")
    for pid in pids:
        wait_for(lambda pid=pid: not birth_of(pid))


def test_missing_programs_are_named(other: Cloud) -> None:
    answer = subprocess.run(
        [sys.executable, "-S", "-E", str(Path(__file__).parents[1] / "cloud.py"), "up"],
        env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, check=False,
    )
    assert answer.returncode == 2
    assert "ministack" in answer.stderr and "requirements.txt" in answer.stderr
