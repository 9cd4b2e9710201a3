"""Conversations in Chromium: a receptionist reads, replies, sends a template and records an opt-out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from harkara.ledger.contacts.queries import list_contacts
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.queries import count_unread
from harkara.ledger.messages.search import list_messages
from harkara.ledger.tables import contact
from harkara.roles import Role
from tests.integration.console.in_browser import PHONE, Open, fits, press, signed_in, violations
from tests.integration.console.server import Server
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook

pytestmark = pytest.mark.browser

NUMBER = "919876500001"
ASKED = "Is it open on Sunday?"


def ask(server: Server, *, hours_ago: float = 0.0) -> str:
    """Let a customer write; return the path of the conversation."""
    db = server.console.db
    deliver_webhooks(db, inbound_webhook(ASKED, "w1", 1))
    if hours_ago:
        with db.write() as tx:
            tx.execute(update(contact).values(wrote_at=tx.now - timedelta(hours=hours_ago)))
    return f"/console/conversations/{find_participant(db, NUMBER).id}"


def unread(server: Server) -> int:
    return count_unread(server.console.db, ["default"]).number


def test_a_press_counts_that_a_refresh_comes_into(server: Server, open_page: Open) -> None:
    ask(server)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.clock.install()
    page.goto("/console/conversations")
    page.hover("#conversations a")
    page.mouse.down()
    page.evaluate(
        "() => { window.refreshed = new Promise(end => addEventListener('htmx:finally:request', () => end())) }"
    )
    with page.expect_response("**/conversations"):
        page.clock.fast_forward(10_000)
    page.evaluate("window.refreshed")
    page.mouse.up()
    page.wait_for_selector("textarea[name=text]")


def test_an_operator_reads_and_replies_by_keyboard_alone(server: Server, open_page: Open) -> None:
    ask(server)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto("/console/conversations?show=unread")
    page.focus("#conversations a")
    assert (unread(server), page.inner_text("nav.tabs .badge")) == (1, "1")
    with page.expect_response("**/read"):
        press(page, "Enter")
    assert unread(server) == 0
    page.focus("textarea[name=text]")
    page.keyboard.type("Yes, until nine")
    press(page, "Tab", "Enter")
    page.wait_for_selector("#chat >> text=Yes, until nine")
    (sent,) = list_messages(server.console.db)
    assert (sent.category, sent.state) == ("reply", "waiting")
    page.goto("/console/conversations")
    page.wait_for_selector(f"text={ASKED}")
    assert page.query_selector("nav.tabs .badge") is None


def test_outside_the_window_a_template_is_filled_in_on_a_phone(server: Server, open_page: Open) -> None:
    path = ask(server, hours_ago=30)
    page = signed_in(server, open_page(viewport=PHONE, is_mobile=True, has_touch=True), role=Role.OPERATOR)
    page.goto(path)
    page.wait_for_selector("text=The 24-hour window is closed")
    assert page.query_selector("textarea[name=text]") is None
    page.select_option("select[name=template]", "visit_feedback")
    page.tap("text=Fill in")
    page.wait_for_url("**template=visit_feedback")
    fill_in(page, "Asha", "Dr Rao", "Monday", "a1")
    assert fits(page)
    page.tap(".columns form button")
    page.wait_for_selector("text=Done: ")
    (sent,) = list_messages(server.console.db)
    assert sent.template == "visit_feedback"


def fill_in(page: Any, *values: str) -> None:
    for field, value in zip(page.query_selector_all(".columns input[required]"), values, strict=False):
        field.fill(value)


def test_an_opt_out_is_recorded_with_its_proof_and_locks_the_composer(server: Server, open_page: Open) -> None:
    path = ask(server)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto(path)
    page.click("text=Record an opt-out")
    page.fill("textarea[name=proof]", "Said on the telephone on 3 May")
    page.click("text=Opt out")
    page.wait_for_selector("text=Wants no more messages.")
    page.wait_for_selector("q:has-text('Said on the telephone on 3 May')")
    assert page.query_selector("textarea[name=text]") is None
    (known,) = list_contacts(server.console.db, NUMBER)
    assert known.stopped == "everything"


def test_a_phone_in_hindi_shows_the_chat_without_english_sentences(server: Server, open_page: Open) -> None:
    path = ask(server)
    page = signed_in(server, open_page(viewport=PHONE, locale="hi-IN"), role=Role.OPERATOR)
    for address in ("/console/conversations", path):
        page.goto(address)
        page.wait_for_selector(f"text={ASKED}")
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert fits(page)
        assert english_lines(page) == []
        assert violations(page) == []


def english_lines(page: Any) -> list[str]:
    """Return the lines of the page with three Latin words in a row, without what the customer wrote."""
    return [
        line
        for line in page.inner_text("main").splitlines()
        if ASKED not in line and len([word for word in line.split() if word.isascii() and word.isalpha()]) >= 3
    ]
