"""The prices file: rates by category, country and day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from harkara.errors import Invalid
from harkara.money.prices import FREE, Cost, Prices

FILE = Path(__file__).parents[3] / "config" / "prices.toml"
SMALL = """
currency = "INR"
free-in-window = ["utility"]
marketing = { 1 = 2.50, 1246 = 3, 91 = 0.8631, default = 6 }
utility = { 91 = 0.115, default = 2 }
authentication = { default = 2 }
"""


INDIA = "919876543210"


def later(day: str, price: float) -> str:
    tariffs = f"marketing = {{ default = {price} }}\nutility = {{ default = 1 }}\nauthentication = {{ default = 1 }}\n"
    return f"[[rates]]\nvalid-from = {day}\n{tariffs}"


def load(folder: Path, text: str) -> Prices:
    path = folder / "prices.toml"
    path.write_text(text)
    return Prices.load(path)


def test_the_shipped_file_is_valid() -> None:
    prices = Prices.load(FILE)
    assert prices.currency == "INR"
    assert prices.cost("marketing", INDIA).price == 863_100
    assert prices.cost("marketing", INDIA).total > prices.cost("utility", INDIA).total > 0


def test_the_longest_matching_code_decides_the_price(tmp_path: Path) -> None:
    prices = load(tmp_path, SMALL)
    numbers = [INDIA, "12025550123", "12462500000", "447911123456", ""]
    found = [prices.cost("marketing", number).price for number in numbers]
    assert found == [863_100, 2_500_000, 3_000_000, 6_000_000, 6_000_000]


def test_fee_and_tax_are_added_to_what_costs_something_and_to_nothing_else(tmp_path: Path) -> None:
    taxed = load(tmp_path, "provider-fee = 0.05\ngst = 18\n" + SMALL.replace("default = 6", "default = 0"))
    assert taxed.cost("marketing", INDIA) == Cost(price=863_100, fee=50_000, tax=164_358)
    assert taxed.cost("marketing", "447911123456") == FREE
    assert taxed.cost("marketing", INDIA).times(3).total == 3 * (863_100 + 50_000 + 164_358)


def test_a_credit_costs_its_price_and_the_tax(tmp_path: Path) -> None:
    assert load(tmp_path, "credit = 0.20\ngst = 18\n" + SMALL).cost_of_credit() == Cost(price=200_000, tax=36_000)


def test_rates_are_valid_from_their_day_on(tmp_path: Path) -> None:
    prices = load(tmp_path, SMALL + later("2027-01-01", 0.9) + later("2027-04-01", 1.1))
    days = [date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1), date(2027, 3, 31), date(2027, 4, 1)]
    found = [prices.on(day).cost("marketing", INDIA).price for day in days]
    assert found == [863_100, 863_100, 900_000, 900_000, 1_100_000]


def test_rates_out_of_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="rates: valid-from 2027-01-01 is not after the 2027-04-01 before it"):
        load(tmp_path, SMALL + later("2027-04-01", 0.9) + later("2027-01-01", 1.1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"INR"', '"rupees"', "prices.toml, currency: String should match"),
        ('"utility"]', '"reply"]', "prices.toml, free-in-window.0: Input should be 'authentication', 'utility' or"),
        ("91 = 0.8631", "91 = -1", "prices.toml, marketing.91: Input should be greater than or equal to 0"),
        ("91 = 0.8631", "91 = nan", "prices.toml, marketing.91: Input should be a finite number"),
        ("91 = 0.8631", '91 = "0,86"', "prices.toml, marketing.91: Input should be a valid decimal"),
        ("91 = 0.8631", '"+91" = 1', "prices.toml, marketing: +91 must be a country's calling code, such as 91, or"),
        ("{ default = 2 }", "{ 91 = 2 }", "prices.toml, authentication: `default` is missing: the price for all"),
        ("utility = {", "# utility = {", "prices.toml, utility: Field required"),
        ("utility = {", "service = {", "prices.toml, "),
        ("currency", 'mode = "free"\ncurrency', "prices.toml, mode: Input should be 'per-message' or 'credits'"),
        ("currency", "gst = 180\ncurrency", "prices.toml, gst: Input should be less than or equal to 100"),
        ("91 = 0.8631", "91 = 0.86310001", "prices.toml, marketing.91: Decimal input should have no more than 6"),
        ('"INR"', "INR", "prices.toml, currency: cannot be read as TOML: Invalid value"),
    ],
)
def test_an_invalid_file_is_refused_with_its_entry_and_the_problem(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(Invalid) as caught:
        load(tmp_path, SMALL.replace(old, new))
    assert str(caught.value).startswith(message)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"none\.toml: cannot be read: No such file"):
        Prices.load(tmp_path / "none.toml")
