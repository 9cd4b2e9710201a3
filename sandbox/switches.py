"""The switches: every fault and every variation of behavior."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from sandbox.history import fingerprint
from sandbox.limit import parse_limit
from sandbox.model.answers import Behavior

_PRINTABLE_ASCII = re.compile(r"[!-~]+")


def _one_of(*allowed: int) -> AfterValidator:
    def check(value: int) -> int:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(map(str, allowed))}")
        return value

    return AfterValidator(check)


Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0)]
Delay = Annotated[Milliseconds | tuple[Milliseconds, Milliseconds], AfterValidator(lambda value: _check_order(value))]
"""A number of milliseconds, or [least, most]."""
Tokens = Annotated[bool | list[str], BeforeValidator(lambda value: _fingerprints(value))]


class Refusal(BaseModel):
    """An error response: a sentence, and WhatsApp's code for it where there is one."""

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
    """A recipient whose messages are accepted and then fail, which only an event reports."""

    model_config = ConfigDict(extra="forbid")

    number: str
    code: int = 131026


class NextRefusals(Refusal):
    """The same error for the next `count` requests."""

    count: int = Field(1, ge=0)


class Switches(BaseModel):
    """Every switch, in the order of processing: the request, then its messages, then their webhooks.

    A share is a probability from 0 to 1, drawn anew each time.
    """

    model_config = ConfigDict(extra="forbid")

    seed: int | None = None
    """Makes the draws repeatable from now on."""

    reset_before_read_share: Share = 0
    """Resets the TCP connection before it reads the request."""
    unauthorized: Tokens = False
    """Responds 401 to every token, or to these (kept and shown as fingerprints)."""
    no_credits: Tokens = False
    """Responds 402 to every token, or to these."""
    unavailable_next: int = Field(0, ge=0)
    """Responds 503 to this many requests."""
    server_error_share: Share = 0
    server_error_status: Annotated[int, _one_of(500, 502, 503, 504)] = 500
    server_error_after_accept: bool = False
    """Accepts the message before the server error, which is therefore wrong."""
    too_many_share: Share = 0
    """Responds 429 at random."""
    never_answer_unprocessed_share: Share = 0
    """Does not accept, and does not respond until the client gives up."""
    refuse_in_2xx_share: Share = 0
    """Does not accept, and says so in the body under a success status."""
    code_next: NextRefusals | None = None
    retry_after: float | None = Field(None, ge=0)
    """Seconds in the Retry-After header of every 429 and 503; None leaves the header out."""

    limit: str = "20/60s"
    """The rate limit of each token, or `none` (Chat Mitra docs, AI Best Practices: 20 a minute)."""
    batch_max: int = Field(10, ge=1)
    """The maximum length of `messages`; Chat Mitra documents none."""
    ten_digit_numbers: bool = False
    """Accepts numbers of 10 digits: Indian ones without the country code, complete ones in other countries."""
    refuse_numbers: list[Annotated[RefusedNumber, BeforeValidator(lambda value: _as_number(value))]] = []
    markers: bool = False
    """Gives the recipients in `MARKED_NUMBERS` their fault."""

    silent_drop_share: Share = 0
    """Accepts and responds with success; the message never reaches the phone."""
    close_after_accept_share: Share = 0
    """Accepts, then closes the connection without a response."""
    never_answer_share: Share = 0
    """Accepts, and does not respond until the client gives up."""
    reset_after_read_share: Share = 0
    """Accepts, then resets the TCP connection."""
    half_answer_share: Share = 0
    """Accepts, then sends half a response and closes the connection."""
    success_status: Annotated[int, _one_of(200, 202)] = 202
    latency_ms: Delay = 0
    """Time before the response."""
    slow_drip_ms: Milliseconds = 0
    """Pause after each byte of the response."""
    keepalive_seconds: float = Field(65, gt=0)
    """Idle time after which the sandbox closes a connection."""

    webhook_url: str = ""
    """Where the events go; empty sends none, and every accepted message counts as delivered."""
    webhook_secret: SecretStr = SecretStr("")
    """The secret of the signatures, never shown; empty sends webhooks without a signature."""
    sent_after_ms: Delay = 200
    """Time from accepted to `message.sent` or `message.failed`."""
    delivered_after_ms: Delay = 500
    """Time from sent to delivered."""
    read_after_ms: Delay = 2_000
    """Time from delivered to read."""
    read_share: Share = 1
    """Share of the delivered messages that are read."""
    fail_share: Share = 0
    """Accepts, then sends `message.failed` instead of `message.sent`."""
    fail_code: int = 131026
    fail_numbers: list[Annotated[FailedNumber, BeforeValidator(lambda value: _as_number(value))]] = []
    """Recipients whose messages all fail, each with its own code."""
    window: bool = False
    """Fails raw messages with 131047 when the customer has not written within 24 hours."""
    sent_before_failed: bool = False
    """Sends `message.failed` instead of delivered, after `message.sent`."""
    job_id_in_events: bool = False
    """Puts the request's `jobId` into its events; no known event of Chat Mitra has it."""

    webhook_delay_ms: Delay = 0
    """Time before each webhook."""
    webhook_loss_share: Share = 0
    """Does not send the webhook."""
    webhook_duplicate_share: Share = 0
    """Sends the webhook twice."""
    webhook_reorder_share: Share = 0
    """Sends the webhook after the customer's next event, or after 3 seconds."""
    webhook_wrong_signature_share: Share = 0
    """Signs with another secret, drawn for each try."""
    webhook_retry_ms: Milliseconds = 1_000
    """Time from the first try to the second; the third and last follows after twice that time."""
    webhook_timeout_ms: Milliseconds = 10_000
    """How long a try waits for its response."""

    model_behavior: Behavior = "grounded"
    """How the stand-in of a language model answers."""
    model_structured: bool = True
    """Accepts a JSON schema for the answer; some servers respond 400 to it."""
    model_latency_ms: Delay = 0
    """Time before the model's response."""
    model_wrong_keys: Annotated[list[str], BeforeValidator(lambda value: _fingerprints(value))] = []
    """Responds 401 to these keys (kept and shown as fingerprints)."""
    model_too_many_share: Share = 0
    """Responds 429, with `retry_after`."""
    model_error_share: Share = 0
    model_error_status: Annotated[int, _one_of(500, 502, 503, 504)] = 500
    model_reset_share: Share = 0
    """Resets the TCP connection instead of a response."""
    model_half_answer_share: Share = 0
    """Sends half a response and closes the connection."""
    model_never_answer_share: Share = 0
    """Does not respond until the client gives up."""

    @field_validator("limit")
    @classmethod
    def _check_limit(cls, value: str) -> str:
        parse_limit(value)
        return value

    @field_validator("webhook_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        parts = urlsplit(value)
        complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if value and not (complete and _PRINTABLE_ASCII.fullmatch(value)):
            raise ValueError("must be an http or https URL, or empty")
        return value


def _fingerprints(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [fingerprint(token) if isinstance(token, str) else token for token in value]


def _check_order(value: float | tuple[float, float]) -> float | tuple[float, float]:
    if isinstance(value, tuple) and value[0] > value[1]:
        raise ValueError("must be [least, most]")
    return value


def _as_number(value: Any) -> Any:
    return {"number": value} if isinstance(value, str) else value
