"""What one POST came back with: an answer, or what is known when none came."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal, Protocol

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


class Provider(Protocol):
    """Whatever sends messages: the sender needs nothing else of it."""

    def post(self, token: str, body: str) -> Answer:
        """Send the message whose JSON is `body` for the account of this token; raise nothing for a network failure."""
        ...


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
