"""The whole request: its recipient, and exactly one of `message` and `messages` (Chat Mitra docs, Request Body)."""

from __future__ import annotations

import re
from typing import Any

from sandbox.responses import RequestRefused, invalid_field
from sandbox.rules.field_types import require_array, require_object, require_string
from sandbox.rules.raw_message import check_payload
from sandbox.rules.template import PLACEHOLDER, check_template
from sandbox.rules.text import check_text
from sandbox.switches import Switches

_PHONE = re.compile(r"[1-9][0-9]{9,14}")


def check_request(body: Any, switches: Switches) -> None:
    """Raise RequestRefused for the first broken rule."""
    body = require_object(body, "body")
    check_recipient(body.get("recipient_mobile_number"), switches.ten_digit_numbers)
    if not isinstance(body.get("customer_name", ""), str):
        raise invalid_field("customer_name", "must be a string")
    fallbacks = _fallbacks(body)
    if ("message" in body) == ("messages" in body):
        raise invalid_field("message, messages", "exactly one of them must be given")
    if "message" in body:
        check_text(body["message"], "message")
        return
    for index, message in enumerate(require_array(body["messages"], "messages", most=switches.batch_max)):
        _check_message(message, f"messages[{index}]", fallbacks)


def check_recipient(number: Any, ten_digits: bool) -> None:
    """Refuse ten digits, an Indian number without its country code, unless the switch permits them.

    The docs list `9999999999`, `+91 9999999999`, `091999999999` and `91-9999-9999-99` as wrong (Phone Number Format).
    """
    if not isinstance(number, str) or not _PHONE.fullmatch(number) or (len(number) == 10 and not ten_digits):
        raise RequestRefused(400, "Phone must be 10-15 digits with country code")


def _fallbacks(body: dict[str, Any]) -> dict[str, str]:
    """Return the texts for placeholders: `altTexts`, and the customer's name for `$name`."""
    texts = require_object(body.get("altTexts", {}), "altTexts")
    for key, text in texts.items():
        if not PLACEHOLDER.fullmatch(key):
            raise invalid_field("altTexts", "every key must be $ and a name, such as $name")
        require_string(text, f"altTexts.{key}")
    name = body.get("customer_name", "").strip()
    return texts | ({"$name": name} if name else {})


def _check_message(message: Any, field: str, fallbacks: dict[str, str]) -> None:
    kind = require_object(message, field).get("kind")
    if kind == "raw":
        check_payload(message.get("payload"), f"{field}.payload")
    elif kind == "template":
        check_template(message.get("template"), f"{field}.template", fallbacks)
    else:
        raise invalid_field(f"{field}.kind", "must be raw or template")
