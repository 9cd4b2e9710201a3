"""What the page shows, made from the history: conversations, bubbles, figures and fault toggles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, FileSystemLoader

from sandbox.answers import Answer, json_answer
from sandbox.counts import counts
from sandbox.faults import Faults
from sandbox.history import Entry, History
from sandbox.page.toggles import toggles
from sandbox.phones.phones import Phones
from sandbox.rules.template import fill

LOOKS_BACK = 5_000
BUBBLES_SHOWN = 200
PEOPLE_SHOWN = 200
NAMES_LOOKED_AT = 10
PARTS = ("figures", "people", "thread", "toggles")
FOLDER = Path(__file__).parent
HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:",
    ),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """One recipient in the list; `key` stands for the number in links."""

    key: str
    number: str
    name: str
    last: str
    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Bubble:
    """One request in a conversation: its messages if they were accepted, and a note if anything was unusual."""

    parts: Sequence[Mapping[str, Any]]
    at: datetime
    delivered: bool
    again: bool
    note: str


class Page:
    """Renders the newest requests; everything older is at `/_sandbox/requests`."""

    def __init__(self, faults: Faults, history: History, phones: Phones) -> None:
        self._faults = faults
        self._history = history
        self._phones = phones
        self._templates = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True)
        self._templates.filters |= {"file": file_name, "host": host, "clock": lambda at: f"{at:%H:%M}"}

    def whole(self, query: Mapping[str, str]) -> Answer:
        """`with` is the key of a conversation; without it the newest is open."""
        shown = self._shown(query) | {"version": self._version(), "chosen": "with" in query}
        html = self._templates.get_template("page.html").render(shown)
        return Answer(HTTPStatus.OK, html.encode("utf-8", "replace"), "text/html; charset=utf-8", HEADERS)

    def live(self, query: Mapping[str, str]) -> Answer:
        """The parts that change, or nothing when `seen` is still what there is."""
        version = self._version()
        if query.get("seen") == version:
            return Answer(HTTPStatus.NO_CONTENT, b"", headers=HEADERS)
        shown = self._shown(query)
        parts = {name: self._templates.get_template(f"{name}.html").render(shown) for name in PARTS}
        return json_answer(HTTPStatus.OK, {"version": version, "with": shown["key"], "parts": parts}, HEADERS)

    def asset(self, name: str) -> Answer:
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return Answer(HTTPStatus.OK, (FOLDER / name).read_bytes(), f"{kind}; charset=utf-8", HEADERS)

    def _version(self) -> str:
        return f"{self._history.version}.{self._faults.version}"

    def _shown(self, query: Mapping[str, str]) -> dict[str, Any]:
        entries = list(islice(self._history.newest_first(), LOOKS_BACK))
        conversations = _conversations(entries)
        key = query.get("with") or next(iter(conversations), "")
        people = {known: _person(known, newest) for known, newest in islice(conversations.items(), PEOPLE_SHOWN)}
        opened = conversations.get(key, [])
        return {
            "figures": counts(entries[::-1], 60),
            "looks_back": LOOKS_BACK if len(entries) == LOOKS_BACK else None,
            "people": people.values(),
            "key": key,
            "person": _person(key, opened) if opened else None,
            "bubbles": _bubbles(opened),
            "toggles": toggles(self._faults.switches),
            "limit": self._faults.switches.limit,
        }


def file_name(link: str) -> str:
    return unquote(urlsplit(link).path.rpartition("/")[2])


def host(link: str) -> str:
    return urlsplit(link).hostname or ""


def masked(number: str) -> str:
    """Enough to tell people apart, too little to call them."""
    return "•" * (len(number) - 3) + number[-3:] if number.isdecimal() else "not a number"


def _key(recipient: str) -> str:
    return blake2b(recipient.encode("utf-8", "replace"), digest_size=5).hexdigest()


def _conversations(newest_first: Sequence[Entry]) -> dict[str, list[Entry]]:
    """By key; whoever was written to last comes first."""
    by_recipient: dict[str, list[Entry]] = {}
    for entry in newest_first:
        if entry.recipient is not None:
            by_recipient.setdefault(entry.recipient, []).append(entry)
    return {_key(recipient): entries for recipient, entries in by_recipient.items()}


def _person(key: str, newest_first: Sequence[Entry]) -> Person:
    last = newest_first[0]
    names = (_name(entry.body) for entry in newest_first[:NAMES_LOOKED_AT])
    return Person(
        key=key,
        number=masked(last.recipient or ""),
        name=next(filter(None, names), ""),
        last=_preview(_messages(last.body)) if last.accepted else f"not accepted: {last.outcome}",
        at=datetime.fromtimestamp(last.received_at),
        count=len(newest_first),
    )


def _name(body: Any) -> str:
    name = body.get("customer_name")
    return name.strip() if isinstance(name, str) else ""


def _bubbles(newest_first: Sequence[Entry]) -> list[Bubble]:
    """Oldest first; `again` marks what was accepted before with the same content."""
    bubbles: list[Bubble] = []
    accepted: set[str] = set()
    for entry in reversed(newest_first):
        bubbles.append(
            Bubble(
                parts=_messages(entry.body) if entry.accepted else (),
                at=datetime.fromtimestamp(entry.received_at),
                delivered=entry.delivered,
                again=entry.accepted and entry.content in accepted,
                note=_note(entry),
            )
        )
        if entry.accepted:
            accepted.add(entry.content)
    return bubbles[-BUBBLES_SHOWN:]


def _messages(body: Any) -> list[dict[str, Any]]:
    """Each message of an accepted body as `{"type": T, T: …}`, templates with their placeholders filled."""
    if "message" in body:
        return [{"type": "text", "text": {"body": body["message"]}}]
    fallbacks = body.get("altTexts", {}) | ({"$name": body["customer_name"]} if body.get("customer_name") else {})
    return [
        message["payload"]
        if message["kind"] == "raw"
        else {"type": "template", "template": _filled(message, fallbacks)}
        for message in body["messages"]
    ]


def _filled(message: dict[str, Any], fallbacks: dict[str, str]) -> dict[str, Any]:
    template: dict[str, Any] = message["template"]
    for component in template.get("components", []):
        for parameter in component.get("parameters", []):
            if "text" in parameter:
                parameter["text"] = fill(parameter["text"], fallbacks)
    return template


def _preview(messages: Sequence[Mapping[str, Any]]) -> str:
    first = messages[0]
    match first["type"]:
        case "text":
            return str(first["text"]["body"])[:80]
        case "template":
            return f"template {first['template']['name']}"
        case "interactive":
            return str(first["interactive"]["body"]["text"])[:80]
    return str(first["type"])


def _note(entry: Entry) -> str:
    if not entry.accepted:
        return f"{entry.status or 'reset'} · {entry.why or entry.outcome}"
    if entry.outcome == "silent_drop":
        return "accepted, then dropped: never reached the phone"
    if not entry.told:
        return f"accepted, but the sender was not told ({entry.outcome})"
    return ""
