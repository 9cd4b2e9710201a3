"""The page Money in Chromium: a budget is set by keyboard, and a CSV file is downloaded."""

from __future__ import annotations

import pytest

from harkara.ledger.charges.budgets import list_budgets
from harkara.roles import Role
from tests.integration.console.in_browser import Open, press, signed_in
from tests.integration.console.server import Server
from tests.integration.console.test_money import DAYS, fill

pytestmark = pytest.mark.browser


def test_an_operator_sets_a_budget_by_keyboard_and_downloads_the_spend(server: Server, open_page: Open) -> None:
    fill(server.console.db)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto(f"/console/money?{DAYS}")
    with page.expect_download() as download:
        page.click("a[download]:has-text('by campaign')")
    assert download.value.suggested_filename == "spend-by-campaign-2026-10-01-2026-10-31.csv"
    page.focus("summary >> text=Set a budget")
    press(page, "Enter", "Tab")
    page.keyboard.type("100 usd")
    press(page, "Enter")
    page.wait_for_selector("text=must be the currency of prices.toml")
    page.fill("input[name=amount]", "15,000")
    page.select_option("details select[name=lane]", "shop")
    page.focus("input[name=amount]")
    press(page, "Enter")
    page.wait_for_selector("text=Done: budget set.")
    assert [each.budget.lane for each in list_budgets(server.console.db, {})] == ["shop"]
