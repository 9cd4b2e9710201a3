"""What a customer sends without words: a person answers a photo, and a reaction needs no answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harkara.ledger.conversations.talk import is_bot
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.messages.claim import claim
from tests.integration.ledger.steps import ACCEPTED, begin_posts, record_outcome
from tests.integration.ledger.turns import LIVE, answer, answers_of, claimed, pass_time, row_of, talk_of, wrote
from tests.integration.ledger.webhooks import CONTEXT, inbound_webhook, store_webhooks

QUESTION = "Where is your clinic?"

PHOTO = {"type": "image", "image": {"id": "m1"}}
REACTION = {"type": "reaction", "reaction": {"message_id": "wamid.ours", "emoji": "👍"}}
STICKER = {"type": "sticker", "sticker": {"id": "m2"}}
EDIT: dict[str, Any] = {"type": "edit", "edit": {"message": {"type": "text", "text": {"body": "Where is your shop?"}}}}
DELETION = {"type": "revoke", "revoke": {"original_message_id": "wamid.1"}}
FORM = {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{}"}}}
ORDER = {"type": "order", "order": {"product_items": []}}
TAP = {"type": "interactive", "interactive": {"button_reply": {"id": "answer_0"}}}


def sent(db: Database, message: dict[str, Any], wamid: str = "wamid.more", **fields: Any) -> None:
    """Let the customer send this, while the assistant answers the lane."""
    store_webhooks(db, inbound_webhook(wamid=wamid, n=1, message=message, **fields))
    while process(db, replace(CONTEXT, assistant=LIVE)):
        pass


def answered(db: Database) -> None:
    """Ask a question, and send its answer."""
    wrote(db, QUESTION)
    answer(db)
    (one,) = claim(db, [each["id"] for each in answers_of(db)], 10)
    assert begin_posts(db, one)
    record_outcome(db, one, ACCEPTED)


def in_group(words: str) -> dict[str, Any]:
    return {"message": {"type": "text", "text": words}, "group_id": "g1"}


@pytest.mark.parametrize("message", [PHOTO, {"type": "audio"}, {"type": "location"}, {"type": "unsupported"}])
def test_a_photo_or_a_place_is_what_is_to_be_answered(db: Database, message: dict[str, Any]) -> None:
    sent(db, message)
    assert [one.text for one in talk_of(db, claimed(db)).burst] == [""]


def test_a_photo_after_an_answer_lets_no_question_be_answered_again(db: Database) -> None:
    answered(db)
    sent(db, PHOTO)
    assert [one.text for one in talk_of(db, claimed(db)).burst] == [""]


def test_a_caption_and_a_button_without_a_title_are_what_is_said(db: Database) -> None:
    sent(db, {"type": "image", "caption": "Is this right?"})
    sent(db, TAP, "wamid.tap")
    said = [(one.text, one.button) for one in talk_of(db, claimed(db)).burst]
    assert said == [("Is this right?", None), ("", "answer_0")]


def test_several_photos_at_once_are_a_persons(db: Database) -> None:
    for number in range(3):
        sent(db, PHOTO, f"wamid.{number}")
    talk = talk_of(db, claimed(db))
    assert [one.text for one in talk.burst] == ["", "", ""]
    assert not is_bot(talk)


@pytest.mark.parametrize("message", [REACTION, STICKER, DELETION, EDIT, FORM, ORDER])
def test_what_needs_no_answer_has_no_turn(db: Database, message: dict[str, Any]) -> None:
    """A turn would answer once more what is answered already."""
    answered(db)
    sent(db, message)
    assert row_of(db)["turn_due_at"] is None


@pytest.mark.parametrize("fields", [{"message": REACTION}, {"message": EDIT}, in_group("Hello all")])
def test_what_needs_no_answer_loses_none_that_waits(db: Database, fields: dict[str, Any]) -> None:
    wrote(db, QUESTION)
    answer(db)
    sent(db, **fields)
    assert answers_of(db)[0]["state"] == "cancelled"
    burst = [one.text for one in talk_of(db, claimed(db)).burst]
    assert burst == [QUESTION, *(["Where is your shop?"] if fields["message"] is EDIT else [])]


@pytest.mark.parametrize("about", [{"original_message_id": "wamid.first"}, {}])
def test_an_edited_message_is_read_as_it_is_now_and_a_deleted_one_not_at_all(
    db: Database, about: dict[str, str]
) -> None:
    """Without a field for it, a notice has the id of the message that it changes."""
    sent(db, {"type": "text", "text": QUESTION}, "wamid.first")
    sent(db, {"type": "text", "text": "Thanks"}, "wamid.second")
    own = "wamid.notice" if about else "wamid.first"
    edit = {"type": "edit", "edit": EDIT["edit"] | about}
    sent(db, edit, own)
    assert talk_of(db, claimed(db)).question == "Where is your shop?\nThanks"
    sent(db, {"type": "revoke", "revoke": about}, own if not about else "wamid.deletion")
    pass_time(db, 120)
    assert talk_of(db, claimed(db)).question == "Thanks"


def test_the_assistant_reads_nothing_of_a_group(db: Database) -> None:
    sent(db, **in_group("What do you all want to drink?"))
    wrote(db, QUESTION)
    assert talk_of(db, claimed(db)).question == QUESTION
