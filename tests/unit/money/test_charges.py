"""What one delivered message costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harkara.chatmitra.pricing import parse_pricing
from harkara.errors import Invalid
from harkara.money.amounts import from_micros, parse_amount, show
from harkara.money.charges import DeliveredMessage, charge
from harkara.money.prices import Prices
from harkara.money.pricing import Pricing

PRICES = Prices.load(Path(__file__).parents[3] / "config" / "prices.toml")
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MARKETING, UTILITY = 1_018_458, 135_700
"""In micros, with the tax: 0.8631 and 0.1150 rupees plus 18 percent."""

SENT = DeliveredMessage(recipient="919876543210", kind="template", category="utility", at=NOON, day=NOON.date())


def amount(delivery: DeliveredMessage) -> int:
    return charge(delivery, PRICES).cost.total


def test_a_template_costs_by_its_category() -> None:
    found = {name: amount(replace(SENT, category=name)) for name in ("marketing", "utility", "authentication")}
    assert found == {"marketing": MARKETING, "utility": UTILITY, "authentication": UTILITY}


@pytest.mark.parametrize("category", ["reply", "utility", "marketing"])
def test_what_is_no_template_is_free_whatever_its_sender_calls_it(category: str) -> None:
    assert amount(replace(SENT, kind="text", category=category)) == 0


def test_each_message_of_a_request_with_several_costs() -> None:
    assert amount(replace(SENT, kind="batch", weight=3)) == 3 * UTILITY
    assert amount(replace(SENT, kind="batch", weight=3, category="reply")) == 0


@pytest.mark.parametrize(
    ("wrote", "free"),
    [
        (timedelta(0), True),
        (timedelta(hours=23, minutes=59), True),
        (timedelta(hours=24), False),
        (timedelta(minutes=-1), False),
    ],
)
def test_utility_is_free_in_the_window_as_it_was_at_the_delivery(wrote: timedelta, free: bool) -> None:
    assert (amount(replace(SENT, wrote_at=NOON - wrote)) == 0) is free
    assert amount(replace(SENT, wrote_at=NOON - wrote, category="marketing")) == MARKETING


@pytest.mark.parametrize(
    ("said", "category", "cost", "by_event"),
    [
        ({"billable": True, "category": "marketing", "type": "regular"}, "marketing", MARKETING, True),
        ({"billable": False, "category": "marketing"}, "marketing", 0, True),
        ({"type": "free_entry_point", "category": "marketing_lite"}, "marketing", 0, True),
        ({"type": "free_customer_service", "category": "service"}, "service", 0, True),
        ({"category": "authentication_international"}, "authentication", UTILITY, False),
        ({"billable": "yes", "category": "new_kind"}, "utility", UTILITY, False),
        (None, "utility", UTILITY, False),
    ],
)
def test_what_the_event_says_takes_precedence(
    said: dict[str, object] | None, category: str, cost: int, by_event: bool
) -> None:
    found = charge(replace(SENT, pricing=parse_pricing(said)), PRICES)
    assert (found.category, found.cost.total, found.by_event) == (category, cost, by_event)


def test_a_billable_message_costs_in_an_open_window_too() -> None:
    assert amount(replace(SENT, wrote_at=NOON, pricing=Pricing("utility", True))) == UTILITY


def test_amounts_are_shown_to_the_paisa_and_kept_exactly() -> None:
    assert (str(from_micros(MARKETING)), show(123_456_785_000)) == ("1.018458", "123,456.79")


@pytest.mark.parametrize("text", ["", "0", "-1", "1e3", "1,000", "0.0000001", "NaN", "१०"])
def test_an_amount_is_a_positive_decimal(text: str) -> None:
    with pytest.raises(Invalid, match="amount: must be a positive number"):
        parse_amount(text, "INR", expected="INR")


def test_a_budget_in_another_currency_is_refused() -> None:
    assert parse_amount("15000.5", "INR", expected="INR") == 15_000_500_000
    with pytest.raises(Invalid, match=r"currency: must be the currency of prices\.toml: .* \(INR, not USD\)"):
        parse_amount("15000", "USD", expected="INR")
