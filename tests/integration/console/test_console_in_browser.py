"""The console in Chromium: by link, by keyboard, on a phone's width, and for those who use assistive technology."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from harkara.ledger.users.acts import list_acts, record_act
from harkara.ledger.users.users import add_user, find_user
from harkara.roles import Role
from tests.integration.console.server import BY, PASSWORD, Server

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.browser

Open = Callable[..., Any]
PHONE = {"width": 400, "height": 800}
SCREEN = {"width": 1200, "height": 800}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start the system's Chromium, otherwise the one that Playwright installed."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, server: Server) -> Iterator[Open]:
    """Open pages without cookies; the browser must report no error and ask no other host."""
    problems: list[str] = []
    contexts = []

    def open_page(**options: Any) -> Any:
        contexts.append(chromium.new_context(base_url=server.url, **{"viewport": SCREEN} | options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
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


def test_a_user_signs_in_by_link_sets_a_password_and_comes_back_by_keyboard_alone(
    server: Server, open_page: Open
) -> None:
    page = open_page()
    page.goto(link_of(server, "Asha", Role.ADMIN))
    assert focused(page) == "Sign in"
    press(page, "Enter")
    page.wait_for_url("**/account")
    page.focus("input[name=new]")
    page.keyboard.type(PASSWORD)
    press(page, "Tab")
    page.keyboard.type(PASSWORD)
    press(page, "Enter")
    page.wait_for_selector("text=Done: password set.")

    again = open_page()
    again.goto("/console/users")
    again.keyboard.type("asha")
    press(again, "Tab")
    again.keyboard.type(PASSWORD)
    press(again, "Enter")
    again.wait_for_url("**/users")
    again.focus("text=Sign out")
    press(again, "Enter")
    again.wait_for_url("**/sign-in")


def test_the_first_tab_skips_the_navigation_and_the_focus_is_visible(server: Server, open_page: Open) -> None:
    page = signed_in(server, open_page())
    press(page, "Tab")
    assert focused(page) == "Skip to the content"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    press(page, "Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(4):
        press(page, "Tab")
        outline = "getComputedStyle(document.activeElement)"
        assert page.evaluate(f"{outline}.outlineStyle + {outline}.boxShadow") != "nonenone"


def test_an_admin_adds_and_disables_a_user_on_a_phone(server: Server, open_page: Open) -> None:
    page = signed_in(server, open_page(viewport=PHONE, is_mobile=True, has_touch=True))
    page.tap("nav >> text=Users")
    page.tap("text=Add a user")
    page.fill("details.add input[name=name]", "<b>Ravi</b>")
    page.select_option("details.add select", "operator")
    page.check("details.add input[value=shop]")
    page.tap("details.add button")
    link = page.input_value(".link input")
    assert link.startswith(f"{server.url}/console/link/")
    ravi = open_page(viewport=PHONE)
    ravi.goto(link)
    ravi.click("main button")
    assert "<b>Ravi</b>" in ravi.inner_text("h1")
    page.tap("summary:has-text('Change <b>Ravi</b>')")
    page.tap("text=Disable, and end all sessions")
    page.wait_for_selector("text=Done: user disabled.")
    ravi.reload()
    assert ravi.url.endswith("/sign-in?next=/account")
    user = find_user(server.console.db, "<b>Ravi</b>")
    assert user
    assert (user.role, user.lanes, user.disabled_at is None) == (Role.OPERATOR, ("shop",), False)


def test_older_acts_are_added_below_without_a_new_page(server: Server, open_page: Open) -> None:
    with server.console.db.write() as tx:
        for _ in range(60):
            record_act(tx, BY, "user.changed", "somewhere")
    page = signed_in(server, open_page())
    page.goto("/console/acts")
    first = page.locator("#acts tr").count()
    page.click("text=Older acts")
    page.wait_for_selector("text=Older acts", state="detached")
    assert page.locator("#acts tr").count() == len(list_acts(server.console.db, limit=100)) > first


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "hi")])
def test_every_page_fits_a_phone_and_axe_finds_nothing(
    server: Server, open_page: Open, scheme: str, language: str
) -> None:
    page = open_page(color_scheme=scheme, locale=f"{language}-IN", viewport=PHONE)
    for path in ("/console/sign-in", "/console/link/used", link_of(server, "Asha", Role.ADMIN)):
        examine(page, path)
    page.click("main button")
    page.wait_for_url("**/account")
    add_user(server.console.db, "A very long name " * 3, Role.VIEWER, by=BY)
    for path in ("/console/account", "/console/acts", "/console/users", "/console/no-such-page"):
        examine(page, path)
        page.set_viewport_size(SCREEN)
        assert fits(page)
        page.set_viewport_size(PHONE)


def examine(page: Any, path: str) -> None:
    page.goto(path)
    for closed in page.query_selector_all("details"):
        closed.evaluate("each => { each.open = true; }")
    assert fits(page)
    found = axe.Axe().run(page)
    assert found.response["violations"] == [], found.generate_report()


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"])
