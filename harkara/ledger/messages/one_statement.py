"""The usual writes of a group commit, accepted messages and begin requests, as one prepared statement of PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harkara.ledger.database import Database
from harkara.ledger.messages.begin import ATTEMPT, BEGIN, OPEN_ATTEMPT_OF_HELD, BeginRequest, attempt_rows, lease_until
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.record import ACCEPT, ANSWER, CLOSE_ATTEMPT, answer_row
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
    begun = {request.claimed.id for request in requests}
    return all(
        result.posted
        and isinstance(result.outcome, Accepted)
        and (not result.halted or result.lane in working_lanes)
        and result.id not in begun
        for result in results
    )


def write_in_one_statement(
    db: Database, requests: Sequence[BeginRequest], results: Sequence[ClaimResult]
) -> set[tuple[str, int]]:
    """Do what `record` and `begin` do, and commit it; return the ids and epochs of the messages that have begun.

    PostgreSQL plans the statement once in each session. The transaction of `record` plans each of its statements anew,
    which takes more CPU than their execution, and has four more round trips.
    """
    now = db.now()
    rows = [answer_row(result) for result in sorted(results, key=lambda result: result.id)]
    if len(rows) + len(requests) == 1:
        rows = [_NOTHING | row for row in rows]  # a lone row has all columns
    lease = lease_until(requests, now) if requests else now
    return set(db.execute_each(_WRITE, _COLUMNS, rows + attempt_rows(requests), now=now, lease=lease))


_COLUMNS = ATTEMPT | ANSWER
_NOTHING = dict.fromkeys(_COLUMNS)
_ANSWERS, _REQUESTS = (f"(SELECT * FROM given WHERE outcome IS {kind}) AS each" for kind in ("NOT NULL", "NULL"))
_WRITE = f"""
WITH given AS MATERIALIZED (SELECT * FROM {{each}}),
accepted AS ({ACCEPT.format(each=_ANSWERS)}), closed AS ({CLOSE_ATTEMPT.format(each=_ANSWERS)}),
held AS ({BEGIN.format(each=_REQUESTS)}), opened AS ({OPEN_ATTEMPT_OF_HELD.format(each=_REQUESTS)})
SELECT id, epoch FROM held
"""
