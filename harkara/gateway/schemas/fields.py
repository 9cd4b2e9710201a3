"""Field types that several requests share."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Path
from pydantic import BeforeValidator, StringConstraints, WithJsonSchema
from starlette.convertors import Convertor, register_url_convertor

from harkara.messages.fields import Time

Word = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
"""1 to 200 characters without control characters."""

JobId = Annotated[Word, Path(alias="jobId", description="The jobId, or the Idempotency-Key")]


_LOST_PLUS = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)")


def _with_plus(value: object) -> object:
    """Restore the + of an offset: in a URL it means a space, unless it is written as %2B."""
    if isinstance(value, str) and (lost := _LOST_PLUS.search(value)) and lost.end() == len(value):
        return f"{value[: lost.start()]}{lost[1]}+{lost[2]}"
    return value


UtcTime = Annotated[Time, BeforeValidator(_with_plus), WithJsonSchema({"type": "string", "format": "date-time"})]


class _Name(Convertor[str]):
    """A name that an application chose, as `{reference:name}` in the path of a route.

    It may have slashes, as the number of an invoice has: INV/26/7. The server decodes %2F before a route sees the path.
    A slash at its end is none of the name: the router redirects to the path without it.
    """

    regex = ".*[^/]"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("name", _Name())
