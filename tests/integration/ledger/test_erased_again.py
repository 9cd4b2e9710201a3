"""After an erasure: what an application hands over again about the person, and the next erasure."""

from __future__ import annotations

from collections import Counter

import pytest

from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters
from harkara.ledger.personal.receipt import erase_with_receipt
from harkara.ledger.tables import consent, contact, message
from harkara.people.pseudonym import pseudonym
from tests.integration.ledger.occasions import reminder_rows, save, visit
from tests.integration.ledger.steps import (
    ACCEPTED,
    begin_posts,
    claim_messages,
    record_outcome,
    send_message,
    update_message,
)
from tests.integration.ledger.test_erasure import (
    ASHA,
    CANARY,
    KEY,
    NATIONAL,
    OTHER,
    WRITTEN,
    canaries_in_tables,
    choice,
    rows_of,
    stopped,
    to,
)


@pytest.mark.parametrize("number", [OTHER, CANARY], ids=["another", "the same"])
def test_an_occasion_that_is_saved_again_after_the_erasure_has_its_reminders(db: Database, number: str) -> None:
    save(db, visit(to=f"+{CANARY}"))
    erase_with_receipt(db, CANARY, KEY, ASHA)
    save(db, visit(to=f"+{number}"))
    waiting = [(each["rule"], each["recipient"]) for each in reminder_rows(db, state="waiting")]
    assert sorted(waiting) == [("-24h", number), ("-2h", number)]


def test_a_reminder_that_was_sent_is_not_sent_again_after_the_erasure(db: Database) -> None:
    save(db, visit(to=f"+{CANARY}"))
    (first,) = reminder_rows(db, rule="-24h")
    update_message(db, first["id"], due_at=first["created_at"])
    (claimed,) = claim_messages(db, first["id"])
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    erase_with_receipt(db, CANARY, KEY, ASHA)
    save(db, visit(to=f"+{CANARY}"))
    assert [each["rule"] for each in reminder_rows(db, state="waiting")] == ["-2h"]


def test_an_opt_in_lifts_an_erased_opt_out_also_once_it_is_erased_itself(db: Database) -> None:
    record_consent(db, "default", [choice(CANARY, "Form")])
    erase_with_receipt(db, CANARY, KEY, ASHA)
    record_consent(db, "default", [choice(CANARY, "Form", "opt-in")])
    erase_with_receipt(db, CANARY, KEY, ASHA)
    assert stopped(db, CANARY) == [None]
    assert sorted(proof["wish"] for proof in rows_of(db, consent)) == ["opt-in", "opt-out"]
    assert rows_of(db, contact) == []


def test_the_number_as_a_reference_may_be_used_again_and_be_erased_again(db: Database) -> None:
    for _ in range(2):
        send_message(db, to(CANARY, reference=f"call {CANARY}"))
        send_message(db, to(OTHER, reference=f"about {WRITTEN}"))
        save(db, visit(f"visit of {CANARY}", to=f"+{CANARY}"), visit(f"visit of {NATIONAL}", to=f"+{OTHER}"))
        add_dead_letters(db, [DeadLetter.of("task", f"call {CANARY}", "send", ValueError(), None)])
        erase_with_receipt(db, CANARY, KEY, ASHA)
    assert canaries_in_tables(db) == []
    named = [row["reference"] for row in rows_of(db, message) if row["occasion_id"] is None]
    erased = pseudonym(KEY, CANARY)
    assert Counter(each.partition("#")[0] for each in named) == {f"call {erased}": 2, f"about {erased}": 2}
