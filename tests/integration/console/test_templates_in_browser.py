"""Templates in Chromium: bubbles on a phone and on a screen, and a test that is sent by keyboard."""

from __future__ import annotations

import pytest

from harkara.ledger.messages.search import MessageFilter, list_messages
from harkara.roles import Role
from tests.integration.console.in_browser import Open, press, signed_in
from tests.integration.console.server import Server

pytestmark = pytest.mark.browser


def test_an_operator_tests_a_template_by_keyboard_alone(server: Server, open_page: Open) -> None:
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto("/console/templates/visit_feedback")
    page.focus("input[name=to]")
    for text in ("919876543210", None, "Asha", "*", "Monday", "a1"):
        if text:
            page.keyboard.type(text)
        press(page, "Tab")
    press(page, "Enter")
    page.wait_for_selector("#wrong")
    page.wait_for_selector("input[name=provider]:focus")
    press(page, "Control+a")
    page.keyboard.type("Dr Rao")
    press(page, "Enter")
    page.wait_for_selector("text=Done: template tested.")
    assert len(list_messages(server.console.db, MessageFilter(template="visit_feedback"))) == 1
