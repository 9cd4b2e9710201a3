"""What an application says of an occasion: that it will happen, when and to whom, or that it is over."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SkipValidation

from harkara.errors import Invalid
from harkara.messages.fields import Reference, ShortName, Time
from harkara.messages.model import StrictModel
from harkara.messages.template import Language
from harkara.messages.validation import type_measure
from harkara.occasions.rules import Name
from harkara.occasions.schedule import resolve
from harkara.phone import normalise

if TYPE_CHECKING:
    from harkara.intake.stream import Verb


class Key(NamedTuple):
    """What an occasion is known by: the application's own reference, within its kind and lane."""

    reference: str
    kind: str
    lane: str


def _reason(value: str) -> str:
    if not value.isprintable():
        raise Invalid("", "must be printable")
    return value


Version = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Reason = Annotated[str, Field(max_length=200), AfterValidator(_reason)]


class Occasion(StrictModel):
    """Something that will happen to a customer at `at`, in UTC; `zone` is the one whose calendar counts for it.

    A naive `at` is what a clock in the zone shows: the first of two moments where the clock is set back, the end of the
    gap where it leaps. `version` is the application's own: one that is older than what is known changes nothing.
    """

    kind: Name
    reference: Reference
    lane: ShortName = "default"
    producer: ShortName = "default"
    to: Annotated[str, SkipValidation]
    at: Time
    zone: str
    parameters: Annotated[dict[str, str], SkipValidation]
    language: Language | None = None
    version: Version | None = None

    def __init__(
        self, *, to: str, at: datetime | str, zone: str, parameters: Mapping[str, str] | None = None, **rest: Any
    ) -> None:
        """Raises Invalid."""
        moment = _moment(at, _zone(zone))
        super().__init__(to=str(normalise(to)), at=moment, zone=zone, parameters=_parameters(parameters or {}), **rest)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads what `to_json` wrote, and checks it all again. Raises Invalid."""
        fields = cls.read_fields(_object(text))
        # It was judged when it was handed over, perhaps by newer numbering plans than ours: a possible length will do.
        return cls(**fields | {"to": normalise(f"+{fields['to']}", strict=False)})

    def to_json(self) -> str:
        """The whole of it, for `from_json`."""
        return _json(self)

    @property
    def key(self) -> Key:
        return Key(self.reference, self.kind, self.lane)


class Closing(StrictModel):
    """The occasion will not happen (`cancelled`), or has done what it was for (`completed`: kept, paid, arrived)."""

    kind: Name
    reference: Reference
    lane: ShortName = "default"
    status: Literal["cancelled", "completed"]
    reason: Reason | None = None
    version: Version | None = None

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads what `to_json` wrote, and checks it all again. Raises Invalid."""
        return cls(**cls.read_fields(_object(text)))

    def to_json(self) -> str:
        """The whole of it, for `from_json`."""
        return _json(self)

    @property
    def key(self) -> Key:
        return Key(self.reference, self.kind, self.lane)


OccasionUpdate = Occasion | Closing
"""One thing that is said of an occasion; the steps of one are taken in the order in which they were said."""

VERBS: Final[Mapping[str, Callable[[str], OccasionUpdate]]] = {
    "save-occasion": Occasion.from_json,
    "cancel-occasion": Closing.from_json,
    "complete-occasion": Closing.from_json,
}
"""How the intake tells steps from messages, and reads them."""


def verb_of(step: OccasionUpdate) -> Verb:
    if isinstance(step, Occasion):
        return "save-occasion"
    return "cancel-occasion" if step.status == "cancelled" else "complete-occasion"


def _json(part: StrictModel) -> str:
    said = {name: value for name, value in part if value is not None}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)


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
    except (OSError, ValueError, KeyError):  # a folder of zones, a path, a name that nobody knows
        raise Invalid("zone", "no time zone is called so; use a name such as Asia/Kolkata") from None


def _moment(at: object, zone: ZoneInfo) -> object:
    """What is no time at all is refused by its field."""
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            raise Invalid("at", "must be a time in ISO 8601, such as 2026-11-24T10:30 or with +05:30") from None
    if not isinstance(at, datetime) or at.utcoffset() is not None:
        return at
    try:
        return resolve(at.date(), at.time(), zone)
    except OverflowError:
        raise Invalid("at", "must lie between the years 1 and 9999 in UTC") from None


def _parameters(values: object) -> dict[str, str]:
    if not isinstance(values, Mapping):
        raise Invalid("parameters", "must be an object such as {'doctor': 'Dr Rao'}", type_measure(values))
    for name, value in values.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise Invalid("parameters", "every name and every value must be text", type_measure(value))
    return dict(values)
