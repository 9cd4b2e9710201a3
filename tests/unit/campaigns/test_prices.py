"""The prices file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from harkara.campaigns import Prices
from harkara.errors import Invalid

FILE = Path(__file__).parents[3] / "config" / "prices.toml"
SMALL = """
currency = "INR"
free-in-window = ["utility"]
marketing = { 1 = 2.50, 1246 = 3, 91 = 0.8631, default = 6 }
utility = { 91 = 0.115, default = 2 }
authentication = { default = 2 }
"""


def load(folder: Path, text: str) -> Prices:
    path = folder / "prices.toml"
    path.write_text(text)
    return Prices.load(path)


def test_the_shipped_file_is_valid() -> None:
    prices = Prices.load(FILE)
    assert prices.currency == "INR"
    assert prices.price("marketing", "919876543210") > prices.price("utility", "919876543210") > 0


def test_the_longest_matching_code_decides_the_price(tmp_path: Path) -> None:
    prices = load(tmp_path, SMALL)
    numbers = ["919876543210", "12025550123", "12462500000", "447911123456"]
    assert [prices.price("marketing", number) for number in numbers] == [
        Decimal("0.8631"),
        Decimal("2.50"),
        Decimal(3),
        Decimal(6),
    ]


def test_a_sum_of_many_small_prices_is_exact(tmp_path: Path) -> None:
    prices = load(tmp_path, SMALL)
    assert sum(prices.price("marketing", "919876543210") for _ in range(100_000)) == Decimal("86310")


def test_what_is_free_in_an_open_window_costs_nothing_there(tmp_path: Path) -> None:
    prices = load(tmp_path, SMALL)
    assert prices.price("utility", "919876543210", window_open=True) == 0
    assert prices.price("utility", "919876543210") == Decimal("0.115")
    assert prices.price("marketing", "919876543210", window_open=True) == Decimal("0.8631")


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
