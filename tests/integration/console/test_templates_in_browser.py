"""Templates in Chromium: bubbles on a phone and on a screen, and a test that is sent by keyboard."""

from __future__ import annotations

import pytest

from harkara.ledger.messages.search import MessageFilter, list_messages
from harkara.roles import Role
from tests.integration.console.in_browser import PHONE, SCREEN, Open, examine, fits, press, signed_in
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
    assert page.evaluate("document.activeElement.name") == "provider"
    press(page, "Control+a")
    page.keyboard.type("Dr Rao")
    press(page, "Enter")
    page.wait_for_selector("text=Done: template tested.")
    assert len(list_messages(server.console.db, MessageFilter(template="visit_feedback"))) == 1


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "hi")])
def test_the_pages_of_templates_fit_a_phone_and_axe_finds_nothing(
    server: Server, open_page: Open, scheme: str, language: str
) -> None:
    page = signed_in(server, open_page(color_scheme=scheme, locale=f"{language}-IN", viewport=PHONE))
    for path in ("", "/promotional_broadcast", "/otp_verification"):
        examine(page, f"/console/templates{path}")
        page.set_viewport_size(SCREEN)
        assert fits(page)
        page.set_viewport_size(PHONE)
