"""The outcomes of one attempt to send a message: values that the ledger matches once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["lane", "template", "recipient"]


@dataclass(frozen=True, slots=True)
class Pause:
    """Holds a whole lane, a template or a recipient of one lane for `seconds`; None until an operator lifts it."""

    scope: Scope
    seconds: float | None
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Chat Mitra accepted the message; `job_id` is its own id of it, if it returned one."""

    job_id: str | None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """The message cannot be sent now, and is due again after `seconds`.

    With None it waits for an operator, or for its deadline. `spent` says whether the POST counts as an attempt: limits,
    quiet hours, parked lanes and HTTP 429 use up none, since waiting is not failing.
    """

    seconds: float | None
    code: str
    reason: str
    spent: bool = False
    status: int | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Final: the message will never be sent. `text` is the provider's; `advice` is a sentence with the next step."""

    code: str
    text: str
    advice: str
    status: int | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A gate found that the message must not be sent any more."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The 24-hour window is closed: the fallback of the message replaces it, else the template `reengage`.

    It contains neither number nor text: the ledger has them and writes the replacement.
    """

    code: str
    reason: str
    reengage: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Chat Mitra may or may not have the message.

    After `resend_after` seconds the policy of the message's category sends it once more, flagged as a possible
    duplicate; None never does. With `on_evidence` it does so only if webhooks have shown by then that the message did
    not arrive.
    """

    code: str
    reason: str
    resend_after: float | None
    status: int | None = None
    on_evidence: bool = False


Outcome = Accepted | Wait | Refused | Cancelled | Replaced | Uncertain
