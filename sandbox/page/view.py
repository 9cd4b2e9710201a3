"""What the page shows, made from the history and the phones: conversations, figures and fault toggles."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, FileSystemLoader

from sandbox.answers import Answer, json_answer
from sandbox.counts import counts
from sandbox.faults import Faults
from sandbox.history import History
from sandbox.page.conversations import bubbles, conversations, person
from sandbox.page.toggles import toggles
from sandbox.phones.phones import Phones
from sandbox.webhooks import log

LOOKS_BACK = 5_000
PEOPLE_SHOWN = 200
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


class Page:
    """Renders the newest requests; everything older is at `/_sandbox/requests`."""

    def __init__(self, faults: Faults, history: History, phones: Phones, webhooks: log.Log) -> None:
        self._faults = faults
        self._history = history
        self._phones = phones
        self._webhooks = webhooks
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
        parts = (self._history, self._phones, self._webhooks, self._faults)
        return ".".join(str(part.version) for part in parts)

    def _shown(self, query: Mapping[str, str]) -> dict[str, Any]:
        entries = list(islice(self._history.newest_first(), LOOKS_BACK))
        said = list(islice(self._phones.newest_first(), LOOKS_BACK))
        talks = conversations(entries, said)
        key = query.get("with") or next(iter(talks), "")
        opened = talks.get(key, [])
        switches = self._faults.switches
        return {
            "figures": counts(entries[::-1], 60),
            "looks_back": LOOKS_BACK if len(entries) == LOOKS_BACK else None,
            "people": [person(known, newest) for known, newest in islice(talks.items(), PEOPLE_SHOWN)],
            "key": key,
            "person": person(key, opened) if opened else None,
            "bubbles": bubbles(opened),
            "toggles": toggles(switches),
            "limit": switches.limit,
            "webhooks": log.counts(list(islice(self._webhooks.newest_first(), LOOKS_BACK))),
            "heard": bool(switches.webhook_url),
        }


def file_name(link: str) -> str:
    return unquote(urlsplit(link).path.rpartition("/")[2])


def host(link: str) -> str:
    return urlsplit(link).hostname or ""
