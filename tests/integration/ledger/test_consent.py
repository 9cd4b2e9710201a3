"""Consent: the proofs, what follows from them, and what is accepted against them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from harkara.defaults import DEADLINES
from harkara.errors import Conflict, Invalid, NotFound
from harkara.inbound.contact import Wish
from harkara.ledger.audit import audit
from harkara.ledger.contacts.consent import keep, look, proofs
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept, keep_refused
from harkara.ledger.messages.commands import cancel
from harkara.ledger.messages.record import Finish
from harkara.ledger.tables import contact
from harkara.messages import Template
from harkara.outcomes import Refused, Replaced
from harkara.receipt import Receipt
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    clean_up,
    code,
    end,
    events,
    later,
    letter,
    offer,
    put,
    row,
    send,
    start,
    states,
    take,
)

FALLBACK = Template("your_code", body=["493817"], category="authentication")


def person(n: int) -> str:
    return f"9198765{n:05d}"


def wish(n: int = 0, what: Any = "opt-out", **other: Any) -> Wish:
    """The person number `n` wants no more; a wish of a minute ago."""
    usual: dict[str, Any] = {"category": "everything", "how": "operator", "proof": "By telephone, says Ravi"}
    return Wish(recipient=person(n), wish=what, at=datetime.now(UTC) - timedelta(minutes=1), **usual | other)


def test_an_opt_out_of_marketing_leaves_the_rest(db: Database) -> None:
    ids = put(db, letter(), offer(), code())
    assert keep(db, "default", [wish(category="marketing")]) == [ids[1]]
    assert states(db, ids) == ["waiting", "cancelled", "waiting"]
    assert put(db, offer()) == []
    assert len(put(db, letter(), code())) == 2
    assert audit(db).clean


def test_each_lane_has_its_own_consent(db: Database) -> None:
    keep(db, "north", [wish()])
    assert len(put(db, letter())) == 1
    assert put(db, letter(lane="north")) == []


def test_who_is_refused_hears_it_and_stops_no_other(db: Database) -> None:
    keep(db, "default", [wish()])
    receipts, _ = accept(db, [letter(), fine := letter(1)], deadlines=DEADLINES, queued_seconds=10)
    assert isinstance(receipts[0], Invalid)
    assert (receipts[0].field, receipts[0].rule[:27]) == ("to", "wants no more messages; aft")
    assert receipts[1] == Receipt(fine.id, new=True)


def test_a_repeat_stays_what_it_was_whatever_they_have_said_since(db: Database) -> None:
    first = letter(reference="order 7")
    put(db, first)
    keep(db, "default", [wish()])
    receipts, _ = accept(db, [letter(reference="order 7")], deadlines=DEADLINES, queued_seconds=10)
    assert receipts == [Receipt(first.id, new=False)]


def test_where_nobody_hears_a_refusal_the_message_is_kept_and_cancelled(db: Database) -> None:
    keep(db, "default", [wish()])
    unwanted, fine = letter(), code()
    receipts, hints = accept(db, [unwanted, fine], deadlines=DEADLINES, queued_seconds=10, refuse=False)
    assert receipts == [Receipt(unwanted.id, new=True), Receipt(fine.id, new=True)]
    assert [identity for identity, _ in hints] in ([], [fine.id])
    kept = row(db, unwanted.id)
    assert (kept["state"], kept["code"], events(db, unwanted.id)) == ("cancelled", "opted-out", ["cancelled"])
    assert audit(db).clean


def test_an_opt_in_to_marketing_is_remembered_and_ends_with_the_next_opt_out(db: Database) -> None:
    keep(db, "default", [wish(what="opt-in", category="marketing")])
    assert agreed(db)
    keep(db, "default", [wish(what="opt-in")])
    assert agreed(db)
    keep(db, "default", [wish(category="marketing")])
    assert not agreed(db)


def test_to_ask_for_messages_is_not_to_ask_for_marketing(db: Database) -> None:
    keep(db, "default", [wish(what="opt-in")])
    assert not agreed(db)


def agreed(db: Database) -> bool:
    with db.read() as tx:
        return tx.execute(select(contact.c.agreed_at)).scalar_one() is not None


def test_many_are_followed_at_once_each_by_its_own_wish(db: Database) -> None:
    ids = put(db, *(letter(n) for n in range(300)), *(offer(n) for n in range(300)))
    said = [wish(n, category="everything" if n % 2 else "marketing") for n in range(300)]
    assert len(keep(db, "default", said)) == 450
    assert states(db, ids[:4]) == ["waiting", "cancelled", "waiting", "cancelled"]
    assert set(states(db, ids[300:])) == {"cancelled"}


def test_the_proofs_are_shown_in_their_order(db: Database) -> None:
    keep(db, "default", [wish(what="opt-in", proof="Form of May")])
    keep(db, "default", [wish()])
    keep(db, "north", [wish(category="marketing")])
    default, north = look(db, person(0))
    assert (default["lane"], default["stopped"], north["stopped"]) == ("default", "everything", "marketing")
    assert [(p["wish"], p["how"], p["proof"]) for p in default["proofs"]] == [
        ("opt-in", "operator", "Form of May"),
        ("opt-out", "operator", "By telephone, says Ravi"),
    ]
    with pytest.raises(NotFound, match="no lane knows"):
        look(db, person(1))


def test_the_proofs_can_be_read_out_lane_by_lane(db: Database) -> None:
    keep(db, "default", [wish(1), wish(2)])
    keep(db, "north", [wish(3)])
    assert [proof["to"] for proof in proofs(db, "default")] == [person(1), person(2)]
    assert [proof["lane"] for proof in proofs(db, None)] == ["default", "default", "north"]


def test_five_hundred_are_accepted_with_one_look_at_all_recipients(db: Database) -> None:
    keep(db, "default", [wish(n) for n in range(0, 500, 10)])
    begun = time.monotonic()
    assert len(put(db, *(letter(n) for n in range(500)))) == 450
    assert time.monotonic() - begun < 2


def test_a_fallback_takes_the_place_of_its_message_and_keeps_the_rest(db: Database) -> None:
    envelope = letter(fallback=FALLBACK, reference="order 7", customer_name="Asha")
    (identity,) = put(db, envelope)
    before = row(db, identity)
    (claimed,) = take(db, identity)
    assert claimed.fallback
    end(db, claimed, Replaced("window-closed", "Its fallback goes instead.", "write_to_us"), posted=False)
    (claimed,) = take(db, identity)
    after = row(db, identity)
    assert (claimed.kind, claimed.template, claimed.category) == ("template", "your_code", "authentication")
    assert not claimed.fallback
    assert '"customer_name":"Asha"' in claimed.body
    for name in ("reference", "digest", "priority", "quiet", "expires_at", "lane", "recipient"):
        assert before[name] == after[name]
    assert put(db, letter(fallback=FALLBACK, reference="order 7", customer_name="Asha")) == [identity]
    assert start(db, claimed)
    end(db, claimed, ACCEPTED)
    assert (row(db, identity)["body"], row(db, identity)["fallback"]) == (None, None)
    assert audit(db).clean


def test_the_same_reference_with_another_fallback_is_another_message(db: Database) -> None:
    put(db, letter(reference="order 7"))
    other = letter(reference="order 7", fallback=FALLBACK)
    receipts, _ = accept(db, [other], deadlines=DEADLINES, queued_seconds=10)
    assert isinstance(receipts[0], Conflict)


def test_a_fallback_is_forgotten_with_its_message(db: Database) -> None:
    accepted = send(db, letter(fallback=FALLBACK))
    (refused,) = put(db, letter(1, fallback=FALLBACK))
    end(db, take(db, refused)[0], Refused("132001", "", "No such template."), posted=False)
    keep_refused(db, kept := letter(2, fallback=FALLBACK), "reference-conflict", "It is taken.", DEADLINES)
    for identity in (accepted, refused, kept.id):
        assert row(db, identity)["fallback"] is None
    doubtful = send(db, letter(3, fallback=FALLBACK), LOST)
    assert row(db, doubtful)["fallback"]
    later(db, 100 * 86_400)
    clean_up(db, retention=86_400)
    assert row(db, doubtful)["fallback"] is None


def test_an_outcome_that_waits_in_redis_holds_neither_number_nor_text(db: Database) -> None:
    (identity,) = put(db, letter(fallback=FALLBACK))
    outcome = Replaced("window-closed", "The template write_to_us goes instead.", "write_to_us", 400)
    kept = Finish.of(take(db, identity)[0], outcome, posted=True)
    assert Finish.from_dict(kept.to_dict()) == kept
    assert "493817" not in str(kept.to_dict())
    assert person(0) not in str(kept.to_dict())


def test_a_message_that_was_withdrawn_meanwhile_is_not_replaced(db: Database) -> None:
    (identity,) = put(db, code(fallback=None))
    (reply,) = put(db, letter(fallback=FALLBACK))
    held = take(db, identity, reply)
    cancel(db, [identity, reply], by="Asha")
    for claimed in held:
        end(db, claimed, Replaced("window-closed", "Its fallback goes instead."), posted=False)
    assert states(db, [identity, reply]) == ["cancelled"] * 2
    assert not row(db, reply)["replaced"]
