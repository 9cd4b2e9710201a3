"""Occasion updates: an application saves an occasion, or closes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SkipValidation

from harkara.errors import Invalid
from harkara.messages.fields import Reference, ShortName, Time
from harkara.messages.model import StrictModel
from harkara.messages.template import Language
from harkara.messages.validation import field_path, type_measure
from harkara.occasions.local_time import day_of, whole_day
from harkara.occasions.rules import ClosedStatus, Name
from harkara.people.names import normalize_stored
from harkara.people.printable import is_printable
from harkara.phone import normalize
from harkara.times import parse_iso, to_utc


class OccasionKey(NamedTuple):
    """The identity of an occasion: the application's reference, unique within kind and lane."""

    reference: str
    kind: str
    lane: str


def _reason(value: str) -> str:
    if not is_printable(value):
        raise Invalid("", "must be printable")
    return value


Version = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Reason = Annotated[str, Field(max_length=200), AfterValidator(_reason)]


class _Update(StrictModel):
    kind: Name
    reference: Reference
    lane: ShortName = "default"

    if TYPE_CHECKING:  # pydantic's mypy plugin would write a constructor that knows no field of the subclasses

        def __init__(self, /, **fields: Any) -> None: ...

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parse the output of `to_json` and validate it again. Raises Invalid."""
        return cls(**cls.read_fields(_object(text)))

    def to_json(self) -> str:
        """Return the fields that are set, for `from_json`."""
        fields = {name: value for name, value in self if value is not None}
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)

    @property
    def key(self) -> OccasionKey:
        return OccasionKey(self.reference, self.kind, self.lane)


class Occasion(_Update):
    """An event that a customer is reminded of, such as an appointment or the day on which an invoice is due.

    `at` is in UTC; `zone` is the time zone whose calendar days the rules count. A naive `at` is local time in `zone`:
    of two moments with this local time it is the first, and in a gap of the clock it is the end of the gap. A date
    without a time is the whole day in `zone`, which its last microsecond stands for. `version` comes from the
    application: an update with an older version than the stored one changes nothing.
    """

    producer: ShortName = "default"
    to: Annotated[str, SkipValidation]
    at: Time
    zone: str
    parameters: Annotated[dict[str, str], SkipValidation]
    language: Language | None = None
    version: Version | None = None

    def __init__(
        self, *, to: str, at: date | str, zone: str, parameters: Mapping[str, str] | None = None, **rest: Any
    ) -> None:
        """Raises Invalid, which names the field."""
        moment = _moment(at, _zone(zone))
        super().__init__(to=str(normalize(to)), at=moment, zone=zone, parameters=_parameters(parameters or {}), **rest)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parse the output of `to_json` and validate it again. Raises Invalid."""
        fields = cls.read_fields(_object(text))
        return cls(**fields | {"to": normalize_stored(fields["to"])})

    @property
    def day(self) -> date | None:
        """The local day that the occasion is, None if it is at a time of the day."""
        return day_of(self.at, ZoneInfo(self.zone))


class Closing(_Update):
    """The end of an occasion: `cancelled`, `completed` (attended, paid, delivered), or `no-show` (missed)."""

    status: ClosedStatus
    reason: Reason | None = None
    version: Version | None = None


OccasionUpdate = Occasion | Closing
"""What an application reports about one occasion. Updates of one occasion apply in the order of the reports."""


def _object(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise Invalid("occasion", "must be JSON, as written by to_json") from None


def _zone(name: object) -> ZoneInfo:
    if not isinstance(name, str) or len(name) > 60:
        raise Invalid("zone", "must be the name of a time zone, such as Asia/Kolkata", type_measure(name))
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a directory of zones, a path, an unknown name
        raise Invalid("zone", "is not the name of a time zone; use one such as Asia/Kolkata") from None


def _moment(at: object, zone: ZoneInfo) -> object:
    """Return an aware time for a text, a date or a naive time. A value of another type passes: its field rejects it."""
    if isinstance(at, str):
        at = _parse(at)
    if isinstance(at, datetime):
        with field_path("at"):
            return to_utc(at, zone)
    if not isinstance(at, date):
        return at
    try:
        return whole_day(at, zone)
    except OverflowError:
        return datetime(at.year, at.month, at.day, tzinfo=UTC)  # at the edge of the calendar, which the field refuses


def _parse(text: str) -> date:
    """Return a date for a text without a time, which stands for the whole day."""
    try:
        return parse_iso(text)
    except ValueError:
        raise Invalid(
            "at", "must be a time in ISO 8601, such as 2026-11-24T10:30 or with +05:30, or a date, such as 2026-11-24"
        ) from None


def _parameters(values: object) -> dict[str, str]:
    if not isinstance(values, Mapping):
        raise Invalid("parameters", "must be an object such as {'doctor': 'Dr Rao'}", type_measure(values))
    for name, value in values.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise Invalid("parameters", "every name and every value must be text", type_measure(value))
    return dict(values)
