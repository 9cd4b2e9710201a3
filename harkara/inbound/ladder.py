"""What an event does to the state of its message: it only climbs."""

from __future__ import annotations

from harkara.inbound.events import Status
from harkara.states import State

RUNG: dict[State, int] = {State.SENT: 1, State.FAILED: 2, State.DELIVERED: 3, State.READ: 4}
"""Any other state is below all of these.

Events come late, twice and in any order, and `read` may come without `delivered` (Meta: status webhooks). The highest
rung wins, so their order is of no matter. `failed` stands above `sent`, since WhatsApp fails what it had taken, and
below `delivered`: of a message to several devices both may come, and then one has it (Meta: support).
"""


def fold(state: State, status: Status) -> State | None:
    """The state that the message goes to, or None when it stays where it is.

    That a message is about to be sent once more (waiting, queued, claimed, sending) does not hold evidence back: what
    has arrived, or has failed at WhatsApp, need not go out again. Its worker finds the claim gone.

    What was cancelled stays cancelled. Only a person calls a message so that may have left, and who drops one may have
    typed it in the dashboard since: the event may well be about that.
    """
    reached = State(status)
    if state is State.CANCELLED or RUNG[reached] <= RUNG.get(state, 0):
        return None
    return reached
