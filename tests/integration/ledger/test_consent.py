"""Consent: the proofs, what follows from them, and what is accepted against them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from harkara.defaults import DEADLINES
from harkara.errors import Conflict, Invalid, NotFound
from harkara.inbound.contact import ConsentChoice
from harkara.ledger.audit import audit
from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.contacts.queries import iterate_proofs, list_contacts
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept, accept_as_failed
from harkara.ledger.messages.commands import cancel
from harkara.ledger.messages.result import ClaimResult
from harkara.ledger.tables import contact
from harkara.messages import Template
from harkara.outcomes import Refused, Replaced
from harkara.receipt import Receipt
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
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

FALLBACK = Template("your_code", body=["493817"], category="authentication")


def person(n: int) -> str:
    return f"9198765{n:05d}"


def wish(n: int = 0, what: Any = "opt-out", **other: Any) -> ConsentChoice:
    """The person number `n` wants no more; a wish of a minute ago."""
    usual: dict[str, Any] = {"category": "everything", "how": "operator", "proof": "By telephone, says Ravi"}
    return ConsentChoice(recipient=person(n), action=what, at=datetime.now(UTC) - timedelta(minutes=1), **usual | other)


def test_an_opt_out_of_marketing_leaves_the_rest(db: Database) -> None:
    ids = accept_messages(db, reply(), marketing(), otp())
    assert record_consent(db, "default", [wish(category="marketing")]) == [ids[1]]
    assert states_of(db, ids) == ["waiting", "cancelled", "waiting"]
    assert accept_messages(db, marketing()) == []
    assert len(accept_messages(db, reply(), otp())) == 2
    assert audit(db).clean


def test_each_lane_has_its_own_consent(db: Database) -> None:
    record_consent(db, "north", [wish()])
    assert len(accept_messages(db, reply())) == 1
    assert accept_messages(db, reply(lane="north")) == []


def test_who_is_refused_hears_it_and_stops_no_other(db: Database) -> None:
    record_consent(db, "default", [wish()])
    receipts, _ = accept(db, [reply(), fine := reply(1)], deadlines=DEADLINES, queued_seconds=10)
    assert isinstance(receipts[0], Invalid)
    assert (receipts[0].field, receipts[0].rule[:27]) == ("to", "wants no more messages; aft")
    assert receipts[1] == Receipt(fine.id, new=True)


def test_a_repeat_stays_what_it_was_whatever_they_have_said_since(db: Database) -> None:
    first = reply(reference="order 7")
    accept_messages(db, first)
    record_consent(db, "default", [wish()])
    receipts, _ = accept(db, [reply(reference="order 7")], deadlines=DEADLINES, queued_seconds=10)
    assert receipts == [Receipt(first.id, new=False)]


def test_where_nobody_hears_a_refusal_the_message_is_kept_and_cancelled(db: Database) -> None:
    record_consent(db, "default", [wish()])
    unwanted, fine = reply(), otp()
    receipts, hints = accept(db, [unwanted, fine], deadlines=DEADLINES, queued_seconds=10, keep_refused=True)
    assert receipts == [Receipt(unwanted.id, new=True), Receipt(fine.id, new=True)]
    assert [identity for identity, _ in hints] in ([], [fine.id])
    kept = row(db, unwanted.id)
    assert (kept["state"], kept["code"], trace_of(db, unwanted.id)) == ("cancelled", "opted-out", ["cancelled"])
    assert audit(db).clean


def test_an_opt_in_to_marketing_is_remembered_and_ends_with_the_next_opt_out(db: Database) -> None:
    record_consent(db, "default", [wish(what="opt-in", category="marketing")])
    assert agreed(db)
    record_consent(db, "default", [wish(what="opt-in")])
    assert agreed(db)
    record_consent(db, "default", [wish(category="marketing")])
    assert not agreed(db)


def test_to_ask_for_messages_is_not_to_ask_for_marketing(db: Database) -> None:
    record_consent(db, "default", [wish(what="opt-in")])
    assert not agreed(db)


def agreed(db: Database) -> bool:
    with db.read() as tx:
        return tx.execute(select(contact.c.agreed_at)).scalar_one() is not None


def test_many_are_followed_at_once_each_by_its_own_wish(db: Database) -> None:
    ids = accept_messages(db, *(reply(n) for n in range(300)), *(marketing(n) for n in range(300)))
    said = [wish(n, category="everything" if n % 2 else "marketing") for n in range(300)]
    assert len(record_consent(db, "default", said)) == 450
    assert states_of(db, ids[:4]) == ["waiting", "cancelled", "waiting", "cancelled"]
    assert set(states_of(db, ids[300:])) == {"cancelled"}


def test_the_proofs_are_shown_in_their_order(db: Database) -> None:
    record_consent(db, "default", [wish(what="opt-in", proof="Form of May")])
    record_consent(db, "default", [wish()])
    record_consent(db, "north", [wish(category="marketing")])
    default, north = list_contacts(db, person(0))
    assert (default.lane, default.stopped, north.stopped) == ("default", "everything", "marketing")
    assert [(p.action, p.how, p.proof) for p in default.proofs] == [
        ("opt-in", "operator", "Form of May"),
        ("opt-out", "operator", "By telephone, says Ravi"),
    ]
    with pytest.raises(NotFound, match="no lane knows"):
        list_contacts(db, person(1))


def test_the_proofs_can_be_read_out_lane_by_lane(db: Database) -> None:
    record_consent(db, "default", [wish(1), wish(2)])
    record_consent(db, "north", [wish(3)])
    assert [proof.recipient for proof in iterate_proofs(db, "default")] == [person(1), person(2)]
    assert [proof.lane for proof in iterate_proofs(db, None)] == ["default", "default", "north"]


def test_five_hundred_are_accepted_with_one_look_at_all_recipients(db: Database) -> None:
    record_consent(db, "default", [wish(n) for n in range(0, 500, 10)])
    begun = time.monotonic()
    assert len(accept_messages(db, *(reply(n) for n in range(500)))) == 450
    assert time.monotonic() - begun < 2


def test_a_fallback_takes_the_place_of_its_message_and_keeps_the_rest(db: Database) -> None:
    envelope = reply(fallback=FALLBACK, reference="order 7", customer_name="Asha")
    (identity,) = accept_messages(db, envelope)
    before = row(db, identity)
    (claimed,) = claim_messages(db, identity)
    assert claimed.fallback
    record_outcome(db, claimed, Replaced("window-closed", "Its fallback goes instead.", "write_to_us"), posted=False)
    (claimed,) = claim_messages(db, identity)
    after = row(db, identity)
    assert (claimed.kind, claimed.template, claimed.category) == ("template", "your_code", "authentication")
    assert not claimed.fallback
    assert '"customer_name":"Asha"' in claimed.body
    for name in ("reference", "digest", "priority", "quiet", "expires_at", "lane", "recipient"):
        assert before[name] == after[name]
    assert accept_messages(db, reply(fallback=FALLBACK, reference="order 7", customer_name="Asha")) == [identity]
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    assert (row(db, identity)["body"], row(db, identity)["fallback"]) == (None, None)
    assert audit(db).clean


def test_the_same_reference_with_another_fallback_is_another_message(db: Database) -> None:
    accept_messages(db, reply(reference="order 7"))
    other = reply(reference="order 7", fallback=FALLBACK)
    receipts, _ = accept(db, [other], deadlines=DEADLINES, queued_seconds=10)
    assert isinstance(receipts[0], Conflict)


def test_a_fallback_is_forgotten_with_its_message(db: Database) -> None:
    accepted = send_message(db, reply(fallback=FALLBACK))
    (refused,) = accept_messages(db, reply(1, fallback=FALLBACK))
    record_outcome(db, claim_messages(db, refused)[0], Refused("132001", "", "No such template."), posted=False)
    accept_as_failed(db, kept := reply(2, fallback=FALLBACK), "reference-conflict", "It is taken.", DEADLINES)
    for identity in (accepted, refused, kept.id):
        assert row(db, identity)["fallback"] is None
    doubtful = send_message(db, reply(3, fallback=FALLBACK), LOST)
    assert row(db, doubtful)["fallback"]
    age_messages(db, 100 * 86_400)
    run_sweep(db, retention=86_400)
    assert row(db, doubtful)["fallback"] is None


def test_an_outcome_that_waits_in_redis_holds_neither_number_nor_text(db: Database) -> None:
    (identity,) = accept_messages(db, reply(fallback=FALLBACK))
    outcome = Replaced("window-closed", "The template write_to_us goes instead.", "write_to_us", 400)
    kept = ClaimResult.of(claim_messages(db, identity)[0], outcome, posted=True)
    assert ClaimResult.from_dict(kept.to_dict()) == kept
    assert "493817" not in str(kept.to_dict())
    assert person(0) not in str(kept.to_dict())


def test_a_message_that_was_withdrawn_meanwhile_is_not_replaced(db: Database) -> None:
    (identity,) = accept_messages(db, otp(fallback=None))
    (other,) = accept_messages(db, reply(fallback=FALLBACK))
    held = claim_messages(db, identity, other)
    cancel(db, [identity, other], by="Asha")
    for claimed in held:
        record_outcome(db, claimed, Replaced("window-closed", "Its fallback goes instead."), posted=False)
    assert states_of(db, [identity, other]) == ["cancelled"] * 2
    assert not row(db, other)["replaced"]
