"""The demo judges each message by what the ledger keeps of it."""

from __future__ import annotations

from harkara import Text
from harkara.states import State
from workers.demo.messages import Act, by_key, unfinished

PAYMENT = Act("text with a reference", Text("Payment received."), "919876500011", {"reference": "invoice-118"})
REFUSED = Act("one that Chat Mitra refuses", Text("Hello!"), "919876500013", {}, State.FAILED)
HANDED = {"invoice-118": PAYMENT, "job_2": REFUSED}


def test_of_two_calls_with_one_reference_either_id_may_be_the_one_of_the_message() -> None:
    failed = {"id": "job_2", "reference": None, "state": "failed"}
    for kept in ("job_1", "job_3"):
        rows = by_key([{"id": kept, "reference": "invoice-118", "state": "read"}, failed])
        assert unfinished(rows, HANDED) == []


def test_a_message_that_is_not_there_or_ended_otherwise_is_named() -> None:
    rows = by_key([{"id": "job_2", "reference": None, "state": "accepted"}])
    assert unfinished(rows, HANDED) == ["text with a reference", "one that Chat Mitra refuses"]
