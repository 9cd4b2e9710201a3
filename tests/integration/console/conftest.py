"""The console over an SQLite ledger; what differs between databases is tested with the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from harkara.ledger.database import Database
from harkara.roles import Role
from harness.ledger import open_ledger
from tests.integration.console.server import Browser, Server, console_of, serve


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Database]:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}", connections=10) as db:
        yield db


@pytest.fixture
def server(ledger: Database) -> Iterator[Server]:
    with serve(console_of(ledger)) as server:
        yield server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One console for the tests of a module, which starts with an empty ledger; `server` is for one test."""
    file: Path = tmp_path_factory.mktemp("console") / "harkara.db"
    with open_ledger(f"sqlite:///{file}", connections=10) as db, serve(console_of(db)) as server:
        yield server


@pytest.fixture(scope="module")
def users(running: Server) -> dict[Role, Browser]:
    return {role: running.user(role.value, role) for role in Role}


@pytest.fixture
def db(running: Server) -> Database:
    return running.console.db


@pytest.fixture
def operator(users: dict[Role, Browser]) -> Browser:
    return users[Role.OPERATOR]


@pytest.fixture
def viewer(users: dict[Role, Browser]) -> Browser:
    return users[Role.VIEWER]


@pytest.fixture
def open_page(chromium: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """Open pages without cookies; the browser must report no error and ask no other host."""
    problems: list[str] = []
    contexts = []

    def open_page(**options: Any) -> Any:
        contexts.append(
            chromium.new_context(base_url=server.url, **{"viewport": {"width": 1200, "height": 800}} | options)
        )
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        watch(page, urlsplit(server.url).netloc, problems)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def watch(page: Any, host: str, problems: list[str]) -> None:
    """Add to `problems` what the browser reports, and each request to another host."""

    def check_request(request: Any) -> None:
        if urlsplit(request.url).netloc != host and not request.url.startswith("data:"):
            problems.append(request.url)

    def check_response(response: Any) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            problems.append(f"{response.status} {response.url}")

    def check_message(message: Any) -> None:
        if not message.text.startswith("Failed to load resource"):  # it says no more than the response
            problems.append(message.text)

    page.on("console", check_message)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", check_request)
    page.on("response", check_response)
