"""The answer of a provider to one POST, or what is known when no answer came."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal, Protocol

MAX_RETRY_AFTER = 86_400.0
"""Seconds. No header pauses a lane for longer than a day."""

NotSentReason = Literal["name-resolution", "refused", "tls", "connect-timeout", "unreachable", "request"]
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
    """The request did not begin, so the provider cannot have received the message.

    No connection was made, or, with the reason `request`, the request could not be written.
    """

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

    def connect(self, at: float) -> ProviderConnection:
        """Return a connection for one POST at `at`, a `time.monotonic()`; open unless that fails. Never raises."""
        ...


class ProviderConnection(Protocol):
    """A connection for one POST; afterwards it belongs to the provider again."""

    def post(self, token: str, body: str, too_late: Callable[[], bool]) -> Answer | None:
        """Send one message, the JSON `body`, for the account of this token. Never raises.

        `too_late` is asked right before the first byte. If it says so, nothing is sent and the answer is None.
        """
        ...


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Parse `retry-after`, which is seconds or a date (RFC 9110, 10.2.3), into seconds from now; None for neither.

    A date counts from the `date` of the same answer, so that both are of the server's clock.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdecimal():
        return min(float(value), MAX_RETRY_AFTER)
    if (until := _timestamp(value)) is None:
        return None
    now = _timestamp(headers.get("date", ""))
    return min(max(until - (time.time() if now is None else now), 0.0), MAX_RETRY_AFTER)


def _timestamp(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
