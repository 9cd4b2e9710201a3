"""The dispatcher publishes no hints while workers leave the earlier ones in Redis."""

from __future__ import annotations

from harkara.delivery.dispatcher import MAX_HINTS, Dispatcher
from harkara.delivery.hints import Hints
from harkara.delivery.leased_rounds import Rounds
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.limits.limiter import Limiter
from harkara.redis_client import connect
from tests.integration.ledger.steps import accept_messages, reply, states_of


def test_messages_wait_in_the_ledger_while_their_hints_would_fill_redis(db: Database) -> None:
    published: list[str] = []
    waiting = [MAX_HINTS]
    with connect("redis://127.0.0.1:1/0", seconds=1) as redis:
        dispatcher = Dispatcher(
            db,
            Rounds(db, "worker", lambda name: 0.0),
            {"default": Lane("default", "token", None)},
            Limiter(redis, lambda lane, booking: []),
            Hints(lambda ids, *, urgent: published.extend(ids), 50),
            hints_waiting=waiting.pop,
            queued_seconds=10,
            depth=10,
        )
        ids = accept_messages(db, reply(1), reply(2))
        assert (dispatcher.dispatch(at_once=True), published) == (0, [])
        assert set(states_of(db, ids)) == {"waiting"}
        waiting.append(MAX_HINTS - 1)
        assert (dispatcher.dispatch(at_once=True), sorted(published)) == (2, sorted(ids))
