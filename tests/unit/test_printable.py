"""Names and ids may be written in any script: the joiners of Indian scripts and of emoji are no control characters."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from harkara.chatmitra.fields import parse_id
from harkara.console.campaign_draft import CampaignDraft
from harkara.errors import Invalid
from harkara.ledger.users.user import parse_name, user_id
from harkara.messages import Buttons, Contact, Contacts, Document, Envelope, QuickReply, Text
from harkara.messages.text_rules import PrintableRule
from harkara.occasions import Closing
from harkara.people.printable import drop_unprintable, is_printable
from tests.integration.ledger.campaigns import campaign_plan
from tests.integration.ledger.occasions import PLAN

JOINED = ["रक्\u200dषा", "ऱ्\u200dया", "ന്\u200d", "می\u200cخواهم", "👩\u200d⚕️ Dr Rao"]


@pytest.mark.parametrize("text", JOINED)
def test_joined_letters_are_printable_wherever_a_name_or_an_id_is(text: str) -> None:
    assert is_printable(text)
    assert drop_unprintable(f"\x00{text}\u2066") == text
    message = Envelope(to="919876543210", messages=[Text("Hello")], reference=text)
    assert message.reference == text
    assert Buttons("Which?", buttons=[text]).buttons[0].id == text
    assert QuickReply(text).payload == parse_id(text) == text
    assert Document("https://example.com/1.pdf", filename=f"{text}.pdf").filename == f"{text}.pdf"
    assert Contacts([Contact(text)]).contacts[0].name.formatted_name == text
    assert Closing(kind="appointment", reference=text, status="cancelled", reason=text).reason == text
    assert campaign_plan(text).name == text
    assert parse_name(text) == text
    assert user_id(text) == user_id(text.replace("\u200d", "").replace("\u200c", "")), "they look alike"


@pytest.mark.parametrize("text", ["\u200d", "\u200c\u200d", "a\u200db\n", "a\x00", "a\u202eb", "\ud800", "a\u200b"])
def test_joiners_alone_and_control_characters_are_not_printable(text: str) -> None:
    assert not is_printable(text)
    with pytest.raises(Invalid):
        PrintableRule(15)(text)


@pytest.mark.parametrize("text", [*JOINED, "Rs.\u00a0500", "x\u200ey"])
def test_the_text_for_everyone_is_sent_as_it_was_written(text: str) -> None:
    query = QueryParams({"template": "promotional_broadcast", "text.offer": f" {text} "})
    assert CampaignDraft.of(query, PLAN.catalogue, ["Mobile"]).texts["offer"] == text
