"""Parses Chat Mitra's answer to a POST."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harkara.answers import NoAnswer, Replied
from harkara.inbound.normalization import storable

MAX_TEXT = 500
MAX_JOB_ID = 200


def parse_answer(
    status: int, body: bytes, *, retry_after: float | None = None, token: str = "", request: str = ""
) -> Replied | NoAnswer:
    """Parse an HTTP answer; a 2xx that cannot be parsed is no answer.

    `token` and `request`, the JSON of the message, are what the text must not repeat.

    A success is `{"status":"success","message":…,"jobId":…}`, an error `{"status":"error","message":…}` (Chat Mitra
    docs, Common Errors). Live clients also met `success: false`, and an `error` object as WhatsApp's own API sends it.
    """
    parsed = _parse_json(body)
    successful = 200 <= status < 300
    if successful and not isinstance(parsed, dict):
        return NoAnswer("unreadable")
    fields: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
    parts = _error_parts(fields)
    text = _text(parts) or body.decode("utf-8", "replace")
    job_id = fields.get("jobId")
    return Replied(
        status=status,
        code=_code(parts, text),
        text=_clean(text, token, request),
        job_id=storable(str(job_id))[:MAX_JOB_ID] or None if job_id else None,
        ok=successful and not _is_error(fields),
        retry_after=retry_after,
    )


def parse_error(fields: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the code and the text of an error, from `error`, from `errors` or from the fields themselves."""
    parts = _error_parts(fields)
    text = _text(parts)
    return _code(parts, text), _clean(text)


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _is_error(fields: Mapping[str, Any]) -> bool:
    status = fields.get("status", "success")
    good = status in (None, True) or (isinstance(status, str) and status.lower() in ("success", "queued"))
    return not good or fields.get("success") is False or bool(fields.get("error"))


def _error_parts(fields: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the objects that may contain a code or a message, the innermost first."""
    errors = fields.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return [part for part in (fields.get("error"), first, fields) if isinstance(part, dict)]


def _text(parts: Sequence[Mapping[str, Any]]) -> str:
    for part in parts:
        for name in ("message", "error", "title"):
            if isinstance(value := part.get(name), str) and value:
                return value
    return ""


_CODE = re.compile(r"[0-9]{1,7}|[A-Za-z][\w.-]{0,39}", re.ASCII)
_CODE_IN_TEXT = re.compile(r"\(#(\d{1,7})\)", re.ASCII)


def _code(parts: Sequence[Mapping[str, Any]], text: str) -> str | None:
    """Find the code in a field, or at the start of WhatsApp's texts, as in `(#131047) Re-engagement message`."""
    for part in parts:
        value = part.get("code")
        if isinstance(value, str | int) and not isinstance(value, bool) and _CODE.fullmatch(str(value)):
            return str(value)
    found = _CODE_IN_TEXT.search(text)
    return found[1] if found else None


_NUMBER = re.compile(r"\d(?:[\s().-]{0,2}\d){5,}")
"""Six digits or more, with any separators: a phone number or a one-time code that the answer repeats."""


_WORD_WITH_DIGIT = re.compile(r"(?=[A-Za-z]*\d)[A-Za-z\d]{4,}", re.ASCII)
"""A one-time code, among other words: it may be short, or have letters."""

_ESCAPE = re.compile(r"\\[bfnrt]")


def _clean(text: str, token: str = "", request: str = "") -> str:
    """Remove numbers, the token, and what may be the code of the request, so that the text can be stored and shown."""
    text = storable(text[: 4 * MAX_TEXT])
    if token:
        text = text.replace(token, "…")
    if request and _WORD_WITH_DIGIT.search(text):
        sent = set(_WORD_WITH_DIGIT.findall(_ESCAPE.sub(" ", request)))
        text = _WORD_WITH_DIGIT.sub(lambda word: "…" if word[0] in sent else word[0], text)
    return " ".join(_NUMBER.sub("…", text).split())[:MAX_TEXT]
