"""How a status event changes the state of its message: the state only goes up."""

from __future__ import annotations

from harkara.inbound.events import Status
from harkara.states import State

RANK: dict[State, int] = {State.SENT: 1, State.FAILED: 2, State.DELIVERED: 3, State.READ: 4}
"""Any other state ranks below these.

Events arrive late, twice and in any order, and `read` may arrive without `delivered` (Meta: status webhooks). The
highest rank wins, so that the order does not matter. `failed` ranks above `sent`, since WhatsApp can fail a message
that it has taken. It ranks below `delivered`: of a message to several devices both may arrive, and one device has it
(Meta: support).
"""


def next_state(state: State, status: Status) -> State | None:
    """Return the new state of a message, or None when the status does not change it.

    A message that is about to be sent again (waiting, queued, claimed, sending) changes too: what has arrived, or has
    failed at WhatsApp, must not be sent again. The worker then finds that its claim no longer holds.

    A cancelled message stays cancelled. Only an operator cancels a message that may have left, and may have typed it in
    the dashboard since; the event may be about that one.
    """
    reached = State(status)
    if state is State.CANCELLED or RANK[reached] <= RANK.get(state, 0):
        return None
    return reached
