"""The sender: it claims a chunk, checks the gates, posts to the sandbox and records the outcomes."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from harkara.delivery.sender import Sender
from harkara.inbound import fingerprint
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.messages import Envelope, Template, Text
from harness.ports import free_port
from tests.integration.delivery.running import posts, receive_message, running_sender, settle
from tests.integration.ledger.steps import (
    accept_messages,
    attempts_of,
    otp,
    reply,
    row,
    states_of,
)
from tests.integration.sandbox.process import Sandbox


def test_a_chunk_is_sent_and_recorded(db: Database, sandbox: Sandbox, sender: Sender) -> None:
    ids = accept_messages(db, *(reply(n) for n in range(50)))
    sender.send(ids)
    assert states_of(db, ids) == ["accepted"] * 50
    assert posts(sandbox) == 50
    assert row(db, ids[0])["job_id"]
    assert audit(db).clean


def test_in_a_lane_with_webhooks_each_attempt_stores_the_fingerprint_of_its_events(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    several = Envelope(to="+919876500002", messages=[Text("One"), Text("Two")])
    receive_message(db, 1)
    receive_message(db, 2)
    text, code, two = accept_messages(db, reply(1), otp(1), several)
    with running_sender(db, sandbox, redis_url, secret="a secret") as sender:
        sender.send([text, code, two])
    shown = {"type": "text", "text": "Your table\nis ready"}
    stored = {identity: attempts_of(db, identity)[0]["echo"] for identity in (text, code, two)}
    assert stored[text] == fingerprint.keyed("token:secret", "919876500001", fingerprint.of_message(shown))
    assert (stored[code] is None, stored[two]) == (False, None)


def test_in_a_lane_without_webhooks_no_fingerprint_is_stored(db: Database, sender: Sender) -> None:
    (identity,) = accept_messages(db, reply())
    sender.send([identity])
    assert attempts_of(db, identity)[0]["echo"] is None


@pytest.mark.parametrize(("secret", "waits"), [("a secret", True), (None, False)])
def test_an_uncertain_utility_template_waits_for_evidence_in_a_lane_with_webhooks(
    db: Database, sandbox: Sandbox, redis_url: str, secret: str | None, waits: bool
) -> None:
    reminder = Template("payment_reminder", body=["Asha"], category="utility")
    (identity,) = accept_messages(db, Envelope(to="+919876500001", messages=[reminder]))
    with running_sender(db, sandbox, redis_url, secret=secret) as sender:
        sandbox.set(reset_after_read_share=1)
        sender.send([identity])
        sandbox.reset()
    stored = row(db, identity)
    assert (stored["state"], stored["resend_at"] is not None, stored["on_evidence"]) == ("uncertain", waits, waits)


def test_a_duplicate_hint_sends_nothing_twice(db: Database, sandbox: Sandbox, sender: Sender) -> None:
    ids = accept_messages(db, *(reply(n) for n in range(40)))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(sender.send, [ids, ids[::-1], ids[20:], ids]))
    assert states_of(db, ids) == ["accepted"] * 40
    assert posts(sandbox) == 40


def test_one_number_gets_three_codes_an_hour_also_from_one_chunk(
    db: Database, sandbox: Sandbox, sender: Sender
) -> None:
    ids = accept_messages(db, *(otp(1) for _ in range(6)), otp(2))
    assert settle(db, [sender], ids) == Counter(accepted=4, cancelled=3)
    assert posts(sandbox) == 4
    assert {row(db, identity)["code"] for identity in ids if row(db, identity)["state"] == "cancelled"} == {"otp-limit"}
    assert states_of(db, ids[-1:]) == ["accepted"]


def test_two_workers_together_send_three_codes_an_hour_to_one_number(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    patient = Database(str(db.url), lock_timeout=10)
    with running_sender(patient, sandbox, redis_url) as first, running_sender(patient, sandbox, redis_url) as second:
        ids = accept_messages(db, *(otp(1) for _ in range(8)))
        assert settle(patient, [first, second], ids) == Counter(accepted=3, cancelled=5)
    patient.close()
    assert posts(sandbox) == 3


def test_a_code_that_was_not_sent_does_not_count(db: Database, redis_url: str, sandbox: Sandbox) -> None:
    stopped = Sandbox(f"http://127.0.0.1:{free_port()}", sandbox.process)
    ids = accept_messages(db, *(otp(1) for _ in range(3)))
    with running_sender(db, stopped, redis_url) as unreachable:
        unreachable.send(ids)
    assert states_of(db, ids) == ["waiting"] * 3
    (fresh,) = accept_messages(db, otp(1))
    with running_sender(db, sandbox, redis_url) as sender:
        sender.send([fresh])
    assert states_of(db, [fresh]) == ["accepted"]
