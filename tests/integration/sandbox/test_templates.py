"""Templates: names, languages, components, parameters and placeholders."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.sandbox.process import ASHA, Sandbox


def text(value: str) -> dict[str, str]:
    return {"type": "text", "text": value}


def header(kind: str, **content: str) -> dict[str, Any]:
    return {"type": "header", "parameters": [{"type": kind, kind: content}]}


def button(sub_type: str, index: Any = "0", **parameter: str) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter]}


CODE = button("url", type="text", text="481516")


@pytest.mark.parametrize(
    "template",
    [
        {},
        {"components": []},
        {"name": "otp_20260801120000", "language": "en"},
        {"name": "a" * 60},
        {"components": [{"type": "body", "parameters": [text("x" * 1_024)] * 10}]},
        {"components": [header("image", link="https://cdn.example.com/h.png")]},
        {"components": [header("document", link="https://cdn.example.com/i.pdf", filename="Invoice.pdf")]},
        {"components": [{"type": "header", "parameters": [text("#12345")]}]},
        {"components": [{"type": "body", "parameters": [text("481516")]}, CODE]},
        {"components": [button("quick_reply", type="payload", payload="p" * 256)]},
        {"components": [button("copy_code", type="coupon_code", coupon_code="SAVE20")]},
        {"components": [button("quick_reply", type="payload", payload="pay $later upi://x")]},
        {"components": [button("copy_code", type="coupon_code", coupon_code="$AVE20")]},
    ],
)
def test_a_template_within_the_limits_is_accepted(sandbox: Sandbox, template: dict[str, Any]) -> None:
    response = sandbox.send_template(**template)

    assert response.status_code == 202, response.text


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ({"name": "Order"}, "name: must have 1 to 60 lowercase letters"),
        ({"name": "order-1"}, "name: must have 1 to 60"),
        ({"name": "a" * 61}, "name: must have 1 to 60"),
        ({"language": {"code": "en_US"}}, "language: must be a string such as en or en_US"),
        ({"language": "english"}, "language: must be a string such as"),
        ({"components": {}}, "components: must be an array"),
        ({"components": [{"type": "footer"}]}, "components[0].type: must be header, body or button"),
        ({"components": [{"type": "body"}, {"type": "body"}]}, "components: must have one header, one body"),
        ({"components": [CODE, CODE]}, "one button for each index"),
        ({"components": [{"type": "body", "parameters": [text("x")] * 11}]}, "parameters: must have 0 to 10"),
        ({"components": [{"type": "body", "parameters": [header("image")]}]}, "parameters[0].type: must be text"),
        ({"components": [header("image", link="https://10.0.0.1/h.png")]}, "image.link: must be on a public host"),
        ({"components": [button("url", index=0, type="text", text="x")]}, 'index: must be a string from "0" to "9"'),
        ({"components": [button("phone", type="text", text="x")]}, "sub_type: must be one of"),
        ({"components": [button("url", type="payload", payload="x")]}, "parameters[0].type: must be text"),
        ({"components": [button("quick_reply", type="payload", payload="p" * 257)]}, "must have at most 256"),
        ({"components": [CODE | {"parameters": []}]}, "parameters: must have 1 entry, has 0"),
    ],
)
def test_a_broken_template_rule_is_named(sandbox: Sandbox, template: dict[str, Any], sentence: str) -> None:
    response = sandbox.send_template(**template)

    assert response.status_code == 400
    assert sentence in response.json()["message"]


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("x" * 1_025, "must have at most 1024 characters, has 1025"),
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        ("a\tb", "must not have tabs, newlines"),
        ("a\nb", "must not have tabs, newlines"),
        ("a     b", "or more than 4 spaces in a row"),
        ("upi://pay?pa=x", "must not have upi:// links"),
        (5, "must be a string"),
    ],
)
def test_a_parameter_that_whatsapp_would_refuse_is_refused(sandbox: Sandbox, value: Any, rule: str) -> None:
    response = sandbox.send_template(parameters=[{"type": "text", "text": value}])

    assert response.status_code == 400
    assert rule in response.json()["message"]


def test_four_spaces_in_a_row_are_allowed(sandbox: Sandbox) -> None:
    assert sandbox.send_template(parameters=[text("a    b")]).status_code == 202


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({"customer_name": "Asha"}, 202),
        ({"altTexts": {"$name": "Guest"}}, 202),
        ({"customer_name": "", "altTexts": {"$name": "Guest"}}, 202),
        ({"customer_name": ""}, 400),
        ({"altTexts": {"$city": "Pune"}}, 400),
        ({}, 400),
    ],
)
def test_a_placeholder_needs_a_value(sandbox: Sandbox, extra: dict[str, Any], status: int) -> None:
    template = {"name": "hello", "language": "en", "components": [{"type": "body", "parameters": [text("Hi $name")]}]}
    body = {"recipient_mobile_number": ASHA, "messages": [{"kind": "template", "template": template}]}

    response = sandbox.post(body | extra)

    assert response.status_code == status
    assert status == 202 or "no value for $name" in response.json()["message"]


def test_a_name_ends_before_letters_of_another_script(sandbox: Sandbox) -> None:
    template = {"name": "hello", "language": "hi", "components": [{"type": "body", "parameters": [text("$nameजी")]}]}

    assert sandbox.send(messages=[{"kind": "template", "template": template}], customer_name="Asha").status_code == 202


def test_a_price_in_dollars_is_no_placeholder(sandbox: Sandbox) -> None:
    assert sandbox.send_template(parameters=[text("$20")]).status_code == 202
