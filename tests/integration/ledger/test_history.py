"""Messages that are older than the history are deleted with all that is theirs, and nothing that is still needed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import islice

from sqlalchemy import insert, select, text, update
from sqlalchemy.event import listen, remove

from harkara.delivery.history import HistoryDeletion
from harkara.ledger import history
from harkara.ledger.audit import audit
from harkara.ledger.campaigns.figures import get_figures
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.queries import get_campaign, get_progress
from harkara.ledger.campaigns.results import get_results
from harkara.ledger.charges.spend_sums import add_to_sums
from harkara.ledger.database import Database
from harkara.ledger.history import delete_history, find_history
from harkara.ledger.restore import latest_posts
from harkara.ledger.tables import alias, attempt, charge, message, occasion, replaced_post, trace, turn
from harkara.outcomes import Cancelled
from harkara.states import State
from tests.integration.ledger.bulk import fill
from tests.integration.ledger.campaigns import REFUSED, SETTINGS, send_due, start_campaign
from tests.integration.ledger.money import delivered, template
from tests.integration.ledger.occasions import save, visit
from tests.integration.ledger.steps import (
    DAY,
    LOST,
    accept_messages,
    claim_messages,
    record_outcome,
    reply,
    row,
    run_sweep,
)
from tests.integration.ledger.steps import send_message as send
from tests.integration.ledger.test_audit_slices import rows_read
from tests.integration.ledger.test_search_plans import explained

A_MINUTE_LATER = -60.0
"""A history that makes everything old that has happened up to now."""


def delete_old(db: Database, seconds: float = A_MINUTE_LATER) -> Counter[str]:
    return sum(delete_history(db, seconds), Counter[str]())


def messages(db: Database) -> set[str]:
    with db.read() as tx:
        return set(tx.execute(select(message.c.id)).scalars())


def pass_deadlines(db: Database) -> None:
    with db.write() as tx:
        tx.execute(update(message).values(expires_at=tx.now - timedelta(seconds=1)))


def test_an_old_message_goes_with_all_that_is_its_own_and_its_charge_stays(db: Database) -> None:
    old, last = delivered(db, template(0, reference="order-1"), "job-0"), delivered(db, template(1), "job-1")
    other = {"id": "job_" + "f" * 32, "message_id": old}
    with db.write() as tx:
        tx.execute(insert(alias), other)
        tx.execute(insert(replaced_post), {"lane": "default", "kind": "job", "value": "j", "message_id": old})
    pass_deadlines(db)
    assert delete_old(db, DAY) == Counter()
    expected = find_history(db, A_MINUTE_LATER)
    assert (expected.deletable["message"], expected.deletable["attempt"], expected.kept) == (1, 1, 1)
    assert delete_old(db) == expected.deletable
    assert messages(db) == {last}
    with db.read() as tx:
        for table in (attempt, trace, alias, replaced_post):
            assert set(tx.execute(select(table.c.message_id)).scalars()) <= {last}
        assert set(tx.execute(select(charge.c.message_id)).scalars()) == {old, last}
    while add_to_sums(db):
        pass
    assert audit(db).clean
    assert accept_messages(db, template(0, reference="order-1")) not in ([old], [])


def test_what_is_not_done_or_may_still_be_needed_stays(db: Database) -> None:
    waiting, lost, early = accept_messages(db, reply(0))[0], send(db, reply(1), LOST), send(db, reply(2))
    save(db, visit())
    reminders = messages(db) - {waiting, lost, early}
    with db.write() as tx:
        tx.execute(update(message).where(message.c.id.in_(reminders)).values(state="cancelled", code="operator"))
        tx.execute(update(message).where(message.c.id != early).values(expires_at=tx.now - timedelta(seconds=1)))
    assert reminders
    assert delete_old(db) == Counter()
    with db.write() as tx:
        tx.execute(update(occasion).values(at=tx.now - timedelta(days=1), follow_up_until=None))
    assert delete_old(db)["message"] == len(reminders)
    assert messages(db) == {waiting, lost, early}


def test_the_last_post_of_a_lane_stays_by_which_a_restored_ledger_is_recognized(db: Database) -> None:
    sent = [send(db, reply(n, lane=lane)) for n, lane in enumerate(("default", "north", "default", "north"))]
    pass_deadlines(db)
    before = latest_posts(db, ["default", "north"])
    assert delete_old(db)["message"] == 2
    assert messages(db) == set(sent[2:])
    assert latest_posts(db, ["default", "north"]) == before


def test_the_results_of_a_campaign_stay_those_of_all_its_messages(db: Database) -> None:
    identity = start_campaign(db, 6)
    send_due(db, REFUSED, most=2)
    send_due(db, most=3)
    (left,) = {each for each in messages(db) if row(db, each)["state"] == "waiting"}
    record_outcome(db, claim_messages(db, left)[0], Cancelled("opted-out", "Opted out."), posted=False)
    pass_deadlines(db)
    assert delete_old(db) == Counter(), "it is not over"
    assert advance_campaigns(db)["finished"] == 1
    assert run_sweep(db, retention=0)["erased"] == 6
    found = get_campaign(db, identity)
    before = get_results(db, identity), get_progress(db, identity), get_figures(db, found, SETTINGS)
    assert delete_old(db)["message"] == 5
    after = get_results(db, identity), get_progress(db, identity), get_figures(db, found, SETTINGS)
    assert (after[0].by_state, after[0].failures) == (before[0].by_state, before[0].failures)
    assert (after[1].by_state, after[1].by_code) == (before[1].by_state, before[1].by_code)
    assert after[2] == before[2]
    assert after[2].cost
    assert (before[0].deleted, after[0].deleted, after[0].by_state[State.FAILED]) == (0, 5, 2)
    assert audit(db).clean


def test_a_turn_goes_after_its_message(db: Database) -> None:
    first, last = send(db, reply(0)), send(db, reply(1))
    with db.write() as tx:
        fixed = {"lane": "default", "person": "person_1", "at": tx.now, "outcome": "sent", "source": "faq"}
        turns = [{"id": f"turn_0{n}", "revision": n, "message_id": each} for n, each in enumerate((first, last))]
        tx.execute(insert(turn), [fixed | each for each in turns])
    pass_deadlines(db)
    assert delete_old(db)["turn"] == 1
    with db.read() as tx:
        assert tx.execute(select(turn.c.message_id)).scalars().all() == [last]


def test_a_deletion_that_dies_between_batches_leaves_a_clean_ledger_and_another_one_goes_on(db: Database) -> None:
    fill_failed(db, 2 * history.MAX_ROWS)
    (first,) = islice(delete_history(db, A_MINUTE_LATER), 1)
    assert 0 < first["message"] <= history.MAX_ROWS
    assert audit(db).clean
    assert HistoryDeletion(db, None).round(0.0) == Counter()
    deletion = HistoryDeletion(db, A_MINUTE_LATER)
    rounds = [deletion.round(0.0) for _ in range(4)]  # each ends after one batch
    assert first["message"] + sum(each["deleted-message"] for each in rounds) == 2 * history.MAX_ROWS
    assert len(messages(db)) == 1, "the last POST of the lane"
    assert audit(db).clean


def test_a_batch_that_fails_deletes_nothing_of_its_messages(db: Database) -> None:
    fill_failed(db, 10)

    def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM message"):
            raise ConnectionError

    listen(db.engine, "before_cursor_execute", fail)
    try:
        deletion = delete_history(db, A_MINUTE_LATER)
        assert isinstance(_error_of(deletion), ConnectionError)
    finally:
        remove(db.engine, "before_cursor_execute", fail)
    with db.read() as tx:
        assert len(tx.execute(select(trace.c.message_id)).all()) >= 10
    assert audit(db).clean


def test_a_batch_reads_a_limited_number_of_rows(db: Database) -> None:
    fill_failed(db, 3 * history.MAX_ROWS)
    with db.write() as tx:
        tx.execute(text("ANALYZE"))
    if db.sqlite:
        with explained(db) as plans:
            delete_old(db)
        assert len(plans) > 12
        assert [plan for plan in plans if plan & {"message", "attempt", "trace", "alias", "replaced_post"}] == []
        return
    with rows_read(db) as numbers:  # of the transactions that write
        delete_old(db)
    assert len(numbers) >= 6
    assert max(numbers) <= history.MAX_ROWS


def fill_failed(db: Database, rows: int) -> None:
    """Write so many failed messages, each with its trace, and one more that was sent."""
    pattern, sent = send(db, reply(0), REFUSED), send(db, reply(1))
    fill(db, pattern, rows - 1)
    with db.write() as tx:
        tx.execute(
            text(f"""INSERT INTO attempt (message_id, epoch, lane, weight, worker, gates, claimed_at, started_at)
            SELECT message.id, attempt.epoch, attempt.lane, 1, 'worker', 'passed', claimed_at, started_at
            FROM message, attempt WHERE message.id LIKE 'copy%' AND attempt.message_id = '{pattern}'""")
        )
        tx.execute(
            text(f"""INSERT INTO trace (message_id, at, event) SELECT message.id, trace.at, trace.event
            FROM message, trace WHERE message.id LIKE 'copy%' AND trace.message_id = '{pattern}'""")
        )
        tx.execute(text("UPDATE attempt SET outcome = 'refused', ended_at = started_at WHERE message_id LIKE 'copy%'"))
        tx.execute(update(message).values(expires_at=tx.now - timedelta(seconds=1)))
    assert sent


def _error_of(batches: object) -> Exception | None:
    try:
        list(batches)  # type: ignore[call-overload]
    except Exception as error:
        return error
    return None
