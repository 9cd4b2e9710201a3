"""What Chat Mitra answered to one POST, or what is known when no answer came."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

LONGEST_TEXT = 500
LONGEST_RETRY_AFTER = 86_400.0
"""Seconds: no header parks a lane for longer than a day."""


Unsent = Literal["name-resolution", "refused", "tls", "connect-timeout", "unreachable"]
Unknown = Literal["read-timeout", "reset", "closed", "half-answer", "unreadable"]


@dataclass(frozen=True, slots=True)
class Replied:
    """An answer was read. `ok` is whether it takes the message: HTTP 2xx and no word of an error in the body.

    `code` and `text` are the provider's, the text short and without numbers or token; `retry_after` is in seconds.
    """

    status: int
    code: str | None = None
    text: str = ""
    job_id: str | None = None
    ok: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """No connection came about, so Chat Mitra cannot have seen the message."""

    reason: Unsent


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request was on its way, and nobody here can know whether it arrived.

    Also a reset of a new connection: whether the server had read the request before looks the same from here.
    """

    reason: Unknown


Answer = Replied | NotSent | NoAnswer


def read(status: int, body: bytes, *, retry_after: str | None = None, token: str = "") -> Replied | NoAnswer:
    """The answer that these bytes are. A 2xx that cannot be understood is none.

    Success is `{"status":"success","message":…,"jobId":…}`, an error `{"status":"error","message":…}` (Chat Mitra docs,
    Common Errors); live clients also met `success: false` and an `error` object as WhatsApp's own API sends it.
    """
    said = _parsed(body)
    successful = 200 <= status < 300
    if successful and not isinstance(said, dict):
        return NoAnswer("unreadable")
    fields: dict[str, Any] = said if isinstance(said, dict) else {}
    text = _text(fields) or body.decode("utf-8", "replace")
    job = fields.get("jobId")
    return Replied(
        status=status,
        code=_code(fields, text),
        text=_presentable(text, token),
        job_id=storable(str(job))[:200] or None if job else None,
        ok=successful and not _says_error(fields),
        retry_after=seconds_to_wait(retry_after),
    )


def fault(fields: Mapping[str, Any]) -> tuple[str | None, str]:
    """The code and the text of what went wrong, as they stand in `error`, in `errors` or beside them."""
    text = _text(fields)
    return _code(fields, text), _presentable(text, "")


def storable(text: str) -> str:
    """Foreign text without what a database refuses, NUL and half characters: else its outcome would be lost with it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def seconds_to_wait(header: str | None) -> float | None:
    """`Retry-After` in seconds from now: a number of them, or a date (RFC 9110, 10.2.3). None when it is neither."""
    if header is None:
        return None
    value = header.strip()
    if value.isascii() and value.isdecimal():
        return min(float(value), LONGEST_RETRY_AFTER)
    try:
        left = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(left, 0.0), LONGEST_RETRY_AFTER)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _says_error(fields: Mapping[str, Any]) -> bool:
    status = fields.get("status", "success")
    good = status in (None, True) or (isinstance(status, str) and status.lower() in ("success", "queued"))
    return not good or fields.get("success") is False or bool(fields.get("error"))


def _parts(fields: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Where a code or a message may stand, the innermost first."""
    errors = fields.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    for part in (fields.get("error"), first, fields):
        if isinstance(part, dict):
            yield part


def _text(fields: Mapping[str, Any]) -> str:
    for part in _parts(fields):
        for name in ("message", "error", "title"):
            if isinstance(value := part.get(name), str) and value:
                return value
    return ""


_CODE = re.compile(r"[0-9]{1,7}|[A-Za-z][\w.-]{0,39}", re.ASCII)
_CODE_IN_TEXT = re.compile(r"\(#(\d{1,7})\)", re.ASCII)


def _code(fields: Mapping[str, Any], text: str) -> str | None:
    """WhatsApp's texts begin with their code, as in `(#131047) Re-engagement message`."""
    for part in _parts(fields):
        value = part.get("code")
        if isinstance(value, str | int) and not isinstance(value, bool) and _CODE.fullmatch(str(value)):
            return str(value)
    found = _CODE_IN_TEXT.search(text)
    return found[1] if found else None


_NUMBER = re.compile(r"\d(?:[\s().-]{0,2}\d){5,}")
"""Six digits and more, however they are set apart: a phone number or a one-time code that is echoed."""


def _presentable(text: str, token: str) -> str:
    text = storable(text[: 4 * LONGEST_TEXT])
    if token:
        text = text.replace(token, "…")
    return " ".join(_NUMBER.sub("…", text).split())[:LONGEST_TEXT]
