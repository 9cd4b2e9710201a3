"""Campaigns in Chromium: followed and steered on a phone and on a screen."""

from __future__ import annotations

import pytest

from harkara.ledger.campaigns.queries import get_campaign
from harkara.roles import Role
from tests.integration.console.in_browser import PHONE, SCREEN, Open, examine, fits, signed_in
from tests.integration.console.server import Server
from tests.integration.ledger.campaigns import REFUSED, load_campaign, send_due, start_campaign

pytestmark = pytest.mark.browser


def test_an_operator_follows_and_pauses_a_campaign_on_a_phone(server: Server, open_page: Open) -> None:
    db = server.console.db
    identity = start_campaign(db, 8, "Diwali")
    send_due(db, most=2)
    page = signed_in(server, open_page(viewport=PHONE, is_mobile=True, has_touch=True), role=Role.OPERATOR)
    page.tap("nav >> text=Campaigns")
    page.wait_for_selector("text=2 of 8")
    send_due(db, most=3)
    page.wait_for_selector("text=5 of 8", timeout=20_000)  # by itself
    page.tap("text=Diwali")
    page.tap("text=Pause")
    page.fill("input[name=reason]", "Wrong price")
    page.tap("main button")
    page.wait_for_selector("text=Done: campaign paused.")
    assert "Wrong price" in page.inner_text("#live")
    assert get_campaign(db, identity).state == "paused"


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "hi")])
def test_the_pages_of_campaigns_fit_a_phone_and_axe_finds_nothing(
    server: Server, open_page: Open, scheme: str, language: str
) -> None:
    db = server.console.db
    page = signed_in(server, open_page(color_scheme=scheme, locale=f"{language}-IN", viewport=PHONE))
    examine(page, "/console/campaigns")
    identity = start_campaign(db, 9, "A very long name " * 4)
    send_due(db, most=3)
    send_due(db, REFUSED, most=2)
    ready = load_campaign(db, 2, "ready")
    paths = ("", f"/{identity}", f"/{identity}/pause", f"/{identity}/cancel", f"/{ready}", f"/{ready}/start")
    for path in paths:
        examine(page, f"/console/campaigns{path}")
        page.set_viewport_size(SCREEN)
        assert fits(page)
        page.set_viewport_size(PHONE)
