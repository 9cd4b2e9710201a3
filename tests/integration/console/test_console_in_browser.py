"""The console in Chromium: by link, by keyboard, on a phone's width, and for those who use assistive technology."""

from __future__ import annotations

import pytest

from harkara.ledger.users.acts import list_acts, record_act
from harkara.ledger.users.users import add_user, find_user
from harkara.roles import Role
from tests.integration.console.in_browser import (
    PHONE,
    SCREEN,
    Open,
    examine,
    fits,
    focused,
    link_of,
    press,
    signed_in,
)
from tests.integration.console.server import BY, PASSWORD, Server

pytestmark = pytest.mark.browser


def test_a_user_signs_in_by_link_sets_a_password_and_comes_back_by_keyboard_alone(
    server: Server, open_page: Open
) -> None:
    page = open_page()
    page.goto(link_of(server, "Asha", Role.ADMIN))
    page.wait_for_selector("button:focus")
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
    again.wait_for_selector("input[name=name]:focus")
    again.keyboard.type("asha")
    press(again, "Tab")
    again.keyboard.type(PASSWORD)
    press(again, "Enter")
    again.wait_for_url("**/console/users")
    again.focus("text=Sign out")
    press(again, "Enter")
    again.wait_for_url("**/sign-in")


def test_the_first_tab_skips_the_navigation_and_the_focus_is_visible(server: Server, open_page: Open) -> None:
    page = signed_in(server, open_page())
    page.goto("/console/account")
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
    page.goto("/console/account")
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
    ravi.wait_for_url("**/account")
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
