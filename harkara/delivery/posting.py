"""One POST to the provider, and the outcome that its answer means for the message."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from harkara.answers import NotSent, Provider, ProviderConnection
from harkara.delivery.booking import Booked
from harkara.delivery.breaker import Breaker
from harkara.delivery.fallback_rule import needs_window, replacement
from harkara.lanes import Lane
from harkara.ledger.messages.claim import Claimed
from harkara.outcomes import Outcome, Refused, Wait
from harkara.playbook import WINDOW_CLOSED, AttemptContext, Playbook

TOO_MANY_REQUESTS = "429"


class Posting:
    """Posts messages and judges the answers by the playbook.

    `slow` receives a lane and the seconds to hold it after an HTTP 429.
    """

    def __init__(
        self, provider: Provider, playbook: Playbook, lanes: Mapping[str, Lane], slow: Callable[[Lane, float], None]
    ) -> None:
        self._provider = provider
        self._playbook = playbook
        self._lanes = lanes
        self._slow = slow
        self._breaker = Breaker()
        self._random = random.Random()

    def connect(self, at: float) -> ProviderConnection:
        """Return an open connection for one POST at `at`; the POST says what failed."""
        return self._provider.connect(at)

    def post(self, booked: Booked, connection: ProviderConnection) -> Outcome | None:
        """POST a message in its slot; return its outcome, or None when the slot was missed and nothing was sent."""
        message, window, slot = booked
        lane = self._lanes[message.lane]
        answer = connection.post(lane.token, message.body, slot.missed)
        if answer is None:
            return None
        outcome = self._playbook.judge(
            answer, _context(message), self._random, window=window.window, evidence=lane.webhooks_enabled
        )
        if isinstance(outcome, Refused) and outcome.code == WINDOW_CLOSED:
            outcome = _replaced(message, lane, outcome)
        if isinstance(outcome, Wait) and outcome.code == TOO_MANY_REQUESTS:
            self._slow(lane, outcome.seconds or 0.0)
        return self._breaker.observe(lane.name, outcome, connected=not isinstance(answer, NotSent))


def _context(message: Claimed) -> AttemptContext:
    return AttemptContext(
        tries=message.tries + 1,
        waits=message.waits,
        waited_for=message.waited_for,
        resends=message.resends,
        category=message.category,
        raw=message.kind != "template",
        seconds_left=(message.expires_at - message.claimed_at).total_seconds(),
    )


def _replaced(message: Claimed, lane: Lane, refused: Refused) -> Outcome:
    """Replace raw messages only: a refused template would otherwise replace itself again and again."""
    if message.resends or not needs_window(message):
        return refused
    return replacement(message, lane, refused.status) or refused
