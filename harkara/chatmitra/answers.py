"""Parses what Chat Mitra answered to a POST."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harkara.answers import NoAnswer, Replied, seconds_to_wait
from harkara.inbound.values import storable

LONGEST_TEXT = 500


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
