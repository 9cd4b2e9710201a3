"""What became of one try to send a message: values, matched once by the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["lane", "template", "recipient"]


@dataclass(frozen=True, slots=True)
class Pause:
    """Holds back a whole lane, a template or a recipient of one lane.

    `seconds` is how long; None is until an operator lifts it (a parked lane).
    """

    scope: Scope
    seconds: float | None
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Chat Mitra took the message; `job_id` is its name for it, if it gave one."""

    job_id: str | None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: the message is due again after `seconds`.

    None waits for an operator (or the message's deadline). `spent` says whether the try counts as an attempt:
    waiting is not failing, so limits, quiet hours, closed lanes and HTTP 429 spend nothing.
    """

    seconds: float | None
    code: str
    reason: str
    spent: bool = False
    status: int | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Final: will never go out. `text` is the provider's own, `advice` one plain sentence with the next step."""

    code: str
    text: str
    advice: str
    status: int | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A gate found that the message must not go out any more."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The 24-hour window is closed: the message goes as its fallback, else as the template `reengage`.

    Neither number nor text is in it: the ledger, which has them, puts the other one in the message's place.
    """

    code: str
    reason: str
    reengage: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Chat Mitra may or may not have the message.

    `resend_after` is the number of seconds after which the policy of the message's category sends it once more,
    flagged as a possible duplicate; None never does. With `on_evidence` it does so only if webhooks have shown by then
    that the message did not arrive.
    """

    code: str
    reason: str
    resend_after: float | None
    status: int | None = None
    on_evidence: bool = False


Outcome = Accepted | Wait | Refused | Cancelled | Replaced | Uncertain
