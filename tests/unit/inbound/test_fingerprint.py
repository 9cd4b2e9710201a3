"""Fingerprints identify our messages in events by number and content."""

from __future__ import annotations

from typing import Any

import pytest

from harkara.inbound import fingerprint
from harkara.messages import Envelope, Image, Text
from harkara.messages.template import Template
from tests.unit.chatmitra.samples import CUSTOMER


def test_the_fingerprint_is_keyed_by_the_lane_token_so_that_a_code_cannot_be_guessed() -> None:
    content = fingerprint.of_request({"message": "123456"})
    assert fingerprint.keyed("one", CUSTOMER, content) != fingerprint.keyed("other", CUSTOMER, content)
    assert fingerprint.keyed("one", CUSTOMER, content) == fingerprint.keyed("one", CUSTOMER, content)


@pytest.mark.parametrize("form", ["simple", "raw"])
@pytest.mark.parametrize("shown", ["Your order\nis ready", {"body": " Your order is ready"}])
def test_a_text_has_the_same_digest_in_both_request_forms(form: Any, shown: object) -> None:
    body = Envelope(to=CUSTOMER, messages=[Text("Your order is ready", form=form)]).body()
    assert fingerprint.of_request(body) == fingerprint.of_message({"type": "text", "text": shown})


def test_composed_and_decomposed_characters_have_the_same_digest() -> None:
    assert fingerprint.of_request({"message": "Café"}) == fingerprint.of_request({"message": "Cafe\u0301"})


def test_a_template_matches_only_when_the_event_shows_all_of_it() -> None:
    body = Envelope(to=CUSTOMER, messages=[Template("payment_reminder", body=["Asha", "INV-1"])]).body()
    whole = body["messages"][0]["template"]
    assert fingerprint.of_request(body) == fingerprint.of_message(
        {"type": "template", "template": dict(reversed(whole.items()))}
    )
    for less in (
        {"type": "template", "template": {"name": "payment_reminder"}},
        {"type": "template"},
        {"type": "text", "text": "payment_reminder"},
        {"type": "template", "text": "Hi Asha, invoice INV-1"},
    ):
        assert fingerprint.of_request(body) != fingerprint.of_message(less)


def test_an_image_does_not_match_by_its_caption_alone() -> None:
    body = Envelope(to=CUSTOMER, messages=[Image("https://example.com/a.jpg", caption="Your receipt")]).body()
    assert fingerprint.of_request(body) is not None
    assert fingerprint.of_message({"type": "image", "caption": "Your receipt"}) is None


def test_a_request_with_several_messages_has_no_digest() -> None:
    assert fingerprint.of_request(Envelope(to=CUSTOMER, messages=[Text("One"), Text("Two")]).body()) is None


def test_a_location_and_a_contact_card_match_by_all_their_fields() -> None:
    location = {"latitude": 18.0, "longitude": 72.83, "name": "Clinic"}
    as_javascript_writes = {"latitude": 18, "longitude": 72.83, "name": "Clinic"}
    contact_card = [{"name": {"formatted_name": "Asha"}, "phones": [{"phone": "+919876543210"}]}]
    for kind, ours, theirs in (("location", location, as_javascript_writes), ("contacts", contact_card, contact_card)):
        request = {"messages": [{"kind": "raw", "payload": {"type": kind, kind: ours}}]}
        assert fingerprint.of_request(request) is not None
        assert fingerprint.of_request(request) == fingerprint.of_message({"type": kind, kind: theirs})
