"""What the page Money shows of the spend of some days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from harkara.console.charts import Bar, Chart, Series, bars, stacked_columns
from harkara.console.languages import N_, Language
from harkara.console.visitors import SignedIn
from harkara.errors import Invalid
from harkara.ledger.charges.spend import get_spends
from harkara.ledger.charges.turns import ASSISTANT
from harkara.money.amounts import MICROS
from harkara.money.spend import By, Spend, summed_days

LONGEST: Final = timedelta(days=366)
MOST_BARS: Final = 10

BY: Final[Mapping[By, str]] = {
    "day": N_("day"),
    "lane": N_("lane"),
    "category": N_("category"),
    "template": N_("template"),
    "campaign": N_("campaign"),
}
TITLES: Final[Mapping[By, str]] = {
    "lane": N_("By lane"),
    "category": N_("By category"),
    "template": N_("By template"),
    "campaign": N_("By campaign"),
}
_CATEGORIES: Final = {
    ASSISTANT: N_("Assistant"),
    "authentication": N_("One-time codes"),
    "marketing": N_("Marketing"),
    "reply": N_("Replies"),
    "service": N_("Replies"),
    "utility": N_("Reminders and notices"),
}
_WITHOUT: Final[Mapping[By, str]] = {
    "template": N_("without a template"),
    "campaign": N_("without a campaign"),
}


@dataclass(frozen=True, slots=True)
class Days:
    """The days that are shown, both included."""

    first: date
    last: date

    @classmethod
    def parse(cls, since: str, until: str, zones: Iterable[tzinfo]) -> Days:
        """Read the fields of a filter; by default the last month until today in these zones. Raises Invalid."""
        first, last = summed_days(_day(N_("since"), since), _day(N_("until"), until), zones)
        if last - first > LONGEST:
            raise Invalid("since", N_("must be at most 366 days before the last day"), first.isoformat())
        return cls(first, last)

    @property
    def each(self) -> Sequence[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    @property
    def query(self) -> str:
        return urlencode({"since": self.first.isoformat(), "until": self.last.isoformat()})


@dataclass(frozen=True, slots=True)
class SpendView:
    """The spend of some days in one currency; `others` are the sums in other currencies, from before it was changed.

    `amounts` and `messages` are by day, and `tables` are bars by the other properties. `assistant` is what its turns
    cost, in micros; `total` includes it.
    """

    days: Days
    currency: str
    total: Spend
    assistant: int
    others: Sequence[Spend]
    amounts: Chart
    messages: Chart
    tables: Mapping[By, Sequence[Bar]]
    shown: Callable[[float], str]
    """Writes an amount of this currency in the language of the visitor."""


def spend_view(visitor: SignedIn, days: Days) -> SpendView:
    """Return what the user's lanes have spent on these days. Raises Unavailable."""
    currency = visitor.console.files().prices.currency
    found = get_spends(visitor.console.db, [*BY], since=days.first, until=days.last, lanes=visitor.lanes)
    mine = {by: [each for each in rows if each.currency == currency] for by, rows in found.items()}
    amounts, messages = _charts(mine["day"], days, visitor.language)
    return SpendView(
        days=days,
        currency=currency,
        total=_total(mine["day"], currency),
        assistant=sum(each.amount for each in mine["category"] if each.key == ASSISTANT),
        others=[_total(rows, other) for other, rows in _by_currency(found["day"]).items() if other != currency],
        amounts=amounts,
        messages=messages,
        tables={by: _bars(visitor, by, mine[by], days) for by in TITLES},
        shown=partial(visitor.language.money, currency=currency),
    )


def _by_currency(rows: Iterable[Spend]) -> Mapping[str, list[Spend]]:
    found: dict[str, list[Spend]] = {}
    for each in rows:
        found.setdefault(each.currency, []).append(each)
    return found


def _total(rows: Sequence[Spend], currency: str) -> Spend:
    sums = (sum(getattr(each, name) for each in rows) for name in Spend.NUMBERS)
    return Spend("", currency, *sums)


def _charts(rows: Iterable[Spend], days: Days, language: Language) -> tuple[Chart, Chart]:
    of_day = {each.key: each for each in rows}
    found = [of_day.get(day.isoformat()) for day in days.each]
    labels = [language.day(day) for day in days.each]

    def series(label: str, value: Callable[[Spend], float]) -> Series:
        return Series(language.texts.gettext(label), [value(each) if each else 0 for each in found])

    amounts = stacked_columns(labels, [series(N_("Spend"), lambda each: each.amount / MICROS)])
    paid = series(N_("paid"), lambda each: each.messages - each.free)
    return amounts, stacked_columns(labels, [paid, series(N_("free"), lambda each: each.free)])


def _bars(visitor: SignedIn, by: By, rows: Iterable[Spend], days: Days) -> Sequence[Bar]:
    """Return the largest sums; what cost nothing has no bar."""
    paid = sorted((each for each in rows if each.amount), key=lambda each: -each.amount)
    shown = [(_label(visitor, by, each.key), each.amount / MICROS, _link(visitor, by, each.key, days)) for each in paid]
    if len(shown) > MOST_BARS:
        rest = sum(amount for _, amount, _ in shown[MOST_BARS:])
        shown = [*shown[:MOST_BARS], (visitor.language.texts.gettext(N_("all others")), rest, None)]
    return bars(shown)


def _label(visitor: SignedIn, by: By, key: str) -> str:
    translate = visitor.language.texts.gettext
    if by == "category":
        return translate(_CATEGORIES.get(key, key))
    if by != "lane" and key == ASSISTANT:
        return translate(_CATEGORIES[ASSISTANT])
    return key or translate(_WITHOUT.get(by, ""))


def _link(visitor: SignedIn, by: By, key: str, days: Days) -> str | None:
    """Return the address of the messages behind a sum, None if no filter selects them."""
    if by == "category" or not key or (by != "lane" and key == ASSISTANT):
        return None
    zone = visitor.console.zone
    first, end = (datetime.combine(day, time(), zone) for day in (days.first, days.last + timedelta(days=1)))
    chosen: dict[str, Any] = {by: key, "state": ["delivered", "read"], "since": _utc(first), "until": _utc(end)}
    return f"{visitor.base}/messages?{urlencode(chosen, doseq=True)}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(field: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(field, N_("must be a day, such as 2026-11-29")) from None
