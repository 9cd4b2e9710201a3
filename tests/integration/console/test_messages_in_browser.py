"""Messages in Chromium: found, explained and decided about on a phone and on a screen."""

from __future__ import annotations

import pytest

from harkara.ledger.halts import park
from harkara.roles import Role
from tests.integration.console.in_browser import PHONE, Open, press, signed_in
from tests.integration.console.server import Server
from tests.integration.console.test_messages import REFUSED, text
from tests.integration.ledger.steps import LOST, PARKED, accept_messages, marketing, otp, row, send_message

pytestmark = pytest.mark.browser


def fill(server: Server) -> tuple[str, str, str]:
    """Store messages of several states; return an uncertain one, a failed one and one that waits."""
    db = server.console.db
    for number in range(3):
        send_message(db, marketing(number, reference=f"order-{number}"))
    lost = send_message(db, marketing(10, reference="order-10"), LOST)
    failed = send_message(db, marketing(11, reference="A very long reference " * 5), REFUSED)
    send_message(db, marketing(12, reference="order-12"), PARKED)
    (waiting, *_) = accept_messages(
        db, text("visit-1", body="Your table is ready"), otp(13), text("visit-2", lane="shop")
    )
    park(db, "shop", "The number is wrong.")
    return lost, failed, waiting


def test_an_operator_finds_a_message_on_a_phone_and_cancels_it(server: Server, open_page: Open) -> None:
    _, _, waiting = fill(server)
    page = signed_in(server, open_page(viewport=PHONE, is_mobile=True, has_touch=True), role=Role.OPERATOR)
    page.goto("/console/account")
    page.tap("nav >> text=Messages")
    page.wait_for_selector("text=uncertain, answer lost")
    page.fill("input[name=find]", "98765 43210")
    page.tap("text=Search")
    page.wait_for_selector("text=Same number as")
    page.tap("a >> text=919876543210 >> nth=-1")
    page.wait_for_selector("text=What happens next")
    page.tap("text=Cancel")
    page.wait_for_selector("text=This cannot be undone.")
    page.tap("main form button")
    page.wait_for_selector("text=Done: messages cancelled.")
    assert row(server.console.db, waiting)["state"] == "cancelled"


def test_failed_messages_are_sent_once_more_by_keyboard_alone(server: Server, open_page: Open) -> None:
    _, failed, _ = fill(server)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto("/console/messages?state=failed")
    page.wait_for_selector("text=1 failed: Send it again.")
    page.focus("#why .acts a")
    press(page, "Enter")
    page.wait_for_selector("text=is sent as a new one")
    page.focus("main form button")
    press(page, "Enter")
    page.wait_for_selector("text=1 messages were changed.")
    assert row(server.console.db, failed)["state"] == "failed"
