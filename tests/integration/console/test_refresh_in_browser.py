"""Pages that refresh themselves in Chromium: what a person has in hand stays, whatever the server answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from harkara.ledger.alarms.alarms import close_alarm, open_alarm
from harkara.ledger.conversations.commands import mark_read
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.lane_commands import park_lane
from harkara.ledger.tables import alarm
from harkara.roles import Role
from tests.integration.console.in_browser import signed_in
from tests.integration.console.server import BY, Server
from tests.integration.console.test_campaigns_in_browser import store
from tests.integration.console.test_conversations_in_browser import ASKED, NUMBER, ask, unread
from tests.integration.console.test_new_campaign import CHOSEN
from tests.integration.ledger.campaigns import start_campaign
from tests.integration.ledger.steps import accept_messages, reply
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook

pytestmark = pytest.mark.browser

SELECT = "getSelection().selectAllChildren(document.querySelector('#chat .bubble, #live h1'))"


@pytest.fixture
def page(chromium: Any, server: Server) -> Iterator[Any]:
    """A page whose time stands still, and whose requests may fail."""
    with chromium.new_context(base_url=server.url) as context:
        page = signed_in(server, context.new_page(), role=Role.OPERATOR)
        page.clock.install()
        yield page


def refresh(page: Any) -> None:
    """Let the time of the next refresh come, and wait until its answer is on the page."""
    page.evaluate(
        "() => { window.refreshed = new Promise(end => addEventListener('htmx:finally:request', () => end())) }"
    )
    page.clock.fast_forward(10_000)
    page.evaluate("window.refreshed")


def fail(page: Any, path: str, status: int = 503) -> None:
    page.route(path, lambda route: route.fulfill(status=status, body="<main>Not possible</main>"))


@pytest.mark.parametrize("path", ["now", "health", "calendar", "campaigns", "campaigns/*", "conversations"])
def test_a_part_stays_while_the_ledger_cannot_be_reached(server: Server, page: Any, path: str) -> None:
    campaign = start_campaign(server.console.db, 2, "Pongal")
    ask(server)
    page.goto(f"/console/{path.replace('*', campaign)}")
    part, title = page.locator("[hx-trigger^=every]"), page.title()
    shown = part.inner_text()
    fail(page, f"**/console/{path}*")
    refresh(page)
    assert (part.inner_text(), page.title()) == (shown, title)
    page.unroute_all()
    refresh(page)
    assert part.count() == 1


def test_a_check_that_fails_is_said(server: Server, page: Any, tmp_path: Path) -> None:
    fail(page, "**&read=1")
    page.goto(f"/console/campaigns/new/{store(server.console.db, tmp_path)}/check?{urlencode(CHOSEN)}")
    page.wait_for_selector("text=Not possible")


def test_a_customer_who_writes_appears_on_a_page_without_conversations(server: Server, page: Any) -> None:
    page.goto("/console/conversations?show=unread")
    page.wait_for_selector("text=Everything is read.")
    ask(server)
    refresh(page)
    page.wait_for_selector(f"text={ASKED}")
    assert page.inner_text("nav.tabs .badge") == "1"
    mark_read(server.console.db, find_participant(server.console.db, NUMBER))
    refresh(page)
    page.wait_for_selector("text=Everything is read.")


def test_the_focus_stays_on_a_conversation_that_others_overtake(server: Server, page: Any) -> None:
    path = ask(server)
    page.goto("/console/conversations")
    page.focus("#conversations a")
    deliver_webhooks(server.console.db, inbound_webhook("Hello", "w2", 2))
    refresh(page)
    assert page.locator("#conversations a").count() == 2
    assert page.evaluate("document.activeElement.pathname") == path
    assert page.locator("#conversations a:focus").count() == 1


@pytest.mark.parametrize("path", ["campaigns", "messages", "conversations"])
def test_focus_and_selected_text_stay(server: Server, page: Any, path: str) -> None:
    db, address = server.console.db, ask(server)
    if path != "conversations":
        (key,) = [start_campaign(db, 1, "Pongal")] if path == "campaigns" else accept_messages(db, reply(1))
        address = f"/console/{path}/{key}"
    page.goto(address)
    page.evaluate(SELECT)
    chosen = page.evaluate("String(getSelection())")
    page.locator("main :is(a, textarea)").last.focus()
    page.evaluate("window.focused = document.activeElement")
    refresh(page)
    assert page.evaluate("String(getSelection())") == chosen != ""
    assert page.evaluate("focused === document.activeElement && focused.isConnected")


def test_what_a_person_opened_stays_open(server: Server, page: Any) -> None:
    with server.console.db.write() as tx:
        found = {"sentence": "9 messages failed.", "value": 9.0, "bound": 5.0, "missed_since": tx.now}
        opened = open_alarm(tx, {"goal": "errors", "lane": "shop", "subject": ""} | found, [])
        (row,) = tx.rows(select(alarm).where(alarm.c.id == opened.id))
        close_alarm(tx, row, [])
    page.goto("/console/health")
    page.click("text=Closed alarms")
    refresh(page)
    assert page.locator("#live details[open]").count() == 1


def test_each_message_that_an_operator_has_before_them_is_read(server: Server, page: Any) -> None:
    path = ask(server)
    with page.expect_response("**/read"):
        page.goto(path)
    deliver_webhooks(server.console.db, inbound_webhook("And on Monday?", "w2", 1))
    with page.expect_response("**/read"):
        refresh(page)
    assert unread(server) == 0


def test_the_end_of_a_session_takes_no_words_away(server: Server, page: Any) -> None:
    path = ask(server)
    page.goto(path)
    page.fill("textarea[name=text]", "Yes, until")
    page.context.clear_cookies()
    refresh(page)
    refresh(page)
    page.wait_for_selector("role=alert >> text=Your session has ended.")
    assert page.input_value("textarea[name=text]") == "Yes, until"
    page.click("text=sign in again")
    page.wait_for_url(f"**/sign-in?next={path.removeprefix('/console')}")


def test_a_page_without_a_session_asks_for_the_sign_in(server: Server, page: Any) -> None:
    page.goto("/console/now")
    page.context.clear_cookies()
    page.clock.fast_forward(10_000)
    page.wait_for_url("**/console/sign-in?next=/now")


def test_a_lane_that_was_parked_meanwhile_can_be_unparked(server: Server, page: Any) -> None:
    page.goto("/console/now")
    page.fill("input[name=reason]", "Wrong price")
    park_lane(server.console.db, "shop", "Wrong number", by=BY)
    refresh(page)
    assert page.input_value("input[name=reason]") == "Wrong price"
    page.click("text=Unpark it")
    page.click("text=Unpark shop")
    page.wait_for_selector("text=Done: lane unparked.")
