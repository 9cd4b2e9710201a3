"""Audit: an intact ledger is clean, and every kind of damage is found."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from harkara.ledger.audit import MAX_IDS, audit
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import LedgerError
from harkara.ledger.messages.commands import cancel, resolve
from harkara.outcomes import Refused, Uncertain
from harkara.states import State
from tests.integration.ledger.steps import (
    LOST,
    PARKED,
    accept_messages,
    age_messages,
    begin_posts,
    claim_messages,
    dispatch_all,
    marketing,
    otp,
    record_outcome,
    reply,
    run_sweep,
    send_message,
    update_message,
)

DAMAGE = {
    "POSTs never exceed claims": "UPDATE message SET claims = 0, tries = 0 WHERE id = :accepted",
    "tries never exceed POSTs": "UPDATE message SET tries = 1 WHERE id = :claimed",
    "a possible duplicate is flagged": "UPDATE message SET maybe_duplicate = false WHERE id = :resent",
    "accepted only with Chat Mitra's answer, a webhook or an operator's decision": (
        "UPDATE message SET state = 'delivered' WHERE id = :uncertain"
    ),
    "Chat Mitra's answer is never forgotten": "UPDATE message SET state = 'uncertain' WHERE id = :accepted",
    "a final message ended once, and stayed as it ended": "DELETE FROM trace WHERE message_id = :failed",
    "only a final message has an ending, or one that arrived after all": (
        "UPDATE message SET state = 'waiting' WHERE id = :cancelled"
    ),
    "every change of state is a declared transition": (
        "INSERT INTO trace (message_id, at, event) SELECT id, changed_at, 'waiting' FROM message WHERE id = :cancelled"
    ),
    "sending has exactly one open POST": "DELETE FROM attempt WHERE message_id = :sending",
    "nothing unsent has an open POST": ("UPDATE message SET state = 'waiting', lease_until = NULL WHERE id = :sending"),
    "exactly the queued, claimed and sending messages have a lease": (
        "UPDATE message SET lease_until = NULL WHERE id = :claimed"
    ),
    "one-time codes are erased when done": "UPDATE message SET body = '{}' WHERE id = :code",
}


@pytest.fixture
def messages(db: Database) -> dict[str, str]:
    """A message in every state that is possible without webhooks, by name."""
    ids = {
        "accepted": send_message(db, reply(1)),
        "failed": send_message(db, reply(2), Refused("100", "Bad parameter", "Correct it.")),
        "uncertain": send_message(db, reply(3), LOST),
        "code": send_message(db, otp(4)),
        "resent": send_message(db, reply(5), Uncertain("502", "Bad gateway", 0.0, 502)),
        "parked": send_message(db, reply(6), PARKED),
    }
    run_sweep(db)
    (again,) = claim_messages(db, ids["resent"])
    begin_posts(db, again)
    record_outcome(db, again, LOST)
    for name in ("waiting", "cancelled", "dropped", "queued", "claimed", "sending"):
        (ids[name],) = accept_messages(db, marketing(7, lane=name))
    cancel(db, [ids["cancelled"]], by="a test")
    begin_posts(db, *claim_messages(db, ids["dropped"]))
    age_messages(db, 31, ids["dropped"])
    run_sweep(db)
    resolve(db, ids["dropped"], "drop", by="a test")
    dispatch_all(db, "queued")
    begin_posts(db, *claim_messages(db, ids["sending"]))
    claim_messages(db, ids["claimed"])
    return ids


def test_an_intact_ledger_is_clean(db: Database, messages: dict[str, str]) -> None:
    report = audit(db)
    assert report.findings == []
    assert report.clean
    assert set(report.by_state) == {state.value for state in State} - {"sent", "delivered", "read"}
    assert (report.messages, report.attempts, report.claims, report.flagged) == (12, 9, 10, 1)


def test_an_empty_ledger_is_clean(db: Database) -> None:
    assert audit(db).clean


@pytest.mark.parametrize(("rule", "damage"), DAMAGE.items(), ids=DAMAGE)
def test_every_damage_is_found_and_named(db: Database, messages: dict[str, str], rule: str, damage: str) -> None:
    wanted = {name: identity for name, identity in messages.items() if f":{name}" in damage}
    with db.write() as tx:
        tx.execute(text(damage), wanted)
    found = {finding.rule: finding for finding in audit(db).findings}
    assert found[rule].ids == list(wanted.values())
    assert found[rule].broken == 1


def test_posts_and_traces_without_their_message_are_found(db: Database, messages: dict[str, str]) -> None:
    """No foreign key forbids them."""
    with db.write() as tx:
        for table, owner in (("attempt", "job_gone"), ("trace", "job_lost")):
            tx.execute(
                text(f"UPDATE {table} SET message_id = '{owner}' WHERE message_id = :id"), {"id": messages["failed"]}
            )
    found = {finding.rule: finding.ids for finding in audit(db).findings}
    assert found["every POST belongs to a message"] == ["job_gone"]
    assert found["every line of a trace belongs to a message"] == ["job_lost"]


def test_a_lease_that_was_not_swept_is_found(db: Database, messages: dict[str, str]) -> None:
    update_message(db, messages["claimed"], lease_until=past(db, 50))
    assert audit(db).clean
    update_message(db, messages["claimed"], lease_until=past(db, 70))
    assert [finding.rule for finding in audit(db).findings] == ["no lease ran out more than a minute ago"]


def test_the_database_refuses_an_unknown_state_and_more_tries_than_claims(db: Database) -> None:
    (identity,) = accept_messages(db, reply())
    with pytest.raises(LedgerError):
        update_message(db, identity, state="nowhere")
    with pytest.raises(LedgerError):
        update_message(db, identity, tries=1)


def test_an_unknown_state_breaks_the_sum(db: Database, messages: dict[str, str]) -> None:
    """Another release might have written it."""
    with db.write() as tx:
        if db.sqlite:
            tx.execute(text("PRAGMA ignore_check_constraints = ON"))
        else:
            tx.execute(text("ALTER TABLE message DROP CONSTRAINT ck_message_state"))
        try:
            tx.execute(
                text("UPDATE message SET state = 'nowhere' WHERE id = :waiting"), {"waiting": messages["waiting"]}
            )
        finally:
            if db.sqlite:
                tx.execute(text("PRAGMA ignore_check_constraints = OFF"))
    (finding,) = audit(db).findings
    assert (finding.rule, finding.broken) == ("every message is in exactly one known state, and the sums match", 1)
    update_message(db, messages["waiting"], state="waiting")
    if not db.sqlite:
        states = ", ".join(f"'{state.value}'" for state in State)
        with db.write() as tx:
            tx.execute(text(f"ALTER TABLE message ADD CONSTRAINT ck_message_state CHECK (state IN ({states}))"))


def test_many_broken_messages_are_all_counted_and_listed_in_part(db: Database) -> None:
    ids = accept_messages(db, *(reply(n) for n in range(MAX_IDS + 5)))
    with db.write() as tx:
        tx.execute(text("UPDATE message SET lease_until = due_at"))
    (finding,) = audit(db).findings
    assert finding.broken == len(ids)
    assert len(set(finding.ids) & set(ids)) == MAX_IDS


def past(db: Database, seconds: float) -> datetime:
    with db.read() as tx:
        return tx.now - timedelta(seconds=seconds)
