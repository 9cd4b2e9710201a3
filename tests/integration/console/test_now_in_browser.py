"""The page Now in Chromium: it refreshes itself, and a lane is parked by keyboard."""

from __future__ import annotations

import pytest

from harkara.ledger.halts import halted_lanes
from harkara.roles import Role
from tests.integration.console.in_browser import Open, press, signed_in
from tests.integration.console.server import Server
from tests.integration.console.test_now import fill
from tests.integration.ledger.steps import accept_messages, otp

pytestmark = pytest.mark.browser


def test_the_numbers_refresh_while_someone_writes_a_reason_and_parks_a_lane(server: Server, open_page: Open) -> None:
    db = server.console.db
    fill(db)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto("/console/account")
    page.click("nav >> text=Now")
    page.focus("select[name=lane]")
    page.select_option("select[name=lane]", "shop")
    press(page, "Tab")
    page.keyboard.type("Wrong ")
    accept_messages(db, otp(7))
    page.wait_for_selector("#live >> text=5 wait or are being sent")  # by itself
    page.keyboard.type("price")
    press(page, "Enter")
    page.wait_for_selector("text=Done: lane parked.")
    assert [(each.lane, each.reason) for each in halted_lanes(db)] == [("shop", "Wrong price")]
    page.click("text=Unpark it")
    page.click("text=Unpark shop")
    page.wait_for_selector("text=Done: lane unparked.")
    assert halted_lanes(db) == []
