"""The templates, read once."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from templates import INFRA

sys.path.insert(0, str(INFRA / "local"))

from localcloud import template  # noqa: E402


@pytest.fixture(scope="session")
def deployment() -> dict[str, Any]:
    """template.yaml, short forms written out."""
    return template.load(INFRA / "template.yaml")


@pytest.fixture(scope="session")
def member() -> dict[str, Any]:
    """member-account.yaml."""
    return template.load(INFRA / "member-account.yaml")


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """vss-document.yaml."""
    return template.load(INFRA / "vss-document.yaml")


@pytest.fixture(scope="session")
def forwarding() -> dict[str, Any]:
    """events-forwarding.yaml."""
    return template.load(INFRA / "events-forwarding.yaml")
