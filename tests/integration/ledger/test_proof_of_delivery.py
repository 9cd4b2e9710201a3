"""The evidence of one message: attempts, states, webhooks with the digests of their bytes, and consent."""

from __future__ import annotations

from hashlib import sha256

import pytest

from harkara.errors import NotFound
from harkara.ledger import migrate
from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.database import Database
from harkara.ledger.messages.proof import collect_evidence
from harkara.proof import dump_proof, verify_proof
from tests.integration.ledger.people import choice
from tests.integration.ledger.steps import accept_messages, reply
from tests.integration.ledger.webhooks import (
    deliver_webhooks,
    inbound_webhook,
    send_message,
    status_webhook,
    store_webhooks,
    stored_events,
)

PERSON = "919876500000"
BEFORE = "0015"
"""The revision before that migration."""


def test_the_evidence_has_attempts_states_and_the_digest_of_each_webhook(db: Database) -> None:
    identity, other = send_message(db, reply()), send_message(db, reply(1))
    sent, read = status_webhook(db, "sent"), status_webhook(db, "read")
    deliver_webhooks(db, sent, read, status_webhook(db, "sent", "wamid.other", 1))
    evidence = collect_evidence(db, identity)
    digests = [one["webhook_sha256"] for one in evidence.records if one["record"] == "webhook"]
    assert sorted(digests) == sorted(sha256(webhook).hexdigest() for webhook in (sent, read))
    assert [one["outcome"] for one in evidence.records if one["record"] == "attempt"] == ["accepted"]
    assert [one["to"] for one in evidence.records if one["record"] == "change"] == ["sent", "read"]
    assert (evidence.message["state"], evidence.message["recipient"]) == ("read", PERSON)
    assert "Your table is ready" in (evidence.body or "")
    assert other not in str(evidence.records)


def test_the_evidence_has_the_consent_of_the_recipient_and_of_no_one_else(db: Database) -> None:
    identity = accept_messages(db, reply())[0]
    record_consent(db, "default", [choice(PERSON, "opt-in", "marketing"), choice("919876500001")])
    assert [(one["to"], one["wish"], one["proof"]) for one in collect_evidence(db, identity).consent] == [
        (PERSON, "opt-in", "Form")
    ]


def test_the_same_ledger_gives_the_same_file(db: Database) -> None:
    identity = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "sent"))
    files = set()
    for _ in range(2):
        evidence = collect_evidence(db, identity)
        files.add(dump_proof(evidence.message, evidence.records))
    (file,) = files
    assert verify_proof(file)["head"]["id"] == identity
    with pytest.raises(NotFound):
        collect_evidence(db, "msg_unknown")


def test_events_survive_the_migration_that_adds_the_digests(own_db: Database) -> None:
    store_webhooks(own_db, inbound_webhook("Hello"))
    (before,) = stored_events(own_db)
    assert before["webhook_digest"] == sha256(inbound_webhook("Hello")).hexdigest()
    migrate.downgrade(own_db, BEFORE)
    migrate.upgrade(own_db)
    assert stored_events(own_db) == [before | {"webhook_digest": None}]
