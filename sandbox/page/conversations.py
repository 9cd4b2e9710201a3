"""Conversations as a phone shows them, made from requests and from what customers and staff wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.history import Entry, alias
from sandbox.phones.said import Said, State, Writer
from sandbox.rules.template import fill

BUBBLES_SHOWN = 200
NAMES_LOOKED_AT = 10

Part = Mapping[str, Any]
"""A message as `{"type": T, T: …}`."""
Spoken = Entry | Said


@dataclass(frozen=True, slots=True)
class Person:
    """One customer in the list; `key` stands for the number in links."""

    key: str
    number: str
    name: str
    last: str
    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message, or with `part` None a mere `note` on a request that was unusual."""

    at: datetime
    part: Part | None = None
    by: Writer = "api"
    state: State = "accepted"
    lost: bool = False
    again: bool = False
    tapped: bool = False
    note: str = ""


def conversations(entries: Sequence[Entry], said: Sequence[Said]) -> dict[str, list[Spoken]]:
    """By key, each with its newest first; whoever was written to, or wrote, last comes first."""
    by_number: dict[str, list[Spoken]] = {}
    everything: list[Spoken] = [*entries, *said]
    for one in sorted(everything, key=_at, reverse=True):
        number = one.recipient if isinstance(one, Entry) else one.customer
        if number is not None:
            by_number.setdefault(number, []).append(one)
    return {alias(number): spoken for number, spoken in by_number.items()}


def person(key: str, newest_first: Sequence[Spoken]) -> Person:
    last = newest_first[0]
    number = last.recipient if isinstance(last, Entry) else last.customer
    names = (_name(one.body) for one in newest_first[:NAMES_LOOKED_AT] if isinstance(one, Entry))
    return Person(
        key=key,
        number=masked(number or ""),
        name=next(filter(None, names), ""),
        last=_last(last),
        at=datetime.fromtimestamp(_at(last)),
        count=len(newest_first),
    )


def bubbles(newest_first: Sequence[Spoken]) -> list[Bubble]:
    """Oldest first; `again` marks what was accepted before with the same content."""
    shown: list[Bubble] = []
    accepted: set[str] = set()
    for one in reversed(newest_first):
        if isinstance(one, Said):
            shown.append(_bubble_of(one))
            continue
        shown += _bubbles_of(one, again=one.accepted and one.content in accepted)
        if one.accepted:
            accepted.add(one.content)
    return shown[-BUBBLES_SHOWN:]


def masked(number: str) -> str:
    """Enough to tell people apart, too little to call them."""
    return "•" * (len(number) - 3) + number[-3:] if number.isdecimal() else "not a number"


def _at(one: Spoken) -> float:
    return one.received_at if isinstance(one, Entry) else one.at


def _name(body: Any) -> str:
    name = body.get("customer_name")
    return name.strip() if isinstance(name, str) else ""


def _last(one: Spoken) -> str:
    if isinstance(one, Said):
        return _preview(_part_of(one))
    return _preview(_parts(one.body)[0]) if one.accepted else f"not accepted: {one.outcome}"


def _bubble_of(said: Said) -> Bubble:
    at = datetime.fromtimestamp(said.at)
    return Bubble(at, _part_of(said), said.by, said.state, tapped=said.reply_id is not None)


def _part_of(said: Said) -> Part:
    """Words, or the type of what nobody looks at here."""
    words = said.content.get("text", said.reply_id)
    return _text(words if isinstance(words, str) else f"[{said.content['type']}]")


def _bubbles_of(entry: Entry, again: bool) -> Iterator[Bubble]:
    at = datetime.fromtimestamp(entry.received_at)
    parts = _parts(entry.body) if entry.accepted else ()
    for index, part in enumerate(parts):
        known = entry.messages[index] if entry.messages else None
        state: State = known.state if known else "delivered" if entry.delivered else "accepted"
        note = f"failed: {known.code}" if known and state == "failed" else ""
        yield Bubble(at, part, state=state, lost=entry.outcome == "silent_drop", again=again, note=note)
    if note := _note(entry):
        yield Bubble(at, note=note, state="accepted" if entry.accepted else "failed")


def _parts(body: Any) -> list[Part]:
    """Each message of an accepted body, templates with their placeholders filled."""
    if "message" in body:
        return [_text(body["message"])]
    fallbacks = body.get("altTexts", {}) | ({"$name": body["customer_name"]} if body.get("customer_name") else {})
    return [
        message["payload"]
        if message["kind"] == "raw"
        else {"type": "template", "template": _filled(message, fallbacks)}
        for message in body["messages"]
    ]


def _text(words: str) -> Part:
    return {"type": "text", "text": {"body": words}}


def _filled(message: dict[str, Any], fallbacks: dict[str, str]) -> dict[str, Any]:
    template: dict[str, Any] = message["template"]
    for component in template.get("components", []):
        for parameter in component.get("parameters", []):
            if "text" in parameter:
                parameter["text"] = fill(parameter["text"], fallbacks)
    return template


def _preview(part: Part) -> str:
    match part["type"]:
        case "text":
            return str(part["text"]["body"])[:80]
        case "template":
            return f"template {part['template']['name']}"
        case "interactive":
            return str(part["interactive"]["body"]["text"])[:80]
    return str(part["type"])


def _note(entry: Entry) -> str:
    if not entry.accepted:
        return f"{entry.status or 'reset'} · {entry.why or entry.outcome}"
    if entry.outcome == "silent_drop":
        return "accepted, then dropped: never reached the phone"
    if not entry.told:
        return f"accepted, but the sender was not told ({entry.outcome})"
    return ""
