"""The lock files pin what pyproject.toml asks for, and the changelog has the version."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())

LOCKS = {
    "build": "requirements.lock",
    "dev": "requirements-dev.lock",
    "bench": "requirements-bench.lock",
    "browser": "requirements-browser.lock",
    "docs": "requirements-docs.lock",
    "examples": "requirements-examples.lock",
}
"""Lock file by dependency group. Each lock pins the runtime and its group."""


@pytest.mark.parametrize("file", LOCKS.values())
def test_a_lock_pins_by_hash_and_names_no_host(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not re.search(r"://|^-|\bindex-url\b|\bfind-links\b", text, re.MULTILINE)
    for entry in re.split(r"\n(?=\S)", text):
        assert re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", entry, re.DOTALL), entry


@pytest.mark.parametrize("group", LOCKS)
def test_a_lock_satisfies_the_project_and_holds_all_of_the_runtime(group: str) -> None:
    locked = pins(LOCKS[group])
    assert pins("requirements.lock").items() <= locked.items()
    for wanted in [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["server"],
        *PROJECT["project"]["optional-dependencies"]["alarms"],
        *members(group),
    ]:
        requirement = Requirement(wanted)
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), f"{wanted}: run make lock"


def test_the_changelog_has_this_version() -> None:
    assert f"\n## {PROJECT['project']['version']} - " in (ROOT / "CHANGELOG.md").read_text()


def pins(file: str) -> dict[str, str]:
    """Return versions by name, without extras."""
    return dict(re.findall(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==(\S+)", (ROOT / file).read_text(), re.MULTILINE))


def members(group: str) -> Iterator[str]:
    for member in PROJECT["dependency-groups"][group]:
        yield from members(member["include-group"]) if isinstance(member, dict) else [member]
