"""The base of frozen dataclasses that read as JSON objects, and the formats of times in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field as DataclassField
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import PlainSerializer, WithJsonSchema


def iso(moment: datetime) -> str:
    """ISO 8601 with milliseconds and the offset, such as `2026-08-22T10:30:00.000+00:00`."""
    return moment.isoformat(timespec="milliseconds")


def iso_seconds(moment: datetime) -> str:
    """ISO 8601 to the second and with the offset, such as `2026-08-22T10:30:00+00:00`."""
    return moment.isoformat(timespec="seconds")


Timestamp = Annotated[datetime, PlainSerializer(iso), WithJsonSchema({"type": "string"})]
"""An aware time in Python, ISO 8601 with milliseconds in JSON."""

TimestampSeconds = Annotated[datetime, PlainSerializer(iso_seconds), WithJsonSchema({"type": "string"})]
"""An aware time in Python, ISO 8601 to the second in JSON."""


def iso_seconds_or_day(at: date) -> str:
    """Return `iso_seconds` of a time, and of a date without a time ISO 8601 such as `2026-12-05`."""
    return iso_seconds(at) if isinstance(at, datetime) else at.isoformat()


TimestampSecondsOrDay = Annotated[date, PlainSerializer(iso_seconds_or_day), WithJsonSchema({"type": "string"})]
"""An aware time, or a date without a time; in JSON as `iso_seconds_or_day` returns it."""


class JsonRecord(Mapping[str, Any]):
    """Base of frozen dataclasses that also read as the mapping that is their JSON object.

    Attributes are typed (`status.due_at` is a datetime, annotated as `Timestamp`). Items are JSON values
    (`status["due_at"]` is a string), and `dict(status)` is a plain dictionary of them in the order of the fields.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, DataclassField[Any]]]

    def __getitem__(self, name: str) -> Any:
        if name not in self.__dataclass_fields__:
            raise KeyError(name)
        return _json_value(getattr(self, name), self._iso)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dataclass_fields__)

    def __len__(self) -> int:
        return len(self.__dataclass_fields__)

    def to_json(self) -> str:
        """Return the JSON object that the HTTP API returns."""
        return json.dumps(dict(self))

    @staticmethod
    def _iso(moment: datetime) -> str:
        return iso(moment)


class JsonRecordSeconds(JsonRecord):
    """A JsonRecord whose times are of type `TimestampSeconds`."""

    __slots__ = ()

    @staticmethod
    def _iso(moment: datetime) -> str:
        return iso_seconds(moment)


def _json_value(value: Any, format_time: Callable[[datetime], str]) -> Any:
    match value:
        case StrEnum():
            return value.value
        case datetime():
            return format_time(value)
        case date():
            return value.isoformat()
        case tuple():
            return [_json_value(each, format_time) for each in value]
        case None | str() | int() | float():
            return value
        case _:
            return dict(value)
