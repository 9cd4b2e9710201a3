"""Text of people in the headers of a request: a name, a number in their own digits, the key of an order."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator


def decode_header(value: str) -> str:
    """Return the text of a header in UTF-8, which the server has decoded as Latin-1; other bytes stay Latin-1."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _decode(value: object) -> object:
    return decode_header(value) if isinstance(value, str) else value


DecodedHeader = BeforeValidator(_decode)
"""Decodes the header of a parameter."""

HeaderText = Annotated[str, DecodedHeader]
