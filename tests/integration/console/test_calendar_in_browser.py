"""The calendar in Chromium: a receptionist's morning by keyboard, and the agenda on a phone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from harkara.roles import Role
from tests.integration.console.in_browser import Open, press, signed_in
from tests.integration.console.server import Server
from tests.integration.console.test_calendar import INDIA, saved
from tests.integration.ledger.occasions import occasion_rows

pytestmark = pytest.mark.browser


def test_a_receptionist_reminds_and_ends_by_keyboard_alone(server: Server, open_page: Open) -> None:
    soon = (datetime.now(INDIA) + timedelta(hours=5)).replace(microsecond=0)
    saved(server, "visit 7", soon)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto(f"/console/calendar?day={soon:%Y-%m-%d}")
    page.focus(".entry a:has-text('visit 7')")
    press(page, "Enter")
    page.wait_for_selector("text=Send a reminder now")
    page.focus("text=Send a reminder now")
    press(page, "Enter")
    page.wait_for_selector("text=Done: reminder sent now.")
    page.focus("input[name=reason]")
    page.keyboard.type("came early")
    press(page, "Tab", "Enter")
    page.wait_for_selector("text=Done: occasion completed.")
    assert [row["status"] for row in occasion_rows(server.console.db)] == ["completed"]
