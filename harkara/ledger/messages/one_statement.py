"""The usual writes of a group commit, accepted messages and begin requests, as one prepared statement of PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harkara.ledger.database import Database
from harkara.ledger.messages.begin import (
    ATTEMPT,
    BEGIN,
    OPEN_ATTEMPT_OF_HELD,
    TIMELINES,
    BeginRequest,
    Begun,
    attempt_rows,
    begun,
    lease_until,
)
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.record import ACCEPT, ANSWER, CLOSE_ATTEMPT, answer_row, record
from harkara.outcomes import Accepted


def is_one_statement(
    db: Database, requests: Sequence[BeginRequest], results: Sequence[ClaimResult], working_lanes: Collection[str]
) -> bool:
    """Return whether `write_in_one_statement` writes all that `record` and `begin` would write.

    While anything is halted, an answer of another lane may end a halt. A message that is in both could only be written
    once.
    """
    if db.sqlite or db.callbacks_enabled:
        return False
    requested = {request.claimed.id for request in requests}
    return all(
        result.posted
        and isinstance(result.outcome, Accepted)
        and (not result.halted or result.lane in working_lanes)
        and result.id not in requested
        for result in results
    )


def write_in_one_statement(
    db: Database, requests: Sequence[BeginRequest], results: Sequence[ClaimResult], *, with_timeline: bool = False
) -> Begun:
    """Do what `record` and `begin` do, and commit it; return what has begun.

    PostgreSQL plans the statement once in each session. The transaction of `record` plans each of its statements anew,
    which takes more CPU than their execution, and has four more round trips.
    """
    now = db.now()
    answers = rows = [answer_row(result) for result in sorted(results, key=lambda result: result.id)]
    if len(rows) + len(requests) == 1:
        rows = [_NOTHING | row for row in rows]  # a lone row has all columns
    lease = lease_until(requests, now) if requests else now
    written = db.execute_each(_WRITE[with_timeline], _COLUMNS, rows + attempt_rows(requests), now=now, lease=lease)
    if written[0][3] < len(answers):
        with db.write() as tx:
            record(tx, results)  # the ledger has lost an attempt, which is brought back
    return begun([row[:3] for row in written if row[0] is not None], now)


_COLUMNS = ATTEMPT | ANSWER
_NOTHING = dict.fromkeys(_COLUMNS)
_ANSWERS, _REQUESTS = (f"(SELECT * FROM given WHERE outcome IS {kind}) AS each" for kind in ("NOT NULL", "NULL"))
_PRESENT = "(SELECT * FROM closed WHERE closed_as <> 'replaced') AS each"
# All other parts read `given`, so the messages are locked by id, and each before its attempt (see
# `harkara.ledger.lock_order`). `accepted` knows from `closed` which POSTs an event has replaced: a query would see
# attempts as they were when the statement began, before it waited for the lock of the event.
_WRITE = tuple(
    f"""
WITH given AS MATERIALIZED (
    SELECT each.* FROM {{each}} JOIN message ON message.id = each.id
    ORDER BY message.id FOR NO KEY UPDATE OF message
),
closed AS ({CLOSE_ATTEMPT.format(each=_ANSWERS)} RETURNING each.*, attempt.outcome AS closed_as),
accepted AS ({ACCEPT.format(each=_PRESENT)}),
held AS ({BEGIN.format(each=_REQUESTS)}), opened AS ({OPEN_ATTEMPT_OF_HELD.format(each=_REQUESTS)})
SELECT id, epoch, {timeline}, number FROM (SELECT count(*) AS number FROM closed) AS answered LEFT JOIN held ON true
"""
    for timeline in TIMELINES
)
"""Returns at least one row, with the number of the attempts that were closed."""
