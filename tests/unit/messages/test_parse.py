"""Reading the items of a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harkara.messages
from harkara.errors import Invalid
from harkara.messages import Message, Template, Text, parse_item
from tests.unit.messages.strategies import messages


@given(messages)
@settings(deadline=None, max_examples=300)
def test_what_was_written_reads_back_the_same(message: Message) -> None:
    assert parse_item(json.loads(json.dumps(message.wire()))) == message


def test_keys_copied_from_the_cloud_api_are_ignored() -> None:
    payload = {"messaging_product": "whatsapp", "to": "919876543210", "type": "text", "text": {"body": "Hello"}}
    assert parse_item({"kind": "raw", "payload": payload}) == Text("Hello")


def test_a_template_is_read_with_components_that_hold_nothing() -> None:
    empty = [{"type": "header", "parameters": []}, {"type": "body", "parameters": []}]
    item = {"kind": "template", "template": {"name": "hello", "language": "en", "components": empty}}
    assert parse_item(item) == Template("hello")


def raw(kind: str, content: object) -> dict[str, Any]:
    return {"kind": "raw", "payload": {"type": kind, kind: content}}


def button(reply: dict[str, Any] | None = None, **changes: object) -> dict[str, Any]:
    made = {"type": "reply", "reply": {"id": "a", "title": "a"} | (reply or {})}
    return raw("interactive", {"type": "button", "body": {"text": "?"}, "action": {"buttons": [made]}} | changes)


def template(*components: object, **changes: object) -> dict[str, Any]:
    return {"kind": "template", "template": {"name": "a", "language": "en", "components": list(components)} | changes}


def url(**changes: object) -> dict[str, Any]:
    slot = {"type": "text", "text": "a"}
    return {"type": "button", "sub_type": "url", "index": "0", "parameters": [slot]} | changes


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        (5, "kind: must be raw or template"),
        ({}, "kind: must be raw or template"),
        ({"kind": ["raw"]}, "kind: must be raw or template"),
        ({"kind": "text", "text": {"body": "a"}}, "kind: must be raw or template"),
        (raw("text", {"body": "a"}) | {"to": "a"}, "to: unknown key; known are kind, payload"),
        (template() | {"category": "utility"}, "category: unknown key; known are kind, template"),
        ({"kind": "raw", "payload": {"type": "poll"}}, "payload.type: must be one of text, image, video, "),
        ({"kind": "raw", "payload": "a"}, "payload.type: must be one of text"),
        ({"kind": "raw"}, "payload.type: must be one of text"),
        ({"kind": "raw", "payload": {"type": "text"}}, "payload.text: must be an object"),
        (
            {"kind": "raw", "payload": {"type": "text", "text": {"body": "a"}, "image": {}}},
            "payload.image: unknown key",
        ),
        (raw("text", {}), "payload.text.body: is missing"),
        (raw("text", {"body": "*"}), "payload.text.body: no asterisk"),
        (raw("text", {"body": "a", "form": "raw"}), "payload.text.form: unknown key; known are body, preview_url"),
        (raw("image", {"id": "123"}), "payload.image.id: unknown key; known are caption, link"),
        (raw("location", {"latitude": 1}), "payload.location.longitude: is missing"),
        (raw("contacts", {"name": {}}), "payload.contacts: must be a list"),
        (raw("contacts", [{"name": {}}]), "payload.contacts[0].name.formatted_name: is missing"),
        (raw("interactive", {"type": "flow"}), "payload.interactive.type: must be button or list"),
        (button(reply={"title": "x" * 21}), "payload.interactive.action.buttons[0].reply.title: at most 20"),
        (button(reply={"url": "a"}), "payload.interactive.action.buttons[0].reply.url: unknown key"),
        (button(body="a"), "payload.interactive.body: must be"),
        (button(body={"text": "*"}), "payload.interactive.body: no asterisk"),
        (button(header={"type": "image"}), "payload.interactive.header.image: is missing"),
        (
            button(header={"type": "text", "text": "a", "image": {"link": "https://a.in"}}),
            "payload.interactive.header.image",
        ),
        (button(header={"type": "payload", "payload": "a"}), "payload.interactive.header.type: must be text or image"),
        (template(language={"code": "en"}), "template.language: must be a plain code such as en or en_US"),
        (template(namespace="a"), "template.namespace: unknown key"),
        ({"kind": "template", "template": {"name": "a"}}, "template.language: is missing"),
        (template({"type": "footer"}), "template.components[0].type: must be 'header', 'body' or 'button'"),
        (template({"type": "body"}, {"type": "body"}), "template.components: at most one header and one body"),
        (template({"type": "body", "index": "0"}), "template.components[0].type: only a button has"),
        (
            template({"type": "body", "parameters": [{"type": "currency", "currency": {}}]}),
            "template.components[0].parameters[0].",
        ),
        (
            template({"type": "body", "parameters": [{"type": "payload", "payload": "a"}]}),
            "template.components[0].parameters[0].type: must be text here",
        ),
        (
            template({"type": "body", "parameters": [{"type": "text", "text": "*"}]}),
            "template.body[0]: no asterisk (this has 1)",
        ),
        (template(url(index=None)), "template.components[0].index: is missing"),
        (template(url(index="one")), "template.components[0].index: must be a valid integer"),
        (template(url(index="10")), "template.components[0].index: must be less than 10"),
        (template(url(sub_type=None)), "template.components[0].sub_type: is missing"),
        (template(url(parameters=[])), "template.components[0].parameters: exactly one here (this has 0)"),
        (template(url(sub_type="copy_code")), "template.components[0].parameters[0].type: must be coupon_code here"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_path_and_rule(item: Any, complaint: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_item(item)
    assert str(refusal.value).startswith(complaint)


shreds = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["text", "en", "0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "body", "link", "parameters", "components", "name", "language", "action", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(["text", "image", "location", "contacts", "reaction", "interactive"]).flatmap(
        lambda kind: shreds.map(lambda content: raw(kind, content))
    )
    | shreds.map(lambda content: {"kind": "template", "template": content})
    | shreds.map(lambda content: template(content))
    | shreds.map(lambda content: button(header=content))
)
@settings(deadline=None, max_examples=300)
def test_whatever_arrives_is_read_or_refused(item: dict[str, Any]) -> None:
    answer = read(item)
    assert isinstance(answer, Message) or answer.field


def read(item: dict[str, Any]) -> Message | Invalid:
    try:
        return parse_item(item)
    except Invalid as refusal:
        return refusal


def test_the_vocabulary_is_listed_in_order_and_complete() -> None:
    names = harkara.messages.__all__
    assert names == sorted(names)
    assert all(hasattr(harkara.messages, name) for name in names)
