"""The Systems Manager document for VSS: what reaches diskshadow, what the linter holds back, and what is recorded of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from powershell import NotInSubset, evaluate
from templates import INFRA, Template

from documents import findings, script_findings

SCRIPT = (INFRA / "documents" / "cpm-vss.ps1").read_text()
DOCUMENT = (INFRA / "documents" / "cpm-vss.yaml").read_text()
README = (INFRA / "documents" / "README.md").read_text()
FIXTURES = INFRA / "tests" / "fixtures" / "vss"
RECORDED = json.loads((INFRA.parent / "tests" / "recorded" / "vss" / "conversation.json").read_text())
PLACE = r"C:\ProgramData\cpm\vss\cpm-42"
SYSTEM_PROVIDER = re.search(r"^\$SystemProvider = '(.*)'$", SCRIPT, re.M)[1]  # type: ignore[index]


def session(**given: Any) -> list[str]:
    return evaluate(SCRIPT, "Get-SessionCommand", Place=PLACE, SystemProvider=SYSTEM_PROVIDER, **given)


def fixture(name: str) -> list[str]:
    return (FIXTURES / name).read_text().splitlines()


def test_diskshadow_is_told_volumes_and_writers() -> None:
    made = session(
        Drives=["D:", "E:"], NoWriters=False, Verify=["{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}"],
        Exclude=["{4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f}", "{2a40fd15-dfca-4aa8-a654-1f8c654603f6}"],
    )
    assert made == fixture("session.dsh")


def test_without_writers_there_is_no_backup_session() -> None:
    drives = ["C:", "\\\\?\\Volume{1b77e212-0000-0000-0000-100000000000}\\"]
    assert session(Drives=drives, NoWriters=True, Exclude=[], Verify=[]) == fixture("session-nowriters.dsh")


def test_writers_hear_of_the_end_only_after_the_wait() -> None:
    made = session(Drives=["D:"], NoWriters=False, Exclude=[], Verify=[])
    hold, end, done = (made.index(it) for it in (f"exec {PLACE}\\hold.cmd", "end backup", f"exec {PLACE}\\done.cmd"))
    assert made.index("begin backup") < made.index("create") < hold < end < done
    # The only good end of the wait is the decision that the backup is complete.
    ends = [line for line in fixture("hold.cmd") if "exit 0" in line]
    assert ends == [f"if exist {PLACE}\\complete.txt exit 0"]


def test_the_scripts_that_diskshadow_runs() -> None:
    assert evaluate(SCRIPT, "Get-HoldCommand", Place=PLACE, Turns="45000") == fixture("hold.cmd")
    assert evaluate(SCRIPT, "Get-DoneCommand", Place=PLACE) == fixture("done.cmd")


def test_the_evaluator_refuses_what_it_does_not_understand() -> None:
    for body in ("Get-Date", "$a = 'b'", "'a' + 'b'", '"$(1)"', "while ($true) { 'a' }", "'a' | Out-Null"):
        with pytest.raises(NotInSubset):
            evaluate(f"function F {{ {body} }}", "F")


def test_the_document_has_no_findings() -> None:
    assert list(findings(DOCUMENT)) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("$Backup, and nothing", "$Backup: nothing"),
        ("if ($Volumes -eq '') {", "if ($Volumes -eq '' {"),
        ("    try { [void] $lock.WaitOne() } catch", "    try { [void] $lock.WaitOne()  catch"),
        ("'set verbose on'", "'set verbose on"),
        ("exit 0\n", "exit 0 }\n"),
        ("# Exit codes;", "# Exit c\u00f6des;"),
    ],
)
def test_a_broken_script_is_found(right: str, wrong: str) -> None:
    assert right in SCRIPT
    assert list(script_findings(SCRIPT.replace(right, wrong, 1))) != []


@pytest.mark.parametrize(
    ("right", "wrong", "finding"),
    [
        ("action: aws:runPowerShellScript", "action: aws:runPowerShell", "not one of"),
        ("[platformType, Windows]", "[platformType, Linux]", "platformType"),
        ("'{{ HoldHours }}'", "'24'", "HoldHours is declared and not used"),
        ("'{{ Backup }}'", "'{{ Backups }}'", "Backups is used and not declared"),
        ("'{{ Backup }}'", '"{{ Backup }}"', "does not stand alone between apostrophes"),
        ("[A-Za-z0-9_.-]{0,126}", "[^/]{0,126}", "its pattern lets"),
        ("'^[1-9][0-9]?$'", "'[1-9][0-9]?'", "does not match"),
        ("default: '600'", "default: '5'", "not of its pattern"),
    ],
)
def test_a_broken_document_is_found(right: str, wrong: str, finding: str) -> None:
    assert right in DOCUMENT
    assert any(finding in it for it in findings(DOCUMENT.replace(right, wrong, 1)))


def test_the_templates_deploy_the_document(deployment: Template, document: Template) -> None:
    for template, name in ((deployment, "AWS::StackName"), (document, "DeploymentName")):
        properties = template["Resources"]["VssDocument"]["Properties"]
        assert properties["Name"] == {"Fn::Sub": f"${{{name}}}-vss"}
        assert properties["Content"] == yaml.safe_load(DOCUMENT)
        assert (properties["DocumentType"], properties["UpdateMethod"]) == ("Command", "NewVersion")


@pytest.mark.parametrize("name", ["member-account.yaml", "vss-document.yaml", "events-forwarding.yaml"])
def test_what_goes_to_other_accounts_fits_into_a_call(name: str) -> None:
    """What is longer CloudFormation takes from a bucket only."""
    assert len((INFRA / name).read_bytes()) < 51_200


def test_exit_codes_are_documented() -> None:
    codes = {int(code) for code in re.findall(r"\$Exit\w+ = (\d+)", SCRIPT)} | {0, 1}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.M)} == codes


def test_what_is_recorded_is_what_the_script_says() -> None:
    codes = {int(code) for code in re.findall(r"\$Exit\w+ = (\d+)", SCRIPT)} | {0}
    for answer in RECORDED.values():
        assert set(answer) == {"exit_code", "stdout", "stderr"} and answer["exit_code"] in codes
        assert (answer["exit_code"] == 0) == (answer["stderr"] == "")
        for advice in re.findall(r"what to do: (.*)\r\n", answer["stderr"]):
            assert f"'{advice}'" in SCRIPT
        assert len(answer["stdout"]) < 24_000


def test_the_recorded_log_names_the_shadow_copies() -> None:
    stdout = RECORDED["begin"]["stdout"]
    ours = re.findall(r"^cpm-vss: shadow (\{.*?\}) of (\S+) in set (\{.*?\})\r$", stdout, re.M)
    theirs = re.findall(r"Shadow copy ID = (\{.*?\})", stdout)
    assert [it[0] for it in ours] == theirs and [it[1] for it in ours] == ["D:\\", "E:\\"]
    commands = re.findall(r"^-> (.*)\r$", stdout, re.M)
    made = session(Drives=["D:", "E:"], NoWriters=False, Exclude=[], Verify=["{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}"])
    assert commands == made[: len(commands)] and commands[-1].endswith("hold.cmd")
