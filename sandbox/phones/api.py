"""The endpoints that write as a customer or as staff, for tests and for the page."""

from __future__ import annotations

import json
from http import HTTPStatus
from itertools import chain
from typing import Any

from sandbox.connection import Request
from sandbox.history import History, alias
from sandbox.phones.message import PhoneMessage, text_content
from sandbox.phones.phones import Phones
from sandbox.responses import Response, invalid_field, json_response
from sandbox.rules.envelope import check_recipient
from sandbox.rules.field_types import check_number, require_object, require_string

TEXT_MAX = 4_096
MAX_SECONDS_AGO = 30 * 24 * 3600.0


class PhoneAPI:
    """Two endpoints. The page shows no numbers, so it names a customer by the alias in `with`."""

    def __init__(self, history: History, phones: Phones) -> None:
        self._history = history
        self._phones = phones

    def write_as_customer(self, request: Request, body: bytes) -> Response:
        """Accept `from`, and a `text`, a tapped `reply_id` with its `title`, or a whole `message` of another type.

        `reply_to` is the message that it replies to; `seconds_ago` moves it into the past. A `preference`, `stop` or
        `resume`, is no message: the customer chooses it in WhatsApp's own menu.
        """
        fields = _parse(body)
        if "preference" in fields:
            return self._choose_marketing(fields)
        seconds_ago = fields.get("seconds_ago", 0)
        check_number(seconds_ago, "seconds_ago", least=0, most=MAX_SECONDS_AGO)
        content = _content(fields, "text", "reply_id", "message")
        message = self._phones.write_as_customer(
            self._number(fields, "from"),
            content,
            reply_id=fields.get("reply_id"),
            reply_to=_optional(fields, "reply_to"),
            seconds_ago=seconds_ago,
        )
        return _written(message)

    def _choose_marketing(self, fields: dict[str, Any]) -> Response:
        value = require_string(fields["preference"], "preference")
        if value not in ("stop", "resume"):
            raise invalid_field("preference", "must be stop or resume")
        self._phones.choose_marketing(self._number(fields, "from"), value)
        return json_response(HTTPStatus.OK, {"status": "success"})

    def write_as_staff(self, request: Request, body: bytes) -> Response:
        """Accept `to`, and a `text` or a whole `message`."""
        fields = _parse(body)
        return _written(self._phones.write_as_staff(self._number(fields, "to"), _content(fields, "text", "message")))

    def _number(self, fields: dict[str, Any], name: str) -> str:
        number = fields.get(name)
        if "with" in fields:
            known = chain(
                (entry.recipient for entry in self._history.newest_first()),
                (message.customer for message in self._phones.newest_first()),
            )
            number = next((one for one in known if one is not None and alias(one) == fields["with"]), None)
        check_recipient(number, ten_digits=True)
        return str(number)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        fields = require_object(json.loads(body), "body")
        json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):  # an unpaired surrogate is a ValueError too
        raise invalid_field("body", "must be a JSON object in UTF-8") from None
    return fields


def _content(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the `message` of the event.

    The place of a tapped button's title in real events is unknown; here it is in `text`, as words are.
    """
    if len(fields.keys() & set(names)) != 1:
        raise invalid_field(", ".join(names), "exactly one of them must be given")
    if "text" in fields:
        return text_content(require_string(fields["text"], "text", most=TEXT_MAX))
    if "reply_id" in fields:
        require_string(fields["reply_id"], "reply_id")
        title = _optional(fields, "title")
        return {"type": "interactive"} | ({"text": title} if title else {})
    require_string(require_object(fields["message"], "message").get("type"), "message.type")
    return dict(fields["message"])


def _optional(fields: dict[str, Any], name: str) -> str | None:
    return require_string(fields[name], name, most=TEXT_MAX) if fields.get(name) is not None else None


def _written(message: PhoneMessage) -> Response:
    return json_response(HTTPStatus.OK, {"status": "success", "message_id": message.id})
