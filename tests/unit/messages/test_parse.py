"""Parsing the items of a request."""

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
@settings(max_examples=300)
def test_an_item_is_parsed_back_to_the_same_message(message: Message) -> None:
    assert parse_item(json.loads(json.dumps(message.wire()))) == message


def test_keys_copied_from_the_cloud_api_are_ignored() -> None:
    payload = {"messaging_product": "whatsapp", "to": "919876543210", "type": "text", "text": {"body": "Hello"}}
    assert parse_item({"kind": "raw", "payload": payload}) == Text("Hello")


def test_a_template_may_have_empty_components() -> None:
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
    parameter = {"type": "text", "text": "a"}
    return {"type": "button", "sub_type": "url", "index": "0", "parameters": [parameter]} | changes


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
        (raw("text", {"body": "*"}), "payload.text.body: has an asterisk"),
        (raw("text", {"body": "a", "form": "raw"}), "payload.text.form: unknown key; known are body, preview_url"),
        (raw("image", {"id": "123"}), "payload.image.id: unknown key; known are caption, link"),
        (raw("location", {"latitude": 1}), "payload.location.longitude: is missing"),
        (raw("contacts", {"name": {}}), "payload.contacts: must be a list"),
        (raw("contacts", [{"name": {}}]), "payload.contacts[0].name.formatted_name: is missing"),
        (raw("interactive", {"type": "flow"}), "payload.interactive.type: must be button or list"),
        (button(reply={"title": "x" * 21}), "payload.interactive.action.buttons[0].reply.title: at most 20"),
        (button(reply={"url": "a"}), "payload.interactive.action.buttons[0].reply.url: unknown key"),
        (button(body="a"), "payload.interactive.body: must be"),
        (button(body={"text": "*"}), "payload.interactive.body: has an asterisk"),
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
            "template.body[0]: has an asterisk, which Chat Mitra refuses; remove it (this has 1)",
        ),
        (template(url(index=None)), "template.components[0].index: is missing"),
        (template(url(index="one")), "template.components[0].index: must be a valid integer"),
        (template(url(index="10")), "template.components[0].index: must be less than 10"),
        (template(url(sub_type=None)), "template.components[0].sub_type: is missing"),
        (
            template(url(parameters=[])),
            "template.components[0].parameters: must have exactly one ",
        ),
        (template(url(sub_type="copy_code")), "template.components[0].parameters[0].type: must be coupon_code here"),
    ],
)
def test_an_invalid_item_is_refused_with_path_and_rule(item: Any, complaint: str) -> None:
    with pytest.raises(Invalid) as error:
        parse_item(item)
    assert str(error.value).startswith(complaint)


fragments = st.recursive(
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
        lambda kind: fragments.map(lambda content: raw(kind, content))
    )
    | fragments.map(lambda content: {"kind": "template", "template": content})
    | fragments.map(lambda content: template(content))
    | fragments.map(lambda content: button(header=content))
)
@settings(max_examples=300)
def test_any_json_is_parsed_or_refused(item: dict[str, Any]) -> None:
    result = parse_or_error(item)
    assert isinstance(result, Message) or result.field


def parse_or_error(item: dict[str, Any]) -> Message | Invalid:
    try:
        return parse_item(item)
    except Invalid as error:
        return error


def test_all_is_sorted_and_complete() -> None:
    names = harkara.messages.__all__
    assert names == sorted(names)
    assert all(hasattr(harkara.messages, name) for name in names)
