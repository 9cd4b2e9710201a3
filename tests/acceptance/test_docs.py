"""Every code block of the README and the documentation runs as written, or says why it is not run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from docs.render import PAGES
from harkara import Client
from harkara.errors import NotFound
from harkara.ledger.database import Database
from harkara.ledger.messages.search import list_messages
from harkara.message_status import MessageSummary
from harkara.states import State
from harness.ledger import prepare
from harness.process import ROOT, Process
from harness.python import write_command
from harness.waiting import wait_until
from tests.acceptance.printed import check_printed

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?: *(?P<mark><!-- [^\n]* -->)\n)?(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^(?P=indent)```$", re.M | re.S
)

SHELLS = {"python": ["python-code"], "sh": ["bash", "-euo", "pipefail", "-c"]}


class Block(NamedTuple):
    """One code block; `mark` is the comment in the line above it."""

    line: int
    language: str
    code: str
    mark: str


class Deployment(NamedTuple):
    """Everything that `make up` runs, its ledger, the environment of a terminal beside it, and what it printed."""

    folder: Path
    ledger: Database
    places: dict[str, str]
    environment: dict[str, str]
    printed: dict[str, str]

    def run(self, command: list[str]) -> str:
        """Return what the command prints on stdout, then on stderr. Raises AssertionError for a failure."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def messages(self) -> list[MessageSummary]:
        """Return all messages, newest first."""
        return list_messages(self.ledger, limit=1_000)

    def here(self, code: str) -> str:
        """The code with the addresses of this deployment instead of the usual ones."""
        usual = {
            "redis://127.0.0.1:6379/0": "Redis",
            "http://127.0.0.1:8000": "Web",
            "http://127.0.0.1:8900": "Sandbox",
        }
        for address, place in usual.items():
            code = code.replace(address, self.places[place])
        command = self.folder / "bin" / "harkara"
        code = code.replace(".venv/bin/harkara ", f"{command} ")
        return code.replace(".venv/bin/", f"{Path(sys.executable).parent}/")


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if path.exists()], ids=lambda path: path.name)
def test_every_code_block_runs_and_its_messages_arrive(document: Path, deployment: Deployment) -> None:
    """A block marked as printed is what the block above it prints, perhaps only after it was run again."""
    known = {message.id for message in deployment.messages()}
    command, printed = [""], ""
    for block in blocks(document):
        place = f"{document.name}:{block.line}"
        if block.mark.startswith("<!-- not run: "):
            continue
        code = deployment.here(block.code)
        if block.mark == "<!-- printed -->":
            check_printed(code, printed, partial(deployment.run, command), place)
        elif block.language in SHELLS:
            command = [*SHELLS[block.language], code]
            printed = deployment.printed.get(code) or deployment.run(command)
            deployment.printed[code] = printed  # a command that several pages show runs once
        else:
            check_unrun(block._replace(code=code), deployment.folder, place)
    wait_until(
        lambda: all(map(arrived, unknown(deployment, known))),
        60,
        "the messages of the page arrive",
        details=lambda: str([each for each in unknown(deployment, known) if not arrived(each)]),
        interval=1,
    )


def check_unrun(block: Block, folder: Path, place: str) -> None:
    """Check a block that no interpreter runs; write a file for the blocks after it."""
    match block.language:
        case "toml":
            tomllib.loads(block.code)
        case "json":
            json.loads(block.code)
        case "csv":
            (folder / block.mark.removeprefix("<!-- file: ").removesuffix(" -->")).write_text(block.code)
        case "text" | "mermaid":
            pass
        case other:
            pytest.fail(f"{place}: nothing runs a block of {other or 'no language'}")


def unknown(deployment: Deployment, known: set[str]) -> list[MessageSummary]:
    return [message for message in deployment.messages() if message.id not in known]


def arrived(message: MessageSummary) -> bool:
    """Whether the person has read the message, or it is not to be sent now: cancelled, of a later time, a campaign's.

    Raises AssertionError for a message that failed.
    """
    assert message.state != State.FAILED, message
    later = message.due_at > datetime.now(UTC) + timedelta(minutes=1)
    return message.state in (State.READ, State.CANCELLED) or later or message.campaign is not None


@pytest.mark.parametrize("page", PAGES)
def test_a_page_from_the_code_is_up_to_date(page: str) -> None:
    written = (ROOT / "docs" / "reference" / page).read_text("utf-8")
    assert written == PAGES[page](), "run make docs"


def test_the_metrics_page_names_every_metric() -> None:
    sources = [*(ROOT / "config").glob("*metrics.py"), ROOT / "harkara" / "gateway" / "middleware.py"]
    code = "".join(path.read_text("utf-8") for path in sources)
    used = set(re.findall(r'"(harkara_\w+)"', code)) | {
        f"harkara_{name}" for name in re.findall(r'_gauge\(\s*"(\w+)"', code)
    }
    listed = set(
        re.findall(r"^\| `(harkara_\w+)`", (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8"), re.M)
    )
    assert {name.removesuffix("_total") for name in listed} == {name.removesuffix("_total") for name in used}


def test_every_term_of_the_glossary_is_used_and_its_code_exists() -> None:
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M)[1:]
    assert len(rows) > 12
    product = "".join(p.read_text("utf-8") for room in ("harkara", "config") for p in (ROOT / room).rglob("*.py"))
    for term, definition in rows:
        assert re.search(rf"\b{term}", product, re.I), term
        for path in re.findall(r"(?:Code|File): `([^`]+)`", definition):
            assert (ROOT / path).exists(), path


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("docs")
    var = folder / "var"
    var.mkdir()
    (folder / "bin").mkdir()
    write_command(folder / "bin" / "harkara", "harkara")
    write_command(folder / "bin" / "python-code", "harness.python")
    own = {"HARKARA_VAR": str(var), "HARKARA_ENV_FILE": os.devnull, "HARKARA_QUIET_HOURS": ""}
    own |= {"SANDBOX_SENT_AFTER_MS": "50", "SANDBOX_DELIVERED_AFTER_MS": "50", "SANDBOX_READ_AFTER_MS": "100"}
    prepare(f"sqlite:///{var / 'harkara.db'}")  # whose migration another test runs
    local = Process.start("local", [sys.executable, "-m", "workers.local"], own, folder)
    try:
        local.wait_for_output("Ready. Try:")
        places: dict[str, str] = json.loads((var / "places.json").read_text())
        wait_until(lambda: published(places["Redis"]), 60, "a worker publishes the catalogue", details=local.output)
        path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        terminal = {"PATH": path, "PYTHONPATH": str(ROOT), "TOKEN": places["Web token"], "COLUMNS": "100"}
        ledger = Database(f"sqlite:///{var / 'harkara.db'}")
        yield Deployment(folder, ledger, places, os.environ | own | terminal, {})
        ledger.close()
    finally:
        status = local.terminate(seconds=90)  # it stops the processes that it started, each of a group of its own
    assert status == 0
    assert not (var / "local.env").exists()


def published(redis_url: str) -> bool:
    try:
        with Client(redis_url) as client:
            return bool(client.catalogue())
    except NotFound:
        return False


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text("utf-8")
    for found in BLOCK.finditer(text):
        indent = len(found["indent"])
        code = "".join(line[indent:] for line in found["code"].splitlines(keepends=True))
        yield Block(text.count("\n", 0, found.start()) + 1, found["language"], code, (found["mark"] or "").strip())
