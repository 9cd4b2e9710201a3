"""Puts words into the mouths of customers and staff: for tests, and for whoever plays them on the page."""

from __future__ import annotations

import json
from http import HTTPStatus
from itertools import chain
from typing import Any

from sandbox.answers import Answer, broken, json_answer
from sandbox.history import History, alias
from sandbox.phones.phones import Phones
from sandbox.phones.said import Said, text
from sandbox.rules.envelope import check_recipient
from sandbox.rules.shape import a_mapping, a_number, a_string
from sandbox.wire import Request

TEXT_MAX = 4_096
LONG_AGO = 30 * 24 * 3600.0


class Talk:
    """Two endpoints; the page, which shows no numbers, names a customer by the alias in `with`."""

    def __init__(self, history: History, phones: Phones) -> None:
        self._history = history
        self._phones = phones

    def customer(self, request: Request, body: bytes) -> Answer:
        """`from`, and a `text`, a tapped `reply_id` with its `title`, or a whole `message` of any other type.

        `reply_to` is the message it answers; `seconds_ago` puts it into the past.
        """
        said = _parsed(body)
        ago = said.get("seconds_ago", 0)
        a_number(ago, "seconds_ago", least=0, most=LONG_AGO)
        content = _content(said, "text", "reply_id", "message")
        return _done(
            self._phones.customer_writes(
                self._number(said, "from"),
                content,
                reply_id=said.get("reply_id"),
                reply_to=_optional(said, "reply_to"),
                seconds_ago=ago,
            )
        )

    def staff(self, request: Request, body: bytes) -> Answer:
        """`to`, and a `text` or a whole `message`."""
        said = _parsed(body)
        return _done(self._phones.staff_writes(self._number(said, "to"), _content(said, "text", "message")))

    def _number(self, said: dict[str, Any], field: str) -> str:
        number = said.get(field)
        if "with" in said:
            everybody = chain(
                (entry.recipient for entry in self._history.newest_first()),
                (message.customer for message in self._phones.newest_first()),
            )
            number = next((one for one in everybody if one is not None and alias(one) == said["with"]), None)
        check_recipient(number, ten_digits=True)
        return str(number)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        said = a_mapping(json.loads(body), "body")
        json.dumps(said, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):  # half of a surrogate pair is a ValueError too
        raise broken("body", "must be a JSON object in UTF-8") from None
    return said


def _content(said: dict[str, Any], *ways: str) -> dict[str, Any]:
    """What an event shows as `message`. Where it has the title of what was tapped is not known; words are in `text`."""
    if len(said.keys() & set(ways)) != 1:
        raise broken(", ".join(ways), "exactly one of them must be given")
    if "text" in said:
        return text(a_string(said["text"], "text", most=TEXT_MAX))
    if "reply_id" in said:
        a_string(said["reply_id"], "reply_id")
        title = _optional(said, "title")
        return {"type": "interactive"} | ({"text": title} if title else {})
    a_string(a_mapping(said["message"], "message").get("type"), "message.type")
    return dict(said["message"])


def _optional(said: dict[str, Any], field: str) -> str | None:
    return a_string(said[field], field, most=TEXT_MAX) if said.get(field) is not None else None


def _done(said: Said) -> Answer:
    return json_answer(HTTPStatus.OK, {"status": "success", "message_id": said.id})
