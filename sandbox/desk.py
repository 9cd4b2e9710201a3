"""Everything but sending: the switches, the history and its counts, the phones, the webhooks, the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from math import inf
from typing import Protocol, TypeVar

from pydantic import ValidationError

from sandbox.account import Account
from sandbox.answers import Answer, Refused, broken, error, json_answer
from sandbox.counts import counts
from sandbox.faults import Faults
from sandbox.history import History
from sandbox.page.view import Page
from sandbox.phones.phones import Phones
from sandbox.phones.talk import Talk
from sandbox.switches import Switches
from sandbox.webhooks import log
from sandbox.webhooks.outbox import Outbox
from sandbox.wire import Handler, Request

REQUESTS_SHOWN = 100
WINDOW_SECONDS = 60.0


class _Numbered(Protocol):
    number: int


N = TypeVar("N", bound=_Numbered)


class Desk:
    """Answers by method and path."""

    def __init__(self, account: Account, faults: Faults, history: History, phones: Phones, outbox: Outbox) -> None:
        self._account = account
        self._faults = faults
        self._history = history
        self._phones = phones
        self._outbox = outbox
        page, talk = Page(faults, history, phones, outbox.log), Talk(history, phones)
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "/"): lambda request, _: page.whole(request.query),
            ("GET", "/live"): lambda request, _: page.live(request.query),
            ("GET", "/page.css"): lambda *_: page.asset("page.css"),
            ("GET", "/page.js"): lambda *_: page.asset("page.js"),
            ("GET", "/healthz"): lambda *_: json_answer(HTTPStatus.OK, {"status": "ok"}),
            ("GET", "/_sandbox/faults"): self._faults_now,
            ("PATCH", "/_sandbox/faults"): self._change_faults,
            ("DELETE", "/_sandbox/faults"): self._reset_faults,
            ("GET", "/_sandbox/requests"): self._requests,
            ("DELETE", "/_sandbox/requests"): self._forget,
            ("GET", "/_sandbox/counts"): self._counts,
            ("GET", "/_sandbox/webhooks"): self._webhooks,
            ("POST", "/_sandbox/customer"): talk.customer,
            ("POST", "/_sandbox/staff"): talk.staff,
        }

    def answer(self, request: Request, body: bytes) -> Answer:
        handler = self._routes.get((request.method, request.path))
        if handler is None:
            return error(HTTPStatus.NOT_FOUND, f"There is no {request.method} {request.path}")
        try:
            return handler(request, body)
        except Refused as refusal:
            return refusal.answer()

    def _faults_now(self, request: Request, body: bytes) -> Answer:
        return json_answer(HTTPStatus.OK, self._faults.switches.model_dump(mode="json"))

    def _change_faults(self, request: Request, body: bytes) -> Answer:
        known = list(Switches.model_fields)
        try:
            patch = json.loads(body)
        except ValueError:
            raise broken("body", "must be a JSON object of switches") from None
        if not isinstance(patch, dict):
            raise broken("body", "must be a JSON object of switches")
        if unknown := sorted(patch.keys() - set(known)):
            return error(HTTPStatus.BAD_REQUEST, f"Unknown switch: {', '.join(unknown)}", known=known)
        try:
            self._faults.change(patch)
        except ValidationError as problems:
            return error(HTTPStatus.BAD_REQUEST, _sentences(problems))
        return self._faults_now(request, body)

    def _reset_faults(self, request: Request, body: bytes) -> Answer:
        self._faults.reset()
        return self._faults_now(request, body)

    def _requests(self, request: Request, body: bytes) -> Answer:
        query = request.query
        entries = _excerpt(self._history.matching(query.get("recipient"), query.get("token")), query)
        requests = [entry.shown() for entry in entries]
        return json_answer(HTTPStatus.OK, {"requests": requests, "last": self._history.last_number})

    def _webhooks(self, request: Request, body: bytes) -> Answer:
        """The figures of all that match, and an excerpt of them; `on_their_way` are messages with events to come."""
        query = request.query
        webhooks = self._outbox.log.matching(query.get("customer"), query.get("event"))
        shown = [webhook.shown() for webhook in _excerpt(webhooks, query)]
        return json_answer(
            HTTPStatus.OK,
            {
                "counts": log.counts(webhooks),
                "on_their_way": self._phones.on_their_way,
                "webhooks": shown,
                "last": self._outbox.log.last_number,
            },
        )

    def _counts(self, request: Request, body: bytes) -> Answer:
        entries = self._history.matching(request.query.get("recipient"), request.query.get("token"))
        window = _number(request.query, "window", WINDOW_SECONDS)
        if not window:
            raise broken("window", "must be above 0 seconds")
        return json_answer(HTTPStatus.OK, counts(entries, window))

    def _forget(self, request: Request, body: bytes) -> Answer:
        self._account.forget()
        self._phones.forget()
        self._outbox.forget()
        return json_answer(HTTPStatus.OK, {"status": "success"})


def _excerpt(numbered: Sequence[N], query: Mapping[str, str]) -> list[N]:
    """The newest `limit`, or the first `limit` of those numbered above `after`; oldest first."""
    limit = int(_number(query, "limit", REQUESTS_SHOWN))
    if "after" in query:
        after = _number(query, "after", 0)
        return list(islice((one for one in numbered if one.number > after), limit))
    return list(numbered[max(0, len(numbered) - limit) :])


def _number(query: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(query.get(name, default))
    except ValueError:
        raise broken(name, "must be a number") from None
    if not 0 <= value < inf:
        raise broken(name, "must not be negative")
    return value


def _sentences(problems: ValidationError) -> str:
    """Names and rules only: a refused value may hold a token."""
    return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems.errors())
