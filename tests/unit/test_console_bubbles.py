"""Every kind of message has a bubble, which shows what a phone shows, and never a code or a tag."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html import unescape
from types import SimpleNamespace
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.catalogue import Catalogue
from harkara.console.bubbles import MessageBubble, bubble_of, bubble_of_kind, bubble_of_received, bubbles_of_request
from harkara.console.bubbles.bubble import HIDDEN, MEDIA, STATES
from harkara.console.bubbles.markup import whatsapp
from harkara.console.languages import language
from harkara.console.templating import environment
from harkara.messages import (
    Audio,
    Buttons,
    Contact,
    Contacts,
    CopyCode,
    Document,
    Image,
    ListMessage,
    Location,
    Message,
    Reaction,
    Row,
    Section,
    Sticker,
    Template,
    Text,
    Video,
)
from harkara.roles import Role
from harkara.states import State
from tests.unit.catalogue.templates import CATALOGUE, FILE, values
from tests.unit.chatmitra.test_received_content import MESSAGES
from tests.unit.messages.fixtures import envelope

SIGNED = "https://example.com/files/Menu%20card.jpg?signature=s3cret"
CANARY = "<img src=x onerror=alert(1)>\"'&"
NUMBER = "919876543210"
CODE = "482913"

KINDS: list[tuple[Message, list[str]]] = [
    (Text("Your order is ready"), ["Your order is ready"]),
    (Image(SIGNED, caption="Today"), ["Menu card.jpg", "photo", "Today"]),
    (Video("https://example.com/tour.mp4"), ["tour.mp4", "video"]),
    (Audio("https://example.com/a.ogg", voice=True), ["a.ogg", "audio"]),
    (Document("https://example.com/7.pdf", filename="Invoice 7.pdf", caption="Pay"), ["Invoice 7.pdf", "Pay"]),
    (Sticker("https://example.com/thanks.webp"), ["thanks.webp", "sticker"]),
    (Location(18.52, 73.86, name="Clinic", address="1 Laxmi St"), ["Clinic", "1 Laxmi St", "18.52, 73.86"]),
    (Contacts([Contact("Asha Rao", phones=["+91 98765 43210"])]), ["Asha Rao", "+919876543210"]),
    (Reaction("wamid.1", "👍"), ["Reaction to a message", "👍"]),
    (Reaction("wamid.1", ""), ["Reaction removed"]),
    (Buttons("Coming?", buttons=["Yes", "No"], header="Visit", footer="Clinic"), ["Visit", "Coming?", "Clinic", "Yes"]),
    (Buttons("Which?", buttons=["This"], header=Image(SIGNED)), ["Menu card.jpg", "Which?", "This"]),
    (
        ListMessage("When?", button="Times", sections=[Section("Morning", rows=[Row("9", "9:00", "with Dr Rao")])]),
        ["When?", "Times", "Morning", "9:00", "with Dr Rao"],
    ),
    (
        CATALOGUE.message("reservation_reminder", values("reservation_reminder")),
        ["Reservation Tomorrow", "reminder for your table at venue", "Smart Casual", "Confirm"],
    ),
    (Template("of_another_system", body=["Asha", "10:30"]), ["is not in config/templates.toml", "Asha", "10:30"]),
]
"""A message of each kind, with what its bubble shows."""


def draw(
    bubble: MessageBubble, direction: str = "out", role: Role = Role.OPERATOR, code: str = "en", **other: Any
) -> str:
    """Return the HTML of the macro."""
    source = "{% from 'bubble.html' import bubble with context %}{{ bubble(shown, direction, at, state) }}"
    page = {"user": SimpleNamespace(role=role), "zone": ZoneInfo("Asia/Kolkata"), "at": None, "state": None}
    html = (
        environment(language("en")).from_string(source).render(page | {"shown": bubble, "direction": direction} | other)
    )
    return str(html)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


@pytest.mark.parametrize(("message", "shown"), KINDS, ids=lambda value: type(value).__name__)
def test_each_kind_has_a_bubble(message: Message, shown: list[str]) -> None:
    html = draw(bubble_of(message, CATALOGUE))
    assert [text for text in shown if text not in words(html)] == []
    assert "s3cret" not in html


def test_the_table_has_every_kind() -> None:
    assert {type(message) for message, _ in KINDS} == {*get_args(Message)}


@pytest.mark.parametrize("name", CATALOGUE.kinds())
def test_each_kind_of_the_catalogue_shows_its_text_with_the_parameters_that_are_open(name: str) -> None:
    kind = CATALOGUE.find(name)
    outline = kind.outline()
    assert outline
    html = draw(bubble_of_kind(kind))
    shown = words(html).replace(" ", "")
    slots = [slot for slot in kind.body if f'<span class="slot">{slot}</span>' not in html]
    assert slots == []
    assert all(label.replace(" ", "") in shown for label in outline.buttons)
    filled = draw(bubble_of_kind(kind, values(name)))
    assert 'class="slot"' not in filled


def test_a_kind_is_filled_by_the_values_that_are_known() -> None:
    html = draw(bubble_of_kind(CATALOGUE.find("visit_feedback"), {"customer": "Asha <b>", "provider": ""}))
    assert 'Hi Asha &lt;b&gt;, thank you for your visit to <span class="slot">provider</span>' in html


@pytest.mark.parametrize("received", MESSAGES, ids=lambda message: message["type"])
def test_whatever_a_customer_sends_has_a_bubble(received: dict[str, Any]) -> None:
    text = "My report" if received["type"] == "document" else None
    html = draw(bubble_of_received(received["type"], received, text), "in")
    expected = {
        "interactive": "slot: 10:30",
        "order": "2 × p1",
        "reaction": "Reaction",
        "edit": "Changed an earlier message",
        "revoke": "Deleted an earlier message",
        "location": "Clinic 18.5, 73.8",
        "contacts": "Asha +919876543210",
        "document": "report.pdf (document) My report",
        "hologram": "Sent something that has no text: hologram",
    }
    assert expected.get(received["type"], received["type"]) in words(html)


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        ('{"slot":"10:30 \\ud83d"}', "Filled in a form slot: 10:30 ?"),
        ('{"slot":' + "[" * 5_000 + "]" * 5_000 + "}", "Filled in a form"),
        ("no JSON", "Filled in a form"),
    ],
)
def test_the_answers_of_a_form_are_shown_whatever_they_are(answers: str, shown: str) -> None:
    """A form has its answers as JSON in a text, which the webhook's own JSON does not validate."""
    content = {"interactive": {"nfm_reply": {"response_json": answers}}}
    html = draw(bubble_of_received("interactive", content), "in")
    assert words(html.encode().decode()).startswith(shown)


@pytest.mark.parametrize("kind", ["button", "interactive"])
def test_a_tap_shows_the_title_of_the_button(kind: str) -> None:
    assert words(draw(bubble_of_received(kind, {"type": kind}, "Confirm"), "in")) == "Tapped Confirm"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "phones", *MEDIA]), inner, max_size=3)
    ),
    max_leaves=8,
)
PARTS = ["location", "contacts", "reaction", "emoji", "interactive", "order", "product_items", "nfm_reply", *MEDIA]


@given(st.sampled_from([*PARTS, "edit"]), st.dictionaries(st.sampled_from(PARTS), json_values, max_size=3))
def test_content_of_any_shape_has_a_bubble(kind: str, content: dict[str, Any]) -> None:
    assert isinstance(bubble_of_received(kind, content), MessageBubble)


@pytest.mark.parametrize("state", State)
def test_each_state_has_ticks_and_a_word(state: State) -> None:
    html = draw(MessageBubble(body="Hello"), at=datetime(2026, 11, 29, 5, tzinfo=UTC), state=state.value)
    assert f"is-{STATES[state].ticks}" in html
    assert words(html).lower() == f"hello 29 nov 2026, 10:30 am {STATES[state].label}"


def test_no_html_of_a_text_reaches_the_page() -> None:
    shown = MessageBubble(
        header=CANARY,
        body=f"{CANARY} *{CANARY}* `{CANARY}` ```{CANARY}``` {{a{CANARY}}}",
        footer=CANARY,
        slots=frozenset({"a"}),
    )
    received = [
        bubble_of_received("document", {"document": {"filename": CANARY}}, CANARY),
        bubble_of_received(
            "location", {"location": {"latitude": 1, "longitude": 2, "name": CANARY, "address": CANARY}}
        ),
        bubble_of_received("contacts", {"contacts": [{"name": {"formatted_name": CANARY}}]}),
        bubble_of_received(
            "interactive", {"interactive": {"nfm_reply": {"response_json": json.dumps({CANARY: CANARY})}}}
        ),
        bubble_of_received(
            "order", {"order": {"product_items": [{"product_retailer_id": CANARY, "quantity": CANARY}]}}
        ),
        bubble_of_received(CANARY, {}, None),
        bubble_of_kind(CATALOGUE.find("reservation_reminder"), dict.fromkeys(values("reservation_reminder"), CANARY)),
    ]
    for each in (shown, *received):
        html = draw(each)
        assert "<img" not in html
        assert "&lt;img" in html
        assert not re.search(r"<[^>]*onerror", html)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("stored", ["authentication", "utility"])
def test_a_one_time_code_is_never_shown(role: Role, stored: str) -> None:
    kinds = [name for name in CATALOGUE.kinds() if CATALOGUE.find(name).category == "authentication"]
    for name in kinds:
        private = {key: value if value == CODE else f"my {value}" for key, value in values(name).items()}
        private |= {"url_suffix": "my_suffix"} if "url_suffix" in private else {}
        body = envelope(CATALOGUE.message(name, private)).body_json()
        bubbles = bubbles_of_request(body, CATALOGUE, category=stored)
        html = "".join(draw(each, role=role) for each in (*bubbles, bubble_of_kind(CATALOGUE.find(name), private)))
        assert HIDDEN in html
        assert [value for value in private.values() if value in html] == []
    otp = Template("otp_of_another_system", header=CODE, body=[CODE], buttons=[CopyCode(CODE)])
    for message in (Text(f"Your code is {CODE}"), otp, Buttons(CODE, buttons=[CODE])):
        (shown,) = bubbles_of_request(envelope(message).body_json(), CATALOGUE, category="authentication")
        assert CODE not in draw(shown, role=role)


def test_a_viewer_sees_numbers_masked() -> None:
    contacts = bubble_of(Contacts([Contact("Asha", phones=["+91 98765 43210"])]), CATALOGUE)
    for shown in (MessageBubble(header=NUMBER, body=f"Call {NUMBER}", footer=NUMBER), contacts):
        assert NUMBER not in draw(shown, role=Role.VIEWER)
        assert "91••••••3210" in draw(shown, role=Role.VIEWER)
        assert NUMBER in draw(shown)


def test_a_stored_request_gives_a_bubble_for_each_message_with_names_filled() -> None:
    both = envelope(
        Text("Dear $name, your $thing is here"), Location(1.5, 2.5), customer_name="Asha", alt_texts={"$thing": "order"}
    )
    first, second = bubbles_of_request(both.body_json(), CATALOGUE, category="utility")
    assert (first.body, second.place and second.place.coordinates) == ("Dear Asha, your order is here", "1.5, 2.5")
    (simple,) = bubbles_of_request(envelope(Text("Hello")).body_json(), CATALOGUE, category="utility")
    assert simple.body == "Hello"


@pytest.mark.parametrize("body", [None, "", "{", "[]", "{}", '{"messages":[{"kind":"new"}]}', '{"messages":3}'])
def test_a_request_that_is_erased_or_of_another_release_has_a_bubble_with_a_note(body: str | None) -> None:
    (shown,) = bubbles_of_request(body, CATALOGUE, category="utility")
    assert shown.note


def test_a_template_in_another_language_shows_its_name_and_values() -> None:
    shown = bubble_of(Template("visit_feedback", "hi", body=["आशा", "डॉ राव", "सोमवार"]), CATALOGUE)
    assert shown.body == "visit_feedback (hi)\nआशा\nडॉ राव\nसोमवार"
    assert bubble_of(Template("x", body=["1"]), Catalogue(kind={})).body == "x (en)\n1"
    assert FILE.exists()


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _italic_ ~strike~", "<strong>bold</strong> <em>italic</em> <s>strike</s>"),
        ("*_both_*", "<strong><em>both</em></strong>"),
        ("*bold _and* italic_", "<strong>bold _and</strong> italic_"),
        ("```a *b*\nc``` *d*", "<code>a *b*\nc</code> <strong>d</strong>"),
        ("`x_y_z` and ` `", "<code>x_y_z</code> and ` `"),
        ("snake_case_name 2*3*4 ~500 ~ 600", "snake_case_name 2*3*4 ~500 ~ 600"),
        ("_snake_case_", "<em>snake_case</em>"),
        ("** __ `` ``` ```", "** __ `` ``` ```"),
        ("*across\nlines*", "*across\nlines*"),
        ("*हिन्दी* में", "<strong>हिन्दी</strong> में"),
        ("(*a*), *b*.", "(<strong>a</strong>), <strong>b</strong>."),
        ("* item\n* item", "* item\n* item"),
        ("```open", "```open"),
        ("<b> & *<i>*", "&lt;b&gt; &amp; <strong>&lt;i&gt;</strong>"),
    ],
)
def test_markup_is_that_of_whatsapp(text: str, html: str) -> None:
    assert whatsapp(text) == html


@given(st.text(alphabet="*_~` \na{}<", max_size=200))
def test_markup_loses_no_character_but_its_marks_and_its_tags_are_balanced(text: str) -> None:
    html = whatsapp(text, {"a"})
    assert re.sub(r"[*_~`{}]", "", unescape(re.sub(r"<[^>]*>", "", html))) == re.sub(r"[*_~`{}]", "", text)
    opened: list[str] = []
    for closing, tag in re.findall(r"<(/?)(\w+)[^>]*>", html):
        if closing:
            assert opened.pop() == tag
        else:
            opened.append(tag)
    assert opened == []
