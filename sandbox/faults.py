"""The fault switches: what can be made to go wrong, and the dice that decide when it does."""

from __future__ import annotations

from random import Random
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from sandbox.history import fingerprint
from sandbox.limit import parse_limit


def _one_of(*allowed: int) -> AfterValidator:
    def check(value: int) -> int:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(map(str, allowed))}")
        return value

    return AfterValidator(check)


Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0)]
Tokens = Annotated[bool | list[str], BeforeValidator(lambda value: _fingerprints(value))]


class Refusal(BaseModel):
    """An error to answer with: a sentence, and WhatsApp's code for it where there is one."""

    model_config = ConfigDict(extra="forbid")

    message: str = "Message could not be sent"
    code: int | None = None
    http: int = Field(400, ge=400, le=599)


class RefusedNumber(Refusal):
    """A recipient that is always refused."""

    number: str
    message: str = "Recipient is not a WhatsApp user"
    code: int | None = 131026


class NextRefusals(Refusal):
    """The same error for the next `count` requests."""

    count: int = Field(1, ge=0)


class Switches(BaseModel):
    """Every switch, in the order in which a request meets them. Shares are drawn anew for each request."""

    model_config = ConfigDict(extra="forbid")

    seed: int | None = None
    """Makes the draws repeatable, from the moment it is set."""

    reset_before_read_share: Share = 0
    """TCP reset before the request is read."""
    unauthorized: Tokens = False
    """401 for all, or for these tokens (kept and shown as fingerprints)."""
    no_credits: Tokens = False
    """402 for all, or for these tokens."""
    unavailable_next: int = Field(0, ge=0)
    """503 for the next so many."""
    server_error_share: Share = 0
    server_error_status: Annotated[int, _one_of(500, 502, 503, 504)] = 500
    server_error_after_accept: bool = False
    """The server error is a lie: the message was accepted before it."""
    too_many_share: Share = 0
    """429 at random."""
    never_answer_unprocessed_share: Share = 0
    """Not accepted, and no answer until the client gives up."""
    refuse_in_2xx_share: Share = 0
    """A success status around a body that says no."""
    code_next: NextRefusals | None = None
    retry_after: float | None = Field(None, ge=0)
    """Seconds in the Retry-After of every 429 and 503; None leaves the header out."""

    limit: str = "20/60s"
    """The account's rate limit for each token, or `none` (Chat Mitra docs, AI Best Practices: 20 a minute)."""
    batch_max: int = Field(10, ge=1)
    """Longest `messages`; Chat Mitra names no maximum."""
    ten_digit_numbers: bool = False
    """True lets numbers of 10 digits pass, which are Indian ones without country code but also whole ones elsewhere."""
    refuse_numbers: list[Annotated[RefusedNumber, BeforeValidator(lambda value: _number(value))]] = []
    markers: bool = False
    """Certain recipients play a fault, see `MARKED_NUMBERS`."""

    silent_drop_share: Share = 0
    """Accepted, the client is told so, and the message never reaches the phone."""
    close_after_accept_share: Share = 0
    """Accepted, then the connection is closed without an answer."""
    never_answer_share: Share = 0
    """Accepted, and no answer until the client gives up."""
    reset_after_read_share: Share = 0
    """Accepted, then TCP reset."""
    half_answer_share: Share = 0
    """Accepted, then half an answer and the end of the connection."""
    success_status: Annotated[int, _one_of(200, 202)] = 202
    latency_ms: Milliseconds | tuple[Milliseconds, Milliseconds] = 0
    """Waits before the answer: a number, or [least, most]."""
    slow_drip_ms: Milliseconds = 0
    """Answers byte by byte with this pause between them."""
    keepalive_seconds: float = Field(65, gt=0)
    """Closes a connection that was idle for so long."""

    @field_validator("limit")
    @classmethod
    def _limit_is_spelled_right(cls, value: str) -> str:
        parse_limit(value)
        return value

    @field_validator("latency_ms")
    @classmethod
    def _latency_is_in_order(cls, value: float | tuple[float, float]) -> float | tuple[float, float]:
        if isinstance(value, tuple) and value[0] > value[1]:
            raise ValueError("must be [least, most]")
        return value


MARKED_NUMBERS = {
    "919000000001": "close_after_accept",
    "919000000002": "never_answer",
    "919000000003": "never_answer_unprocessed",
    "919000000004": "reset_after_read",
    "919000000005": "half_answer",
    "919000000006": "silent_drop",
    "919000000007": "refuse_in_2xx",
    "919000000429": "too_many",
    "919000000500": "server_error",
    "919000000503": "unavailable",
}
"""With `markers` on: recipient -> the fault that the first request with a content meets; a repeat of it passes."""


class Faults:
    """The switches as they stand now."""

    def __init__(self, start: Switches) -> None:
        self._start = start
        self.version = 0
        self.reset()

    def reset(self) -> None:
        """Back to what the process was started with."""
        self._set(self._start.model_copy(deep=True))

    def change(self, patch: dict[str, Any]) -> None:
        """Sets the named switches and leaves the others.

        Raises pydantic.ValidationError; nothing is changed then.
        """
        self._set(Switches.model_validate(self.switches.model_dump() | patch), reseed="seed" in patch)

    def happens(self, share: float) -> bool:
        """One draw; 0 draws nothing, so that an idle switch does not shift the draws of the others."""
        return share > 0 and self._random.random() < share

    def one_of(self, count: int) -> int:
        return self._random.randrange(count)

    def latency(self) -> float:
        """Seconds to wait before this answer."""
        wanted = self.switches.latency_ms
        return (self._random.uniform(*wanted) if isinstance(wanted, tuple) else wanted) / 1000

    def _set(self, switches: Switches, reseed: bool = True) -> None:
        self.switches = switches
        self.version += 1
        if reseed:
            self._random = Random(switches.seed)


def _fingerprints(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [fingerprint(token) if isinstance(token, str) else token for token in value]


def _number(value: Any) -> Any:
    return {"number": value} if isinstance(value, str) else value
