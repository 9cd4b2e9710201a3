"""A deployment for the command: its settings, its ledger, and a way to run command lines on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from config.settings import settings
from harkara.ledger.database import Database
from harness.ledger import open_ledger
from tests.integration.command.deployment import Harkara
from workers.command import app


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A deployment with one lane, whose Redis does not answer."""
    return {
        "HARKARA_DATABASE_URL": f"sqlite:///{tmp_path / 'harkara.db'}",
        "HARKARA_REDIS_URL": "redis://127.0.0.1:1/0",
        "HARKARA_LANES_FILE": str(tmp_path / "lanes.toml"),
        "HARKARA_LANE_TOKENS": "shop:secret",
        "CHATMITRA_API_TOKEN": "secret",
        "NO_COLOR": "1",
    }


@pytest.fixture
def ledger(environment: dict[str, str]) -> Iterator[Database]:
    with open_ledger(environment["HARKARA_DATABASE_URL"]) as db:
        yield db


@pytest.fixture
def harkara(environment: dict[str, str]) -> Iterator[Harkara]:
    """Runs one command line in this process, on the settings of the test."""

    def run(*words: str, stdin: str | bytes | None = None) -> Result:
        settings.cache_clear()
        # Without COLUMNS the output is that of a pipe; each process of a parallel test run has it from the terminal.
        return CliRunner(env={"COLUMNS": None, **environment}).invoke(app, words, input=stdin, catch_exceptions=False)

    yield run
    settings.cache_clear()
