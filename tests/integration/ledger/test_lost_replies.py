"""A statement commits by itself, and its reply is lost: its caller repeats it, and nothing is written twice."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from harkara.chatmitra.webhooks import parse
from harkara.errors import Unavailable
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.events.store_events import RawWebhook, store_webhooks
from harkara.ledger.messages.accept import accept
from harkara.ledger.messages.begin import BeginRequest
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.group_commit import Answer, GroupCommit
from harkara.receipt import Receipt
from harkara.shared_defaults import DEADLINES
from tests.acceptance.lossy_proxy import LossyProxy, lossy_proxy
from tests.integration.ledger.steps import (
    ACCEPTED,
    accept_messages,
    attempts_of,
    begin_posts,
    claim_messages,
    reply,
    row,
    states_of,
)
from tests.integration.ledger.webhooks import status_webhook

pytestmark = pytest.mark.parametrize("db", ["postgres"], indirect=True)

PATIENCE = 60.0
"""Seconds."""

Lossy = tuple[LossyProxy, Database]


@pytest.fixture
def lossy(db: Database) -> Iterator[Lossy]:
    """The ledger through a proxy that loses the first reply to each statement which commits."""
    with lossy_proxy(db.url, lambda _, nth: nth == 1) as (proxy, url):
        database = Database(url)
        yield proxy, database
        database.close()


def test_a_message_whose_reply_was_lost_is_stored_once(db: Database, lossy: Lossy) -> None:
    proxy, lossy_db = lossy
    envelopes = [reply(1, reference="one"), reply(2)]
    with pytest.raises(Unavailable):
        accept(lossy_db, envelopes, deadlines=DEADLINES, queued_seconds=10)
    assert (proxy.lost(), states_of(db, [each.id for each in envelopes])) == (1, ["queued"] * 2)
    repeated = accept(lossy_db, envelopes, deadlines=DEADLINES, queued_seconds=10)
    assert repeated.answers == [Receipt(each.id, new=False) for each in envelopes]
    assert repeated.hints == []
    assert audit(db).clean


def test_a_webhook_whose_reply_was_lost_is_stored_once(db: Database, lossy: Lossy) -> None:
    _, lossy_db = lossy
    webhook = RawWebhook("default", status_webhook(db, "sent"))
    with pytest.raises(Unavailable):
        store_webhooks(lossy_db, [webhook], parse)
    assert store_webhooks(lossy_db, [webhook], parse) == [[]]


def test_of_a_batch_whose_reply_was_lost_nothing_is_posted_and_every_outcome_is_recorded(
    db: Database, lossy: Lossy
) -> None:
    proxy, lossy_db = lossy
    new, *done = claim_messages(db, *accept_messages(db, *(reply(n) for n in range(3))))
    begin_posts(db, *done)
    begun: list[Answer] = []
    recorded: SimpleQueue[Answer] = SimpleQueue()
    results = [ClaimResult.of(each, ACCEPTED, posted=True) for each in done]
    commit = GroupCommit(lossy_db, print)
    commit._write(
        [(BeginRequest(new, "worker", "passed", 30), begun.append)],
        [(result, recorded.put) for result in results],
    )
    assert [recorded.get(timeout=PATIENCE) for _ in done] == [True, True]
    commit.close()
    assert proxy.lost("WITH given AS") >= 1
    assert [type(answer) for answer in begun] == [Unavailable]
    assert states_of(db, [new.id, *(each.id for each in done)]) == ["sending", "accepted", "accepted"]
    assert [len(attempts_of(db, each.id)) for each in (new, *done)] == [1, 1, 1]
    assert row(db, done[0].id)["claims"] == 1
    assert audit(db).clean
