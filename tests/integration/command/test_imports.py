"""What a command line imports before it answers: importing is most of the time that it takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from config.environment import ROOT, process_environment
from harkara.ledger import tables
from harkara.ledger.database import Database
from harkara.ledger.tables import all_tables
from tests.integration.command.deployment import store
from workers.command import COMMANDS, app
from workers.command.outline import Outline

_REPORT = """
import runpy, sys
try:
    runpy.run_module("harkara", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules, file=sys.stderr)
"""


def _imported(environment: dict[str, str], *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _REPORT, *words],
        cwd=ROOT,
        env=process_environment() | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def _packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


HEAVY = {"alembic", "babel", "celery", "fastapi", "kombu", "phonenumbers", "prometheus_client", "redis", "requests"}
"""Packages that a look-up in the ledger does not need; each takes 30 ms or more to import."""

SMALL = {"__main__", "categories", "errors", "health", "health.check", "roles", "server_extra", "states", "version"}
"""Modules of the package that import nothing else."""


@pytest.mark.parametrize("words", [["--help"], ["send", "--help"], ["campaign", "new", "--help"], ["--version"]])
def test_help_imports_the_commands_and_what_prints_them_alone(environment: dict[str, str], words: list[str]) -> None:
    imported = _imported(environment, *words)
    own = {name for name in imported if name.partition(".")[0] in ("harkara", "config")}
    assert own <= {"harkara"} | {f"harkara.{name}" for name in SMALL}
    assert not _packages(imported) & (HEAVY | {"psycopg", "pydantic_settings", "sqlalchemy", "sqlmodel", "structlog"})
    assert words != ["--help"] or "pydantic" not in imported, "Typer needs it for the options of a command alone"
    assert words != ["--help"] or "importlib.metadata" not in imported, "it is for the version alone"


def test_a_command_line_builds_the_options_of_its_own_command_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def watched(outline: Outline, build: Callable[[], Any]) -> Callable[[], Any]:
        def watch() -> Any:
            called.append(str(outline.name))
            return build()

        return watch

    for each in COMMANDS.values():
        monkeypatch.setattr(each, "build", watched(each, each.build))
    assert CliRunner().invoke(app, ["--help"]).exit_code == 0
    assert called == []
    assert CliRunner().invoke(app, ["status", "--help"]).exit_code == 0
    assert called == ["status"]


PARTS_OF_STATUS = {
    "deployment",
    "errors",
    "filters",
    "layout",
    "local_time",
    "options",
    "outline",
    "output",
    "status",
}


def test_status_imports_the_ledger_and_the_settings_alone(environment: dict[str, str], ledger: Database) -> None:
    imported = _imported(environment, "status", store(ledger))
    assert not _packages(imported) & (HEAVY | {"markdown_it", "pygments", "structlog"})
    assert not imported & {"harkara.messages", "rich.console"}
    assert {name for name in imported if name.startswith("workers.command.")} == {
        f"workers.command.{name}" for name in PARTS_OF_STATUS
    }


def test_status_imports_the_tables_that_it_reads_alone(environment: dict[str, str], ledger: Database) -> None:
    imported = _imported(environment, "status", store(ledger))
    found = {name.rpartition(".")[2] for name in imported if name.startswith("harkara.ledger.tables.")}
    assert found == {"columns", "messages", "occasions", "campaigns", "halts", "callbacks", "identity"}


def test_each_table_is_declared_and_found_by_its_name() -> None:
    declared = {name for name, kind in tables.__annotations__.items() if kind == "Table"}
    assert {id(getattr(tables, name)) for name in declared} == {id(table) for table in all_tables().tables.values()}
