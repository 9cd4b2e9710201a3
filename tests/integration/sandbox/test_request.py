"""The whole request: the token, the recipient and the envelope."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.integration.sandbox.process import ASHA, Sandbox

PHONE = "Phone must be 10-15 digits with country code"


def refusal(response: Any) -> tuple[int, str]:
    body = response.json()
    assert body["status"] == "error"
    return response.status_code, body["message"]


@pytest.mark.parametrize("path", ["/send_message", "/developer/api/send_message"])
def test_an_accepted_message_is_queued_under_a_job_id(sandbox: Sandbox, path: str) -> None:
    response = sandbox.post({"recipient_mobile_number": ASHA, "message": "Hello"}, path=path)

    assert response.status_code == 202
    assert response.json().keys() == {"status", "message", "jobId"}
    assert response.json()["status"] == "success"
    assert response.json()["message"] == "Request queued"
    assert re.fullmatch(r"job_\w+", response.json()["jobId"])


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Basic abc", "abc"])
def test_without_a_bearer_token_nothing_is_accepted(sandbox: Sandbox, authorization: str) -> None:
    response = sandbox.post(
        {"recipient_mobile_number": ASHA, "message": "Hello"}, headers={"Authorization": authorization}
    )

    status, message = refusal(response)
    assert status == 401
    assert "Authorization: Bearer" in message
    assert sandbox.counts()["accepted"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-8"},
        {"ContentType": "application/json"},
        {"Content-Type": None},
        {"X-Unknown": "1"},
    ],
)
def test_the_headers_of_the_printed_samples_are_accepted(sandbox: Sandbox, headers: dict[str, str | None]) -> None:
    response = sandbox.http.post(
        f"{sandbox.url}/send_message",
        data=f'{{"recipient_mobile_number": "{ASHA}", "message": "Hello"}}',
        headers={"Authorization": "Bearer t", **headers},
        timeout=60,
    )

    assert response.status_code == 202


@pytest.mark.parametrize(
    ("content_type", "content", "message"),
    [
        ("application/json", b"{", "body: must be JSON in UTF-8"),
        ("application/json", b"", "body: must be JSON in UTF-8"),
        ("application/json", '{"message": "é"}'.encode("latin-1"), "body: must be JSON in UTF-8"),
        ("application/json", b'{"message": "\\ud83d"}', "body: must be JSON in UTF-8"),
        ("application/json", b'{"message": NaN}', "body: must be JSON in UTF-8"),
        ("application/json", b"[" * 100_000, "body: must be JSON in UTF-8"),
        ("application/json", b"[]", "body: must be an object"),
        ("application/x-www-form-urlencoded", b"message=Hello", "Content-Type: must be application/json"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    sandbox: Sandbox, content_type: str, content: bytes, message: str
) -> None:
    headers = {"Authorization": "Bearer t", "Content-Type": content_type}
    response = sandbox.http.post(f"{sandbox.url}/send_message", data=content, headers=headers, timeout=60)

    assert refusal(response) == (400, message)
    assert sandbox.last()["body"] == ([] if content == b"[]" else None)


def test_a_body_over_one_mebibyte_is_refused(sandbox: Sandbox) -> None:
    assert refusal(sandbox.send(customer_name="x" * 1_100_000))[0] == 413
    assert sandbox.send().status_code == 202


@pytest.mark.parametrize(("method", "path"), [("POST", "/send_template"), ("GET", "/send_message"), ("PUT", "/")])
def test_an_unknown_path_is_404_in_the_error_shape(sandbox: Sandbox, method: str, path: str) -> None:
    assert refusal(sandbox.http.request(method, sandbox.url + path, timeout=60))[0] == 404


@pytest.mark.parametrize("number", ["919999999999", "12025550123", "447911123456", "123456789012345"])
def test_a_number_with_its_country_code_is_accepted(sandbox: Sandbox, number: str) -> None:
    assert sandbox.send(to=number).status_code == 202


@pytest.mark.parametrize(
    "number",
    [
        "9999999999",
        "+91 9999999999",
        "+919999999999",
        "091999999999",
        "91-9999-9999-99",
        "123456789",
        "1234567890123456",
        "९१९९९९९९९९९९",
        "",
        919999999999,
        None,
    ],
)
def test_every_wrong_format_of_a_number_is_refused_with_the_documented_message(sandbox: Sandbox, number: Any) -> None:
    assert refusal(sandbox.post({"recipient_mobile_number": number, "message": "Hello"})) == (400, PHONE)


def test_ten_digits_pass_only_when_the_switch_says_so(sandbox: Sandbox) -> None:
    sandbox.set(ten_digit_numbers=True)

    assert sandbox.send(to="6591234567").status_code == 202
    assert refusal(sandbox.send(to="0591234567")) == (400, PHONE)


@pytest.mark.parametrize("body", [{}, {"message": "Hello", "messages": []}, {"message": "a", "messages": None}])
def test_exactly_one_of_message_and_messages_is_needed(sandbox: Sandbox, body: dict[str, Any]) -> None:
    status, message = refusal(sandbox.post({"recipient_mobile_number": ASHA} | body))

    assert (status, message) == (400, "message, messages: exactly one of them must be given")


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([], "messages"),
        ({}, "messages"),
        (["Hello"], "messages[0]"),
        ([{"kind": "text", "text": "Hello"}], "messages[0].kind"),
        ([{"kind": "raw", "content": {}}], "messages[0].payload"),
        ([{"kind": "raw", "payload": {"type": "poll"}}], "messages[0].payload.type"),
        ([{"kind": "raw", "payload": {"type": ["text"]}}], "messages[0].payload.type"),
        ([{"kind": "raw", "payload": {"type": "text", "text": "Hello"}}], "messages[0].payload.text"),
        ([{"kind": "template"}], "messages[0].template"),
    ],
)
def test_a_malformed_batch_is_refused_with_the_field(sandbox: Sandbox, messages: Any, field: str) -> None:
    status, message = refusal(sandbox.send(messages=messages))

    assert status == 400
    assert message.partition(": ")[0] == field


def test_a_batch_is_accepted_whole_or_not_at_all(sandbox: Sandbox) -> None:
    hello = {"kind": "raw", "payload": {"type": "text", "text": {"body": "Hello"}, "messaging_product": "whatsapp"}}
    shout = {"kind": "raw", "payload": {"type": "text", "text": {"body": "*Hello*"}}}

    assert sandbox.send(messages=[hello] * 10).status_code == 202
    assert sandbox.send(messages=[hello] * 11).status_code == 400
    assert sandbox.send(messages=[hello, shout]).status_code == 400
    assert sandbox.counts()["accepted"] == 1


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"customer_name": 5}, "customer_name"),
        ({"altTexts": []}, "altTexts"),
        ({"altTexts": {"name": "Guest"}}, "altTexts"),
        ({"altTexts": {"$name": ""}}, "altTexts.$name"),
    ],
)
def test_values_for_placeholders_must_be_texts(sandbox: Sandbox, extra: dict[str, Any], field: str) -> None:
    assert refusal(sandbox.send(**extra))[1].startswith(f"{field}: ")


def test_a_customer_name_may_be_empty(sandbox: Sandbox) -> None:
    assert sandbox.send(customer_name="").status_code == 202
