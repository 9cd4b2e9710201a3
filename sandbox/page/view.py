"""The page of the sandbox: conversations, figures and fault toggles."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, FileSystemLoader

from sandbox.counts import request_counts
from sandbox.fault_state import Faults
from sandbox.history import History
from sandbox.page.conversations import bubbles, conversations, summarize
from sandbox.page.toggles import toggles
from sandbox.phones.phones import Phones
from sandbox.responses import Response, json_response
from sandbox.template_texts import ReadTemplate
from sandbox.webhooks.log import WebhookLog, webhook_counts

MAX_REQUESTS = 5_000
MAX_CUSTOMERS = 200
PARTS = ("figures", "customers", "thread", "toggles")
FIGURES = {
    "total": "requests",
    "accepted": "accepted",
    "refused": "refused",
    "duplicates": "duplicates",
    "untold": "no response",
}
"""Labels of the figures, by their names in the counts."""
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
    """Renders the newest requests; `/_sandbox/requests` has the older ones too."""

    def __init__(
        self, faults: Faults, history: History, phones: Phones, webhooks: WebhookLog, read: ReadTemplate
    ) -> None:
        self._faults = faults
        self._history = history
        self._phones = phones
        self._webhooks = webhooks
        self._read = read
        self._templates = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True)
        self._templates.filters |= {"file": file_name, "host": host, "clock": lambda at: f"{at:%H:%M}"}

    def render(self, query: Mapping[str, str]) -> Response:
        """Render the whole page; `with` is the key of a conversation, without which the latest is open."""
        context = self._context(query) | {"version": self._version(), "chosen": "with" in query}
        html = self._templates.get_template("page.html").render(context)
        return Response(HTTPStatus.OK, html.encode("utf-8", "replace"), "text/html; charset=utf-8", HEADERS)

    def render_changes(self, query: Mapping[str, str]) -> Response:
        """Render the parts that change, or nothing when `seen` is the current version."""
        version = self._version()
        if query.get("seen") == version:
            return Response(HTTPStatus.NO_CONTENT, b"", headers=HEADERS)
        context = self._context(query)
        parts = {name: self._templates.get_template(f"{name}.html").render(context) for name in PARTS}
        return json_response(HTTPStatus.OK, {"version": version, "with": context["key"], "parts": parts}, HEADERS)

    def asset(self, name: str) -> Response:
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return Response(HTTPStatus.OK, (FOLDER / name).read_bytes(), f"{kind}; charset=utf-8", HEADERS)

    def _version(self) -> str:
        parts = (self._history, self._phones, self._webhooks, self._faults)
        return ".".join(str(part.version) for part in parts)

    def _context(self, query: Mapping[str, str]) -> dict[str, Any]:
        entries = list(islice(self._history.newest_first(), MAX_REQUESTS))
        written = list(islice(self._phones.newest_first(), MAX_REQUESTS))
        found = conversations(entries, written)
        key = query.get("with") or next(iter(found), "")
        opened = found.get(key, [])
        switches = self._faults.switches
        counts = request_counts(entries[::-1], 60)
        return {
            "figures": {label: counts[name] for name, label in FIGURES.items()},
            "most_in_window": counts["most_in_window"],
            "max_requests": MAX_REQUESTS if len(entries) == MAX_REQUESTS else None,
            "customers": [
                summarize(known, newest, self._read) for known, newest in islice(found.items(), MAX_CUSTOMERS)
            ],
            "key": key,
            "customer": summarize(key, opened, self._read) if opened else None,
            "bubbles": bubbles(opened, self._read),
            "toggles": toggles(switches),
            "limit": switches.limit,
            "webhooks": webhook_counts(list(islice(self._webhooks.newest_first(), MAX_REQUESTS))),
            "has_webhook": bool(switches.webhook_url),
        }


def file_name(link: str) -> str:
    return unquote(urlsplit(link).path.rpartition("/")[2])


def host(link: str) -> str:
    return urlsplit(link).hostname or ""
