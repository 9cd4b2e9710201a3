"""Commands of an operator or the application: cancel, resolve, find, list."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from harkara.errors import Conflict, NotFound
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.commands import Decision, cancel, resolve
from harkara.ledger.messages.queries import find_id, get_status
from harkara.ledger.messages.search import MessageFilter, list_messages
from harkara.outcomes import Uncertain, Wait
from harkara.states import State
from tests.integration.ledger.steps import (
    ACCEPTED,
    DAY,
    LOST,
    PARKED,
    accept_messages,
    age_messages,
    begin_posts,
    claim_messages,
    marketing,
    otp,
    record_outcome,
    reply,
    row,
    run_sweep,
    send_message,
    states_of,
    trace_of,
)
from tests.message_states import count_by_state


def test_unsent_messages_are_cancelled_with_the_name_of_the_operator(db: Database) -> None:
    waiting, claimed, sending = accept_messages(db, reply(1), reply(2), reply(3))
    begin_posts(db, *claim_messages(db, sending))
    claim_messages(db, claimed)
    accepted = send_message(db, reply(4))
    assert sorted(cancel(db, [waiting, claimed, sending, accepted], by="Asha")) == sorted([waiting, claimed])
    assert states_of(db, [waiting, claimed, sending, accepted]) == ["cancelled", "cancelled", "sending", "accepted"]
    assert row(db, waiting)["reason"] == "cancelled by Asha"
    assert trace_of(db, waiting) == ["cancelled"]
    assert cancel(db, [waiting], by="Asha") == []
    assert audit(db).clean


def test_a_worker_with_a_cancelled_message_sends_and_writes_nothing(db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    cancel(db, [claimed.id], by="Asha")
    assert begin_posts(db, claimed) == set()
    record_outcome(db, claimed, Wait(5, "lane-limit", "No slot"), posted=False)
    assert row(db, claimed.id)["state"] == "cancelled"


@pytest.mark.parametrize(
    ("decision", "state"), [("sent", "accepted"), ("resend", "waiting"), ("drop", "cancelled")], ids=lambda v: v
)
@pytest.mark.parametrize("outcome", [LOST, PARKED], ids=["uncertain", "parked"])
def test_an_operator_resolves_an_uncertain_or_a_parked_message(
    db: Database, outcome: Uncertain | Wait, decision: Decision, state: str
) -> None:
    identity = send_message(db, reply(), outcome)
    assert resolve(db, identity, decision, by="Asha") == state
    kept = row(db, identity)
    assert (kept["state"], "Asha" in kept["reason"]) == (state, True)
    assert kept["maybe_duplicate"] == (decision == "resend" and outcome is LOST)
    assert audit(db).clean
    if decision == "resend":
        assert [one.id for one in claim_messages(db, identity)] == [identity]


def test_a_message_that_needs_no_decision_cannot_be_resolved(db: Database) -> None:
    (waiting,) = accept_messages(db, reply(1))
    for identity in (waiting, send_message(db, reply(2))):
        with pytest.raises(Conflict, match="only an uncertain or a parked one"):
            resolve(db, identity, "drop", by="Asha")
    with pytest.raises(NotFound):
        resolve(db, reply().id, "drop", by="Asha")


def test_an_erased_message_is_not_sent_again(db: Database) -> None:
    identity = send_message(db, reply(), LOST)
    age_messages(db, 2 * DAY)
    run_sweep(db, retention=DAY)
    with pytest.raises(Conflict, match="erased"):
        resolve(db, identity, "resend", by="Asha")


def test_a_decision_and_a_concurrent_answer_leave_a_consistent_message(db: Database) -> None:
    for n in range(12):
        (claimed,) = claim_messages(db, *accept_messages(db, reply(n)))
        begin_posts(db, claimed)
        record_outcome(db, claimed, LOST)
        with ThreadPoolExecutor(2) as threads:
            answer = threads.submit(record_outcome, db, claimed, ACCEPTED)
            decision = threads.submit(resolve, db, claimed.id, "drop", "Asha")
            answer.result()
            refused = decision.exception()
        assert row(db, claimed.id)["state"] == ("accepted" if refused else "cancelled")
    assert audit(db).findings == []


def test_an_answer_after_the_drop_stays_in_the_trace(db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    begin_posts(db, claimed)
    age_messages(db, 31)
    run_sweep(db)
    resolve(db, claimed.id, "drop", by="Asha")
    record_outcome(db, claimed, ACCEPTED)
    found = get_status(db, claimed.id)
    assert found["state"] == "cancelled"
    assert [line["event"] for line in found["trace"]][-1] == "accepted"
    assert audit(db).clean


def test_a_message_is_found_by_id_and_by_reference(db: Database) -> None:
    (identity,) = accept_messages(db, reply(reference="order 7"))
    assert find_id(db, identity) == find_id(db, "order 7") == find_id(db, "order 7", "default") == identity
    for key, lane in (("order 8", None), ("order 7", "other"), ("", None)):
        with pytest.raises(NotFound):
            find_id(db, key, lane)


def test_the_status_has_every_step_and_no_personal_data(db: Database) -> None:
    (identity,) = accept_messages(db, reply(7, reference="order 7"))
    for outcome in (Wait(0, "429", "Too fast", status=429), ACCEPTED):
        (claimed,) = claim_messages(db, identity)
        begin_posts(db, claimed)
        record_outcome(db, claimed, outcome)
    found = get_status(db, identity)
    assert (found["state"], found["reference"], found["flags"], found["tries"]) == ("accepted", "order 7", [], 1)
    assert [(one["n"], one["outcome"]) for one in found["attempts"]] == [(1, "wait"), (2, "accepted")]
    assert [line["event"] for line in found["trace"]] == [
        *("accepted here", "claimed", "posted"),
        *("wait", "waiting", "claimed", "posted", "accepted"),
    ]
    assert "9876500007" not in str(found)
    assert "table" not in str(found)
    with pytest.raises(NotFound):
        get_status(db, reply().id)


def test_lists_are_newest_first_and_filtered(db: Database) -> None:
    ids = accept_messages(db, reply(1), otp(2), marketing(3, producer="sales", lane="other"))
    cancel(db, [ids[0]], by="Asha")
    assert [one["id"] for one in list_messages(db)] == ids[::-1]
    assert [one["id"] for one in list_messages(db, limit=1, before=ids[2])] == [ids[1]]
    wanted = MessageFilter(
        lane="other",
        producer="sales",
        template="spring_sale",
        recipients=["919876500003"],
        states=[State.WAITING],
    )
    assert [one["id"] for one in list_messages(db, wanted)] == [ids[2]]
    assert [one["id"] for one in list_messages(db, MessageFilter(code="cancelled"))] == [ids[0]]
    assert list_messages(db, MessageFilter(flagged=True)) == []
    assert count_by_state(db) == {"default": {"cancelled": 1, "waiting": 1}, "other": {"waiting": 1}}
