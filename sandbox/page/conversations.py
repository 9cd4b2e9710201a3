"""Conversations as a phone shows them, from requests and from what customers and staff wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.history import RequestEntry, alias
from sandbox.phones.message import Author, PhoneMessage, State
from sandbox.rules.template import fill
from sandbox.template_texts import ReadTemplate

MAX_BUBBLES = 200
NAME_SEARCH = 10
"""The newest requests of a customer that are searched for a name."""

Content = Mapping[str, Any]
"""A message as `{"type": T, T: …}`; that of a template has its filled `text`, None if it is not known."""
Item = RequestEntry | PhoneMessage


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer in the list; links contain `key` instead of the number."""

    key: str
    number: str
    name: str
    last: str
    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message; without `content` it is only the `note` about an unusual request."""

    at: datetime
    content: Content | None = None
    author: Author = "api"
    state: State = "accepted"
    lost: bool = False
    again: bool = False
    tapped: bool = False
    note: str = ""


def conversations(entries: Sequence[RequestEntry], written: Sequence[PhoneMessage]) -> dict[str, list[Item]]:
    """Group by the customer's key: the latest conversation first, and in each the newest item first."""
    by_number: dict[str, list[Item]] = {}
    items: list[Item] = [*entries, *written]
    for item in sorted(items, key=_at, reverse=True):
        if (number := _number(item)) is not None:
            by_number.setdefault(number, []).append(item)
    return {alias(number): found for number, found in by_number.items()}


def summarize(key: str, newest_first: Sequence[Item], read: ReadTemplate) -> Customer:
    last = newest_first[0]
    names = (_name(item.body) for item in newest_first[:NAME_SEARCH] if isinstance(item, RequestEntry))
    return Customer(
        key=key,
        number=mask(_number(last) or ""),
        name=next(filter(None, names), ""),
        last=_last_line(last, read),
        at=datetime.fromtimestamp(_at(last)),
        count=len(newest_first),
    )


def bubbles(newest_first: Sequence[Item], read: ReadTemplate) -> list[Bubble]:
    """Return the bubbles, oldest first; `again` marks a content that was accepted before."""
    found: list[Bubble] = []
    accepted: set[str] = set()
    for item in reversed(newest_first):
        if isinstance(item, PhoneMessage):
            found.append(_written_bubble(item))
            continue
        found += _request_bubbles(item, item.accepted and item.content in accepted, read)
        if item.accepted:
            accepted.add(item.content)
    return found[-MAX_BUBBLES:]


def mask(number: str) -> str:
    """Hide all but three digits, which distinguish customers and are too few to call them."""
    return "•" * (len(number) - 3) + number[-3:] if number.isdecimal() else "not a number"


def _at(item: Item) -> float:
    return item.received_at if isinstance(item, RequestEntry) else item.at


def _number(item: Item) -> str | None:
    return item.recipient if isinstance(item, RequestEntry) else item.customer


def _name(body: Any) -> str:
    name = body.get("customer_name")
    return name.strip() if isinstance(name, str) else ""


def _last_line(item: Item, read: ReadTemplate) -> str:
    if isinstance(item, PhoneMessage):
        return _preview(_written_content(item))
    return _preview(_contents(item.body, read)[0]) if item.accepted else f"not accepted: {item.outcome}"


def _written_bubble(message: PhoneMessage) -> Bubble:
    at = datetime.fromtimestamp(message.at)
    return Bubble(at, _written_content(message), message.author, message.state, tapped=message.reply_id is not None)


def _written_content(message: PhoneMessage) -> Content:
    """Return the text or the caption, or the name of any other type."""
    media = message.content.get(message.content["type"])
    caption = media.get("caption") if isinstance(media, dict) else None
    text = message.content.get("text", message.reply_id or caption)
    return _text(text if isinstance(text, str) else f"[{message.content['type']}]")


def _request_bubbles(entry: RequestEntry, again: bool, read: ReadTemplate) -> Iterator[Bubble]:
    at = datetime.fromtimestamp(entry.received_at)
    contents = _contents(entry.body, read) if entry.accepted else ()
    for index, content in enumerate(contents):
        known = entry.messages[index] if entry.messages else None
        state: State = known.state if known else "delivered" if entry.delivered else "accepted"
        note = f"failed: {known.code}" if known and state == "failed" else ""
        yield Bubble(at, content, state=state, lost=entry.outcome == "silent_drop", again=again, note=note)
        if (text := content.get("text")) and content["type"] == "template" and text.code:
            yield Bubble(at, note=f"{text.code} · {text.problem}", state="failed")
    if note := _note(entry):
        yield Bubble(at, note=note, state="accepted" if entry.accepted else "failed")


def _contents(body: Any, read: ReadTemplate) -> list[Content]:
    """Return each message of an accepted body, templates with their placeholders filled."""
    if "message" in body:
        return [_text(body["message"])]
    fallbacks = body.get("altTexts", {}) | ({"$name": body["customer_name"]} if body.get("customer_name") else {})
    return [
        message["payload"] if message["kind"] == "raw" else _template(_filled(message, fallbacks), read)
        for message in body["messages"]
    ]


def _template(template: dict[str, Any], read: ReadTemplate) -> Content:
    return {"type": "template", "template": template, "text": read(template)}


def _text(text: str) -> Content:
    return {"type": "text", "text": {"body": text}}


def _filled(message: dict[str, Any], fallbacks: dict[str, str]) -> dict[str, Any]:
    template: dict[str, Any] = message["template"]
    for component in template.get("components", []):
        for parameter in component.get("parameters", []):
            if "text" in parameter:
                parameter["text"] = fill(parameter["text"], fallbacks)
    return template


def _preview(content: Content) -> str:
    match content["type"]:
        case "text":
            return str(content["text"]["body"])[:80]
        case "template" if content["text"]:
            return str(content["text"].body)[:80]
        case "template":
            return f"template {content['template']['name']}"
        case "interactive":
            return str(content["interactive"]["body"]["text"])[:80]
    return str(content["type"])


def _note(entry: RequestEntry) -> str:
    if not entry.accepted:
        return f"{entry.status or 'reset'} · {entry.reason or entry.outcome}"
    if entry.outcome == "silent_drop":
        return "accepted, then dropped: the message never reached the phone"
    if not entry.informed:
        return f"accepted, but the sender got no correct response ({entry.outcome})"
    return ""
