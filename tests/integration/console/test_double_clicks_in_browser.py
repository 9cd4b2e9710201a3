"""Forms in Chromium that are sent twice: the answer to the first time is the one that a person sees."""

from __future__ import annotations

from typing import Any

import pytest

from harkara.ledger.campaigns.queries import get_campaign
from harkara.ledger.users.users import list_users
from harkara.roles import Role
from tests.integration.console.in_browser import Open, link_of, signed_in
from tests.integration.console.server import Server
from tests.integration.ledger.campaigns import load_campaign, start_campaign

pytestmark = pytest.mark.browser


PRESS = """
button => {
    const again = async () => { await fetch('?go'); button.click(); await fetch('?pressed'); };
    navigation.addEventListener('navigate', again, { once: true });
    button.click();
}
"""


def press_twice(page: Any, button: str) -> None:
    """Press a button once more when the server has answered its form, and the page does not have the answer yet."""
    held: dict[str, Any] = {}

    def press_again(**arrived: Any) -> None:
        held.update(arrived)
        if len(held) < 2:
            return
        with page.expect_request("**?pressed"):
            held["again"].fulfill(body="")
        route, response = held["form"]
        route.fulfill(response=response)

    page.route("**", lambda route: press_again(form=(route, route.fetch(max_redirects=0))), times=1)
    page.route("**?go", lambda route: press_again(again=route))
    page.route("**?pressed", lambda route: route.fulfill(body=""))
    page.locator(button).evaluate(PRESS)


def test_a_link_signs_in_who_clicks_twice(server: Server, open_page: Open) -> None:
    page = open_page()
    page.goto(link_of(server, "Asha", Role.ADMIN))
    press_twice(page, "main button")
    page.wait_for_url("**/console/account")


def test_a_campaign_is_started_by_who_clicks_twice(server: Server, open_page: Open) -> None:
    identity = load_campaign(server.console.db, 2, "Pongal")
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto(f"/console/campaigns/{identity}/start")
    press_twice(page, "main button")
    page.wait_for_selector("text=Done: campaign started.")
    assert get_campaign(server.console.db, identity).state == "running"


def test_a_new_user_has_the_link_that_is_shown(server: Server, open_page: Open) -> None:
    page = signed_in(server, open_page())
    page.goto("/console/users")
    page.click("text=Add a user")
    page.fill(".add input[name=name]", "Ravi")
    press_twice(page, ".add button")
    page.wait_for_selector("text=One-time link for Ravi")
    assert len(list_users(server.console.db)) == 2


def test_a_file_is_downloaded_again(server: Server, open_page: Open) -> None:
    identity = start_campaign(server.console.db, 2, "Pongal")
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto(f"/console/campaigns/{identity}")
    for _ in range(2):
        with page.expect_download():
            page.click("text=Report with numbers")


def test_a_form_that_was_stopped_is_sent_again(server: Server, open_page: Open) -> None:
    identity = load_campaign(server.console.db, 2, "Pongal")
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto(f"/console/campaigns/{identity}/start")
    page.evaluate("""() => {
        window.stopped = new Promise(end => navigation.addEventListener('navigateerror', end));
        navigation.addEventListener('navigate', () => setTimeout(stop), { once: true });
    }""")
    page.route("**/start", lambda _: None)
    page.locator("main button").evaluate("each => each.click()")
    page.evaluate("window.stopped.then(() => null)")
    page.unroute_all()
    page.click("main button")
    page.wait_for_selector("text=Done: campaign started.")
