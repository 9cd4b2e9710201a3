"""What the command prints fits a terminal of 80 columns, with all its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from harkara.ledger.database import Database
from harkara.messages import Template
from harkara.outcomes import Refused
from tests.integration.command.deployment import Harkara, attempted, store
from workers.command import app
from workers.command.outline import Outline

_FRAME = re.compile(r"[│╭╮╰╯─]+")


def _commands(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(found, TyperGroup):
        for name, below in found.commands.items():
            yield from _commands(below.build() if isinstance(below, Outline) else below, (*path, name))


def _fits(lines: list[str], width: int) -> bool:
    return all(len(line) <= width for line in lines)


def _words(help_text: str) -> list[str]:
    return sorted(_FRAME.sub(" ", help_text).split())


def _examples(help_text: str) -> list[str]:
    """The lines of the shell commands in a help text; all but the last line of each end with a backslash."""
    lines = [line.strip() for line in help_text.splitlines()]
    continued = [before.endswith("\\") for before in ["", *lines]]
    return [line for line, more in zip(lines, continued, strict=False) if more or line.startswith("Example: ")]


def test_every_help_text_fits_80_columns_with_whole_words_and_examples(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = typer.main.get_command(app)

    def shown(path: tuple[str, ...], width: int) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        with pytest.raises(SystemExit, match="0"):
            command.main([*path, "--help"], prog_name="harkara")
        return capsys.readouterr().out

    for path in _commands(command):
        narrow, wide = shown(path, 80), shown(path, 300)
        assert _fits(narrow.splitlines(), 80), path
        assert _words(narrow) == _words(wide), path
        assert _examples(narrow) == _examples(wide), path
        assert "" not in _examples(narrow), path  # a shell would end the command at an empty line


@pytest.fixture
def narrow(environment: dict[str, str]) -> None:
    environment["COLUMNS"] = "80"


@pytest.mark.usefixtures("narrow")
def test_a_list_of_templates_is_readable_with_every_word(harkara: Harkara, environment: dict[str, str]) -> None:
    lines = harkara("templates").stdout.splitlines()
    assert _fits(lines, 80)
    environment["COLUMNS"] = "1000"
    _, *rows = harkara("templates").stdout.splitlines()
    assert {word for row in rows for word in row.split()} <= {word for line in lines for word in line.split()}


@pytest.mark.usefixtures("narrow")
def test_a_list_of_messages_shows_every_value(harkara: Harkara, ledger: Database) -> None:
    identity = store(ledger, Template("a_template_with_a_rather_long_name", body=["Asha"]), reference="order-1042")
    lines = harkara("list").stdout.splitlines()
    assert _fits(lines, 80)
    shown = "\n".join(lines)
    for value in (identity, "waiting", "default", "a_template_with_a_rather_long_name", "reference: order-1042"):
        assert value in shown


@pytest.mark.usefixtures("narrow")
def test_a_trace_is_readable_and_a_command_in_a_sentence_stays_whole(harkara: Harkara, ledger: Database) -> None:
    reason = "This person has not written to you in the last 24 hours, so only an approved template can be sent."
    failed = attempted(ledger, Refused("131047", "Re-engagement message", reason, 400))
    waiting = store(ledger)
    for identity in (failed, waiting):
        assert _fits(harkara("status", identity).stdout.splitlines(), 80)
    assert f"`harkara cancel {waiting}`" in harkara("status", waiting).stdout


def test_a_pipe_gets_one_line_for_each_row_and_no_padding(harkara: Harkara, ledger: Database) -> None:
    for _ in range(3):
        store(ledger)
    lines = harkara("list").stdout.splitlines()
    assert len(lines) == 4
    assert not any(line.endswith(" ") for line in lines)


def test_times_are_in_the_zone_of_the_lane_with_the_offset(
    harkara: Harkara, ledger: Database, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "lanes.toml").write_text('[shop]\ntimezone = "America/Sao_Paulo"\n')
    at = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
    for lane, shown in (("default", "2031-01-02 08:34:05+05:30"), ("shop", "2031-01-02 00:04:05-03:00")):
        identity = store(ledger, at=at, lane=lane)
        printed = harkara("status", identity).stdout
        assert f"Due {shown}" in printed
        assert f"due {shown}" in printed
        assert "+00:00" not in printed
