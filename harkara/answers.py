"""The answer of a provider to one POST, or what is known when no answer came."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal, Protocol

MAX_RETRY_AFTER = 86_400.0
"""Seconds. No header pauses a lane for longer than a day."""

NotSentReason = Literal["name-resolution", "refused", "tls", "connect-timeout", "unreachable"]
NoAnswerReason = Literal["read-timeout", "reset", "closed", "half-answer", "unreadable"]


@dataclass(frozen=True, slots=True)
class Replied:
    """An answer was read. `ok` is whether it accepts the message: HTTP 2xx and no error in the body.

    `code` and `text` are the provider's; the text is short and contains neither phone numbers nor the token.
    `retry_after` is in seconds.
    """

    status: int
    code: str | None = None
    text: str = ""
    job_id: str | None = None
    ok: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """No connection was made, so the provider cannot have received the message."""

    reason: NotSentReason


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request was sent at least in part, so it is unknown whether the provider received it.

    This includes the reset of a new connection, because a client cannot see whether the server read the request first.
    """

    reason: NoAnswerReason


Answer = Replied | NotSent | NoAnswer


class Provider(Protocol):
    """Sends messages; all that the sender needs of a provider."""

    def post(self, token: str, body: str) -> Answer:
        """Send one message, the JSON `body`, for the account of this token. Never raises for a network error."""
        ...


def seconds_to_wait(header: str | None) -> float | None:
    """Parse `Retry-After`, which is seconds or a date (RFC 9110, 10.2.3), into seconds from now; None for neither."""
    if header is None:
        return None
    value = header.strip()
    if value.isascii() and value.isdecimal():
        return min(float(value), MAX_RETRY_AFTER)
    try:
        left = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(left, 0.0), MAX_RETRY_AFTER)
