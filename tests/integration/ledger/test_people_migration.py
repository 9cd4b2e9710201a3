"""The migration of people keeps every contact and every choice, up and down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select, text

from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.tables import consent
from tests.integration.ledger.people import apply_steps, chose, contacts, link, minute, people_of, wrote
from tests.integration.ledger.steps import accept_messages, marketing, run_sweep

BEFORE = "0004"
ASHA, BRAZIL, BRAZIL_OLD, USER_ID = "919876500001", "5531988888888", "553188888888", "IN.13491208655302741918"


@pytest.fixture
def before(database_url: str) -> Iterator[Database]:
    """A ledger with the schema of the release before, and a choice in it."""
    db = Database(database_url)
    migrate.upgrade(db, BEFORE)
    offset = "" if db.sqlite else "+00"
    with db.write() as tx:
        for number in (ASHA, BRAZIL_OLD):
            values = {"number": number, "at": f"{minute(1):%Y-%m-%d %H:%M:%S.%f}{offset}"}
            tx.execute(text(_CONTACT), values)
            proof = {"how": "customer", "proof": "STOP", "wish": "opt-out", "category": "everything", "at": minute(1)}
            tx.execute(insert(consent), proof | {"lane": "default", "recipient": number})
        tx.execute(
            text("INSERT INTO contact (lane, recipient, wrote_at) VALUES ('default', '1', :at)"),
            {"at": f"2026-05-03 10:30:00.000000{offset}"},
        )
    yield db
    db.close()


_CONTACT = "INSERT INTO contact (lane, recipient, stopped, wished_at) VALUES ('default', :number, 'everything', :at)"


def test_after_the_upgrade_the_sweep_gives_each_contact_a_person_and_all_spellings(before: Database) -> None:
    migrate.upgrade(before)
    assert accept_messages(before, marketing(1)) == []
    assert run_sweep(before) == {"people": 3}
    assert accept_messages(before, marketing(to=BRAZIL), marketing(to=BRAZIL_OLD)) == []
    stopped = (None, "everything", None, minute(1), minute(1))
    assert people_of(before, "default") == {
        frozenset((ASHA,)): stopped,
        frozenset((BRAZIL, BRAZIL_OLD)): stopped,
        frozenset(("1",)): (minute(0), None, None, None, None),
    }
    assert run_sweep(before) == {}


def test_a_downgrade_keeps_the_choices_of_a_person_under_a_number(before: Database) -> None:
    migrate.upgrade(before)
    apply_steps(before, "default", [wrote("15550001111", 2, USER_ID), chose(USER_ID, "opt-out", "everything", 3)])
    apply_steps(before, "default", [chose("US.1", "opt-out", "everything", 3), link("US.1", "US.2")])
    migrate.downgrade(before, BEFORE)
    with before.read() as tx:
        known = {row["recipient"]: row["stopped"] for row in tx.rows(text("SELECT recipient, stopped FROM contact"))}
        proofs = list(tx.execute(select(consent.c.recipient).order_by(consent.c.recipient)).scalars())
    assert known == {
        ASHA: "everything",
        BRAZIL_OLD: "everything",
        "1": None,
        "15550001111": "everything",
    }
    assert proofs == ["15550001111", BRAZIL_OLD, ASHA]
    migrate.upgrade(before)
    run_sweep(before)
    assert {row["recipient"] for row in contacts(before, "default")} == {*known, BRAZIL}
