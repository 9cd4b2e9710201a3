"""`harkara spend` and `harkara budget`."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from harkara.ledger.database import Database
from harkara.ledger.tables import charge
from tests.integration.command.deployment import Harkara
from tests.integration.ledger.campaigns import load_campaign
from tests.integration.ledger.money import delivered, indian_day, template
from tests.integration.ledger.steps import marketing, reply


@pytest.fixture
def spent(ledger: Database) -> Database:
    """A ledger with a reply, a utility message and two of a campaign that arrived today."""
    identity = load_campaign(ledger, name="=HYPERLINK")
    for n, envelope in enumerate((reply(), template(1), marketing(2), marketing(3))):
        delivered(ledger, envelope, f"job-{n}")
    with ledger.write() as tx:
        tx.execute(update(charge).values(day=indian_day(tx.now)))
        tx.execute(update(charge).where(charge.c.category == "marketing").values(campaign_id=identity))
    return ledger


def printed(result: Any) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_spend_is_shown_with_its_total(harkara: Harkara, spent: Database) -> None:
    result = harkara("spend", "--by", "category")
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["category", "messages", "free", "credits", "price", "fee", "tax", "amount", "currency"],
        ["marketing", "2", "0", "0", "1.73", "0.00", "0.31", "2.04", "INR"],
        ["reply", "1", "1", "0", "0.00", "0.00", "0.00", "0.00", "INR"],
        ["utility", "1", "0", "0", "0.12", "0.00", "0.02", "0.14", "INR"],
        ["total", "4", "1", "0", "1.84", "0.00", "0.33", "2.17", "INR"],
    ]


def test_spend_is_exact_as_json_and_only_of_the_wanted_days(harkara: Harkara, spent: Database) -> None:
    found = printed(harkara("spend", "--json"))
    assert [(row["key"], row["messages"], row["amount"]) for row in found["spend"]] == [
        (indian_day(datetime.now(UTC)).isoformat(), 4, "2.172616")
    ]
    assert printed(harkara("spend", "--json", "--since", "2020-01-01", "--until", "2020-01-31"))["spend"] == []


@pytest.mark.usefixtures("ledger")
def test_the_days_end_with_today_in_the_zone_of_the_lanes(harkara: Harkara, environment: dict[str, str]) -> None:
    """As on the page Money of the console. On Niue, today began long after it did elsewhere."""
    environment["HARKARA_TIMEZONE"] = "Pacific/Niue"
    before = niue_day()
    found = printed(harkara("spend", "--json"))
    assert before <= date.fromisoformat(found["until"]) <= niue_day()
    assert date.fromisoformat(found["until"]) - date.fromisoformat(found["since"]) == timedelta(days=30)


def niue_day() -> date:
    return datetime.now(ZoneInfo("Pacific/Niue")).date()


def test_a_campaign_has_cost_the_same_wherever_it_is_shown(harkara: Harkara, spent: Database) -> None:
    """34.5 paise are 0.35: half to even would be 0.34."""
    with spent.write() as tx:
        campaigns = update(charge).where(charge.c.campaign_id.is_not(None))
        tx.execute(campaigns.values(amount=172_500, fee=0, tax=0))
    by_campaign = harkara("spend", "--by", "campaign").stdout
    assert ["=HYPERLINK", "2", "0", "0", "0.35"] in [line.split()[:5] for line in by_campaign.splitlines()]
    assert "Spent so far: 0.35 INR; " in harkara("campaign", "results", "=HYPERLINK").stdout


def test_the_csv_of_the_accountant_computes_nothing(harkara: Harkara, spent: Database, tmp_path: Path) -> None:
    file = tmp_path / "spend.csv"
    assert harkara("spend", "--by", "campaign", "--csv", str(file)).exit_code == 0
    with file.open(encoding="utf-8-sig") as opened:
        rows = list(csv.reader(opened))
    assert rows == [
        ["campaign", "currency", "messages", "free", "credits", "price", "fee", "tax", "amount"],
        ["", "INR", "2", "1", "0", "0.115000", "0.000000", "0.020700", "0.135700"],
        ["'=HYPERLINK", "INR", "2", "0", "0", "1.726200", "0.000000", "0.310716", "2.036916"],
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ("--since", "2026-11-02", "--until", "2026-11-01"),
            "since: is after the last day (2026-11-02, and 2026-11-01)",
        ),
        (("--since", "yesterday"), "yesterday is not a day: give it as 2026-11-29"),
        (("--by", "person"), "'person' is not one of"),
    ],
)
def test_wrong_days_are_refused(harkara: Harkara, ledger: Database, words: tuple[str, ...], complaint: str) -> None:
    result = harkara("spend", *words)
    assert result.exit_code in (2, 4)
    assert complaint in result.output


def test_budgets_are_set_shown_and_removed(harkara: Harkara, spent: Database) -> None:
    assert "There is no budget" in harkara("budget").output
    assert "marketing waits" in harkara("budget", "set", "2", "--per", "month").stdout
    found = printed(harkara("budget", "set", "100", "--campaign", "=HYPERLINK", "--json"))
    assert (found["amount"], found["spent"], found["exhausted"]) == ("100.000000", "2.036916", False)
    shown = printed(harkara("budget", "--json"))["budgets"]
    assert [(each["period"], each["exhausted"]) for each in shown] == [("campaign", False), ("month", True)]
    assert harkara("budget", "remove", "--per", "month").exit_code == 0
    assert harkara("budget", "remove", "--per", "month").exit_code == 3


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ("100", "--per", "day", "--currency", "USD"),
            "currency: must be the currency of prices.toml: amounts are not converted (INR, not USD)",
        ),
        (("-5", "--per", "day"), "No such option"),
        (("free", "--per", "day"), "amount: must be a positive number"),
        (("100",), "per: give either --per day, --per month or --campaign NAME"),
        (("100", "--per", "day", "--lane", "north"), "lane: is not configured"),
        (("100", "--campaign", "none"), "no campaign has this id or name"),
    ],
)
def test_a_wrong_budget_is_refused_and_sets_nothing(
    harkara: Harkara, ledger: Database, words: tuple[str, ...], complaint: str
) -> None:
    result = harkara("budget", "set", *words)
    assert result.exit_code in (2, 3, 4)
    assert complaint in " ".join(result.output.split())
    assert "There is no budget" in harkara("budget").output
