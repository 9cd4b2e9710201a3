"""An erasure while the application sends to the person: the search of a large ledger takes minutes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.personal.erase import ERASED, erase_person
from harkara.ledger.personal.find import find_person
from harkara.ledger.users.acts import Actor
from tests.integration.ledger.steps import (
    LOST,
    accept_messages,
    age_messages,
    begin_posts,
    claim_messages,
    record_outcome,
    reply,
    row,
    run_sweep,
    send_message,
    states_of,
    update_message,
)

NUMBER = "+919876500000"
ASHA = Actor("Asha", "command")


def erase(db: Database, meanwhile: Callable[[], None]) -> int:
    """Erase the person, with something else after the first look at the messages; return how many were cancelled."""
    waiting = [meanwhile]

    def progress(done: str) -> None:
        if done.startswith("attempt") and waiting:
            waiting.pop()()

    return erase_person(db, find_person(db, NUMBER), "k" * 32, by=ASHA, progress=progress).cancelled


@pytest.mark.parametrize("claimed", [False, True], ids=["waiting", "claimed"])
def test_a_message_that_is_accepted_meanwhile_is_cancelled_and_not_left_without_its_text(
    db: Database, claimed: bool
) -> None:
    send_message(db, reply())
    new: list[str] = []

    def accept() -> None:
        new.extend(accept_messages(db, reply()))
        if claimed:
            claim_messages(db, *new)

    assert erase(db, accept) == 1
    found = row(db, new[0])
    assert (found["state"], found["code"], found["recipient"], found["body"]) == ("cancelled", ERASED, None, None)
    assert audit(db).clean


def test_a_message_that_is_being_sent_meanwhile_keeps_its_text_until_it_has_its_outcome(db: Database) -> None:
    send_message(db, reply())
    new = []

    def begin() -> None:
        new.extend(claim_messages(db, *accept_messages(db, reply())))
        assert begin_posts(db, *new)

    assert erase(db, begin) == 0
    assert row(db, new[0].id)["body"]
    record_outcome(db, new[0], LOST)
    assert erase(db, lambda: None) == 0
    assert row(db, new[0].id)["body"] is None


def test_a_message_that_becomes_uncertain_meanwhile_is_not_sent_again_without_its_text(db: Database) -> None:
    send_message(db, reply())
    new: list[str] = []

    def lose() -> None:
        new.append(send_message(db, reply(), LOST))
        update_message(db, new[0], resend_at=row(db, new[0])["changed_at"])

    erase(db, lose)
    age_messages(db, 1)
    run_sweep(db)
    assert states_of(db, new) == ["uncertain"]
    assert row(db, new[0])["body"] is None
