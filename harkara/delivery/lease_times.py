"""How long a message may stay in each state that a worker owns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leases:
    """Seconds after which the sweep takes a message back from each state.

    `claimed` covers the wait for a slot; `sending` covers the HTTP timeouts and the record after them. A thread that
    reaches the POST later than `unsent` seconds after it began gives the message up.
    """

    queued: float = 10.0
    claimed: float = 10.0
    sending: float = 30.0
    unsent: float = 5.0
