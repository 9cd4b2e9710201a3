"""The switches: everything that can be made to go wrong, or to go differently."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from sandbox.history import fingerprint
from sandbox.limit import parse_limit

_PLAIN = re.compile(r"[!-~]+")


def _one_of(*allowed: int) -> AfterValidator:
    def check(value: int) -> int:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(map(str, allowed))}")
        return value

    return AfterValidator(check)


Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0)]
Span = Annotated[Milliseconds | tuple[Milliseconds, Milliseconds], AfterValidator(lambda value: _in_order(value))]
"""A number of milliseconds, or [least, most]."""
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


class FailedNumber(BaseModel):
    """A recipient to whom nothing can be delivered, which only an event tells."""

    model_config = ConfigDict(extra="forbid")

    number: str
    code: int = 131026


class NextRefusals(Refusal):
    """The same error for the next `count` requests."""

    count: int = Field(1, ge=0)


class Switches(BaseModel):
    """Every switch, in the order in which a request, then its messages, then their webhooks meet them.

    Shares are drawn anew for each of these.
    """

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
    refuse_numbers: list[Annotated[RefusedNumber, BeforeValidator(lambda value: _numbered(value))]] = []
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
    latency_ms: Span = 0
    """Waits before the answer."""
    slow_drip_ms: Milliseconds = 0
    """Answers byte by byte with this pause between them."""
    keepalive_seconds: float = Field(65, gt=0)
    """Closes a connection that was idle for so long."""

    webhook_url: str = ""
    """Where events go; empty makes none, and accepted messages just arrive."""
    webhook_secret: SecretStr = SecretStr("")
    """What webhooks are signed with, shown to nobody; empty sends them unsigned."""
    sent_after_ms: Span = 200
    """From accepting to `message.sent` or `message.failed`."""
    delivered_after_ms: Span = 500
    """From sent to delivered."""
    read_after_ms: Span = 2_000
    """From delivered to read."""
    read_share: Share = 1
    """The others stay delivered."""
    fail_share: Share = 0
    """Accepted, then `message.failed` in the place of sent."""
    fail_code: int = 131026
    fail_numbers: list[Annotated[FailedNumber, BeforeValidator(lambda value: _numbered(value))]] = []
    """Recipients to whom every message fails so, each with a code of its own."""
    window: bool = False
    """Raw messages to somebody who did not write within 24 hours fail with 131047."""
    sent_before_failed: bool = False
    """`message.failed` comes in the place of delivered."""
    job_id_in_events: bool = False
    """Events about a request's messages carry its `jobId`; no known event of Chat Mitra does."""

    webhook_delay_ms: Span = 0
    """Waits before each webhook."""
    webhook_loss_share: Share = 0
    """Never sent."""
    webhook_duplicate_share: Share = 0
    """Sent twice."""
    webhook_reorder_share: Share = 0
    """Held back until the next event of the same customer was sent, or for 3 seconds."""
    webhook_wrong_signature_share: Share = 0
    """Signed with another secret; drawn for each try."""
    webhook_retry_ms: Milliseconds = 1_000
    """From the first try to the second; twice as long to the third, which is the last."""
    webhook_timeout_ms: Milliseconds = 10_000
    """How long a try waits for its answer."""

    @field_validator("limit")
    @classmethod
    def _limit_is_spelled_right(cls, value: str) -> str:
        parse_limit(value)
        return value

    @field_validator("webhook_url")
    @classmethod
    def _url_can_be_called(cls, value: str) -> str:
        parts = urlsplit(value)
        reaches = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if value and not (reaches and _PLAIN.fullmatch(value)):
            raise ValueError("must be an http or https URL, or empty")
        return value


def _fingerprints(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [fingerprint(token) if isinstance(token, str) else token for token in value]


def _in_order(value: float | tuple[float, float]) -> float | tuple[float, float]:
    if isinstance(value, tuple) and value[0] > value[1]:
        raise ValueError("must be [least, most]")
    return value


def _numbered(value: Any) -> Any:
    return {"number": value} if isinstance(value, str) else value
