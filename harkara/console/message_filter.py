"""The filters of the page Messages, as its address and its forms have them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from harkara.console.forms import printable
from harkara.console.languages import N_
from harkara.errors import Invalid
from harkara.ledger.campaigns.responses import RESPONSES
from harkara.ledger.database import Database
from harkara.ledger.messages.named_filter import named_filter
from harkara.ledger.messages.search import MessageFilter
from harkara.states import State
from harkara.times import bounded

LABELS: Mapping[str, str] = {
    "id": N_("Id"),
    "reference": N_("Reference"),
    "like": N_("Same number as"),
    "state": N_("State"),
    "code": N_("Code"),
    "template": N_("Template"),
    "campaign": N_("Campaign"),
    "occasion": N_("Occasion"),
    "producer": N_("Application"),
    "lane": N_("Lane"),
    "since": N_("From"),
    "until": N_("Until"),
    "flagged": N_("Perhaps sent twice"),
    "response": N_("Response"),
}
"""The fields. No number is among them, since addresses are kept in histories: `like` names a message to the person."""

_SAME = ("id", "reference", "code", "template", "producer", "lane")


@dataclass(frozen=True)
class FilterFields:
    """The fields that are filled, each with its values."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, given: Iterable[tuple[str, str]]) -> FilterFields:
        """Return the filters among these fields of an address or a form."""
        pairs = ((name, printable(value).strip()) for name, value in given if name in LABELS)
        return cls(tuple(dict.fromkeys(pair for pair in pairs if pair[1])))

    def __getitem__(self, name: str) -> str:
        return next((value for key, value in self.pairs if key == name), "")

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def query(self, *more: tuple[str, str]) -> str:
        """Return the query of an address with these filters."""
        return urlencode([*self.pairs, *more])

    def without(self, pair: tuple[str, str]) -> FilterFields:
        return FilterFields(tuple(each for each in self.pairs if each != pair))

    def narrowed(self, **values: Iterable[str]) -> FilterFields:
        """Return these filters with other values for some of them."""
        others = (pair for pair in self.pairs if pair[0] not in values)
        return FilterFields((*others, *((name, value) for name, given in values.items() for value in given)))

    def wanted(self, db: Database, zone: ZoneInfo, lanes: Collection[str] | None) -> MessageFilter:
        """Return the filter for the ledger, within these lanes. Raises Invalid, and NotFound for the campaign."""
        given: dict[str, Any] = {name: self[name] or None for name in (*_SAME, "campaign", "occasion", "like")}
        return named_filter(
            db,
            lanes=lanes,
            states=tuple(self._states()),
            flagged=bool(self["flagged"]),
            response=self._response(),
            since=_moment(self["since"], "since", zone),
            until=_moment(self["until"], "until", zone),
            **given,
        )

    def _response(self) -> str | None:
        """Only the recipients of one campaign are searched: they are as many as it has messages."""
        response = self["response"]
        if response and (response not in RESPONSES or not self["campaign"]):
            raise Invalid("response", "is one of a campaign: written or opted-out")
        return response or None

    def _states(self) -> Iterator[State]:
        for value in self.all("state"):
            if value not in {*State}:
                raise Invalid("state", "is not known")
            yield State(value)


def _moment(text: str, field: str, zone: ZoneInfo) -> datetime | None:
    """Return a time, which is local if it has no zone. Raises Invalid."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return bounded(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, Invalid):
        raise Invalid(field, "choose a day and a time") from None
