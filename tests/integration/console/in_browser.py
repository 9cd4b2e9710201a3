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


def link_of(server: Server, name: str, role: Role) -> str:
    return f"/console/link/{add_user(server.console.db, name, role, by=BY)}"


def signed_in(server: Server, page: Any, name: str = "Asha", role: Role = Role.ADMIN) -> Any:
    page.goto(link_of(server, name, role))
    page.click("main button")
    page.wait_for_url("**/account")
    return page


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.innerText.trim() || document.activeElement.name"))


def examine(page: Any, path: str) -> None:
    """Open a page with all its parts, and check that it fits and that axe finds nothing."""
    page.goto(path)
    for closed in page.query_selector_all("details"):
        closed.evaluate("each => { each.open = true; }")
    assert fits(page)
    found = axe.Axe().run(page)
    assert found.response["violations"] == [], found.generate_report()


def violations(page: Any, *rules: str) -> list[str]:
    """Return what axe finds on the page as it is now: by all rules, or by these alone."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.Axe().axe_script)
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"])
