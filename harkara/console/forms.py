"""The fields of a form, after the check that the form came from this console."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

from harkara.console.visitors import AnyVisitor
from harkara.gateway.body import read_body
from harkara.people.printable import drop_unprintable

MAX_BYTES = 64 * 1024
MAX_FIELDS = 200

TOKEN = "token"
"""The field that each form has besides its own."""


class FormFields:
    """The fields of a form. A missing field is empty."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __getitem__(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Return all values of a field, such as the boxes that are checked."""
        return [value for key, value in self._pairs if key == name]

    def names(self, prefix: str) -> list[str]:
        """Return the names of the fields that begin so."""
        return list(dict.fromkeys(key for key, _ in self._pairs if key.startswith(prefix)))


def printable(text: str) -> str:
    """Return the text without characters that cannot be printed: PostgreSQL refuses a NUL."""
    return drop_unprintable(text)


async def _form(request: Request, visitor: AnyVisitor) -> FormFields:
    body = await read_body(request, MAX_BYTES)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise HTTPException(400) from None
    fields = FormFields(pairs)
    if not visitor.sent(fields[TOKEN]):
        raise HTTPException(403, "form")
    return fields


Form = Annotated[FormFields, Depends(_form)]
"""The fields of the form, as a parameter of a route that changes something."""
