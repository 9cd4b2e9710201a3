"""What staff type in the provider's dashboard is a reply of a person at once, and what we sent never is."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import EventState
from harkara.ledger.halts import RESTORED, add_halts
from harkara.ledger.tables import message
from harkara.messages import Envelope, Text
from harkara.outcomes import Pause, Uncertain
from tests.integration.ledger.steps import ACCEPTED, LOST, claim_messages, record_outcome, run_sweep
from tests.integration.ledger.turns import ANSWER, ASHA, row_of, wrote
from tests.integration.ledger.webhooks import (
    age_events,
    begin_again,
    deliver_webhooks,
    post_message,
    send_message,
    status_webhook,
    stored_events,
)

ORPHAN, WAITING = Counter(orphan=1), Counter(waiting=1)
APPLIED = Counter({EventState.APPLIED.value: 1})


def sent(db: Database, words: str, wamid: str = "wamid.typed", **fields: Any) -> Counter[str]:
    """Deliver the event of a text to Asha."""
    return deliver_webhooks(db, status_webhook(db, "sent", wamid, 1, message={"type": "text", "text": words}, **fields))


def who_answers(db: Database) -> tuple[str, int]:
    return row_of(db)["mode"], row_of(db)["unread"]


def test_a_colleague_who_types_has_the_conversation_at_once(db: Database) -> None:
    wrote(db, "Until when?")
    assert sent(db, "Until nine") == ORPHAN
    wrote(db, "And on Sundays?")
    assert (row_of(db)["mode"], row_of(db)["turn_due_at"]) == ("person", None)


@pytest.mark.parametrize("outcome", [ACCEPTED, LOST, None])
def test_the_events_of_several_texts_in_one_request_are_no_persons_replies(db: Database, outcome: Any) -> None:
    """Of such a request no attempt has a fingerprint, and no known event a job id."""
    wrote(db, "Until when?")
    claim = post_message(db, Envelope(to=f"+{ASHA}", messages=[Text(each) for each in ANSWER.texts]))
    if outcome:
        record_outcome(db, claim, outcome)
    for number, words in enumerate(ANSWER.texts):
        assert sent(db, f"{words} ", f"wamid.{number}") == ORPHAN
    assert who_answers(db) == ("assistant", 1)
    bodies = [each["body"] for each in stored_events(db) if each["about"] == "sent"]
    assert all("str" in body and "nine" not in body for body in bodies), "only the outline stays"
    assert sent(db, "Until nine") == ORPHAN
    assert who_answers(db) == ("person", 0), "this one is"


def test_the_events_of_a_one_time_code_among_several_texts_are_no_persons_replies(db: Database) -> None:
    """Once it is accepted, its request is erased."""
    wrote(db, "I need a code")
    texts = ["Your code is 493817", "Type 493817 on our page"]
    send_message(db, Envelope(to=f"+{ASHA}", messages=[Text(each) for each in texts], category="authentication"))
    for number, words in enumerate(texts):
        assert sent(db, words, f"wamid.{number}") == ORPHAN
    assert who_answers(db) == ("assistant", 1)
    assert "493817" not in str(stored_events(db))


@pytest.mark.parametrize("category", ["reply", "authentication"])
def test_the_second_event_of_a_message_that_arrived_twice_is_no_persons_reply(db: Database, category: Any) -> None:
    """Its first POST was answered with an error, and had arrived all the same."""
    wrote(db, "I need a code")
    words = "Your code is 493817"
    claim = post_message(db, Envelope(to=f"+{ASHA}", messages=[Text(words)], category=category))
    record_outcome(db, claim, Uncertain("server-error", "HTTP 502", 0.0))
    run_sweep(db)
    (again,) = claim_messages(db, claim.id)
    assert begin_again(db, again)
    record_outcome(db, again, ACCEPTED)
    assert sent(db, words, "wamid.first") == APPLIED
    assert sent(db, words, "wamid.second") == ORPHAN
    assert who_answers(db) == ("assistant", 1)
    assert "493817" not in str(stored_events(db)[1:])


def test_our_words_typed_once_more_are_a_persons(db: Database) -> None:
    wrote(db, "Until when?")
    send_message(db, Envelope(to=f"+{ASHA}", messages=[Text("Until nine")]))
    assert sent(db, "Until nine", "wamid.first") == APPLIED
    assert sent(db, "Until nine", "wamid.second") == ORPHAN
    assert who_answers(db) == ("person", 0)


def test_the_same_words_hours_after_our_request_are_a_persons(db: Database) -> None:
    wrote(db, "Until when?")
    send_message(db, Envelope(to=f"+{ASHA}", messages=[Text(each) for each in ANSWER.texts]))
    later = status_webhook(db, "sent", "wamid.typed", 1, message={"type": "text", "text": ANSWER.texts[0]})
    with db.write() as tx:
        tx.execute(message.update().values(posted_at=tx.now - timedelta(hours=2)))
    assert deliver_webhooks(db, later) == ORPHAN
    assert who_answers(db) == ("person", 0)


def test_an_event_waits_for_the_job_id_that_it_names(db: Database) -> None:
    wrote(db, "Until when?")
    assert sent(db, "Until nine", jobId="job-7") == WAITING
    assert who_answers(db) == ("assistant", 1)


def test_an_event_waits_while_the_lane_waits_for_harkara_recover(db: Database) -> None:
    wrote(db, "Until when?")
    with db.write() as tx:
        add_halts(tx, [("default", Pause("lane", None, RESTORED, "Restored"), None)])
    assert sent(db, "Until nine") == WAITING
    age_events(db, 2)
    assert who_answers(db) == ("assistant", 1)
