"""The page Money: what messages cost, the CSV for the accountant, and budgets."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import insert

from harkara.ledger.charges.budgets import list_budgets, set_budget
from harkara.ledger.database import Database
from harkara.ledger.halts import BUDGET, active_halts
from harkara.ledger.tables import charge
from harkara.ledger.users.acts import list_acts
from harkara.money.amounts import MICROS
from harkara.money.budgets import Budget
from harkara.roles import Role
from harness.ledger import open_ledger
from tests.integration.console.server import Browser, Server, console_of, serve, text_of
from tests.integration.ledger.campaigns import load_campaign
from tests.integration.ledger.money import indian_day

DAYS = "since=2026-10-01&until=2026-10-31"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file: Path = tmp_path_factory.mktemp("money") / "harkara.db"
    with open_ledger(f"sqlite:///{file}", connections=10) as db:
        fill(db)
        with serve(console_of(db)) as server:
            yield server


@pytest.fixture(scope="module")
def operator(running: Server) -> Browser:
    return running.user("Asha", Role.OPERATOR)


def fill(db: Database) -> None:
    """Charge messages of October: 3 rupees in the lane default, one message of them free, and 5 in the shop,
    where the assistant costs half a rupee."""
    charged = [
        ("default", 1, "marketing", "=offer", 2 * MICROS),
        ("default", 1, "utility", "visit", MICROS),
        ("default", 4, "service", None, 0),
        ("shop", 31, "marketing", "sale", 5 * MICROS),
        ("shop", 31, "assistant", None, MICROS // 2),
    ]
    with db.write() as tx:
        for n, (lane, day, category, template, amount) in enumerate(charged):
            row = {"message_id": f"m{n}", "lane": lane, "category": category, "template": template, "currency": "INR"}
            at = tx.now.replace(month=10, day=day)
            amounts = {"amount": amount, "fee": 0, "tax": amount // 4}
            tx.execute(insert(charge), row | amounts | {"day": at.date().replace(year=2026), "at": at})


def test_without_charges_the_page_says_when_a_message_is_charged(operator: Browser) -> None:
    page = text_of(operator.see("/money?since=2020-01-01&until=2020-01-31"))
    assert "Nothing was charged on these days. A message is charged when" in page


def test_a_viewer_sees_the_spend_of_some_days_by_each_property(running: Server) -> None:
    vik = running.user("Vik")
    response = vik.see(f"/money?{DAYS}")
    page = text_of(response)
    for expected in (
        "spent ₹8.50 delivered messages 4 of them free 1 25% tax in it ₹2.13 spent by the assistant ₹0.50",
        "By lane",
        "shop ₹5.50 65%",
        "Marketing ₹7.00 82%",
        "Assistant ₹0.50 6%",
        "=offer ₹2.00 24%",
        "1 Oct · Spend: ₹3.00",
    ):
        assert expected in page, expected
    assert 'action="/console/money/budget"' not in response.text
    links = re.findall(r'href="/console(/messages[^"]*)"', unescape(response.text))
    since = "state=delivered&state=read&since=2026-09-30T18%3A30%3A00Z&until=2026-10-31T18%3A30%3A00Z"
    assert f"/messages?template=visit&{since}" in links
    assert {vik.see(link).status_code for link in links} == {200}


def test_the_accountant_gets_exact_amounts_that_no_spreadsheet_computes(operator: Browser) -> None:
    page = unescape(operator.see(f"/money?{DAYS}").text)
    (link,) = re.findall(r'href="/console(/money/spend.csv\?by=template[^"]*)"', page)
    file = operator.see(link)
    assert file.headers["content-disposition"].endswith('filename="spend-by-template-2026-10-01-2026-10-31.csv"')
    assert file.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(file.content.decode("utf-8-sig").splitlines()))
    assert rows[0] == "template,currency,messages,free,credits,price,fee,tax,amount".split(",")
    assert rows[2] == ["'=offer", "INR", "1", "0", "0", "1.500000", "0.000000", "0.500000", "2.000000"]
    assert operator.see("/money/spend.csv?by=weather").status_code == 400


def test_wrong_days_are_refused_with_a_sentence(operator: Browser) -> None:
    for days, expected in (
        ("since=yesterday", "since: must be a day, such as 2026-11-29"),
        ("since=2026-11-02&until=2026-11-01", "since: is after the last day"),
        ("since=2020-01-01&until=2026-11-01", "since: must be at most 366 days before the last day"),
        ("until=0001-01-01", "Money"),
    ):
        assert expected in text_of(operator.see(f"/money?{days}")), days
    assert operator.see("/money/spend.csv?since=x").status_code == 400


def test_an_operator_sets_and_removes_a_budget(running: Server, operator: Browser, db: Database) -> None:
    operator.see("/money")
    done = operator.submit("/money/budget", amount=" ₹1,500.50 ", period="month", lane="shop")
    assert done.headers["location"].endswith("/money?done=budget.set")
    identity = load_campaign(db, name="spring")
    of_campaign = operator.submit("/money/budget", amount="1,08,000 inr", period="campaign", campaign="spring")
    assert of_campaign.status_code == 303
    found = {(each.budget.lane, each.budget.period): each.budget for each in list_budgets(db, {})}
    assert found["shop", "month"].amount == 1500.5 * MICROS
    assert found["default", "campaign"].campaign_id == identity
    page = text_of(operator.see("/money"))
    assert "Campaign spring default ₹0.00 ₹1,08,000.00 0%" in page
    assert "Per month shop ₹0.00 ₹1,500.50 0%" in page
    for period, lane, campaign in (("month", "shop", ""), ("campaign", "default", identity)):
        assert operator.submit("/money/budget/remove", period=period, lane=lane, campaign=campaign).status_code == 303
    assert list_budgets(db, {}) == []
    acts = [(act.act, act.subject, act.filter) for act in list_acts(db, name="Asha", limit=4)]
    assert acts == [
        ("budget.removed", f"default, {identity}", None),
        ("budget.removed", "shop, month", None),
        ("budget.set", f"default, {identity}", "108,000.00 INR"),
        ("budget.set", "shop, month", "1,500.50 INR"),
    ]


def test_a_budget_that_is_used_up_holds_marketing_at_once(operator: Browser, db: Database) -> None:
    with db.write() as tx:
        row = {"message_id": "today", "lane": "shop", "category": "marketing", "currency": "INR", "amount": MICROS}
        tx.execute(insert(charge), row | {"fee": 0, "tax": 0, "day": indian_day(tx.now), "at": tx.now})
    operator.see("/money")
    operator.submit("/money/budget", amount="0.5", period="month", lane="shop")
    assert "₹1.00 ₹0.50 200% · marketing waits until" in text_of(operator.see("/money"))
    with db.read() as tx:
        assert [each.lane for each in active_halts(tx) if each.scope == BUDGET] == ["shop"]
    operator.submit("/money/budget/remove", period="month", lane="shop")
    with db.read() as tx:
        assert [each.lane for each in active_halts(tx) if each.scope == BUDGET] == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"amount": "100 USD"}, "currency: must be the currency of prices.toml"),
        ({"amount": "eur 100"}, "currency: must be the currency of prices.toml"),
        ({"amount": "₹ 100 USD"}, "currency: must be the currency of prices.toml"),
        ({"amount": "0,25"}, "amount: must be a positive number of at most 9 digits"),
        ({"amount": "1500,50"}, "amount: must be a positive number of at most 9 digits"),
        ({"amount": "-5"}, "amount: must be a positive number of at most 9 digits"),
        ({"amount": "0"}, "amount: must be a positive number of at most 9 digits"),
        ({"amount": "1e9"}, "amount: must be a positive number of at most 9 digits"),
        ({"amount": "<b>\x00"}, "amount: must be a positive number of at most 9 digits"),
        ({"amount": "5", "period": "campaign", "campaign": "no\x00ne"}, "no campaign has this id or name"),
        ({"amount": "5", "period": "campaign"}, "no campaign has this id or name"),
    ],
)
def test_a_wrong_budget_is_refused_with_a_sentence_and_nothing_is_set(
    operator: Browser, db: Database, fields: dict[str, str], expected: str
) -> None:
    operator.see("/money")
    refused = operator.submit("/money/budget", **{"period": "month", "lane": "shop"} | fields)
    assert refused.status_code == 400
    assert expected in text_of(refused)
    assert "<b>" not in refused.text
    assert list_budgets(db, {}) == []


def test_a_user_sees_and_budgets_only_the_own_lanes(running: Server, db: Database) -> None:
    set_budget(db, Budget("default", "day", "", MICROS, "INR"))
    ravi = running.user("Ravi", Role.OPERATOR, ("shop",))
    page = text_of(ravi.see(f"/money?{DAYS}"))
    assert "spent ₹5.50 " in page
    assert "There is no budget." in page
    assert "offer" not in ravi.see(f"/money/spend.csv?by=template&{DAYS}").text
    ravi.see("/money")
    for path in ("/money/budget", "/money/budget/remove"):
        refused = ravi.submit(path, amount="5", period="day", lane="default")
        assert refused.status_code == 403
        ravi.see("/money")
    load_campaign(db, name="summer")
    assert ravi.submit("/money/budget", amount="5", period="campaign", campaign="summer").status_code == 400
    assert [each.budget.amount for each in list_budgets(db, {})] == [MICROS]
