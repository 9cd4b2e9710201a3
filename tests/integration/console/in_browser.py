"""What tests of the console in a browser share. Without Playwright, the tests that import this are skipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harkara.ledger.users.users import add_user
from harkara.roles import Role
from tests.integration.console.server import BY, Server

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

Open = Callable[..., Any]
"""The fixture `open_page`."""

PHONE = {"width": 400, "height": 800}
SCREEN = {"width": 1200, "height": 800}

OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true; })"


def link_of(server: Server, name: str, role: Role) -> str:
    return f"/console/link/{add_user(server.console.db, name, role, by=BY)}"


def signed_in(server: Server, page: Any, name: str = "Asha", role: Role = Role.ADMIN) -> Any:
    """Give the page the session of a new user. Three pages fewer than by the link, which has a test of its own."""
    cookies = server.user(name, role).cookies.jar
    page.context.add_cookies([{"name": each.name, "value": each.value, "url": server.url} for each in cookies])
    return page


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.innerText.trim() || document.activeElement.name"))


def examine(page: Any, path: str) -> None:
    """Open a page with all its parts, and check that it fits and that axe finds nothing."""
    page.goto(path)
    page.evaluate(OPEN_ALL)
    assert (fits(page), violations(page)) == (True, [])


def violations(page: Any, *rules: str, contrast: bool = True) -> list[str]:
    """Return what axe finds on the page as it is now: by all rules, with or without contrast, or by these alone."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.Axe().axe_script)
    options: dict[str, Any] = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": contrast}}}
    options |= {"runOnly": list(rules)} if rules else {}
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"])
