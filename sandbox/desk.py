"""Everything but sending: the switches, the history and its counts, the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from itertools import islice
from math import inf

from pydantic import ValidationError

from sandbox.account import Account
from sandbox.answers import Answer, Refused, broken, error, json_answer
from sandbox.counts import counts
from sandbox.faults import Faults, Switches
from sandbox.history import History
from sandbox.page.view import Page
from sandbox.wire import Request

REQUESTS_SHOWN = 100
WINDOW_SECONDS = 60.0

Handler = Callable[[Request, bytes], Answer]


class Desk:
    """Answers by method and path."""

    def __init__(self, account: Account, faults: Faults, history: History) -> None:
        self._account = account
        self._faults = faults
        self._history = history
        page = Page(faults, history)
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
        return json_answer(HTTPStatus.OK, self._faults.switches.model_dump())

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
        """The newest `limit`, or the first `limit` of those numbered above `after`; oldest first."""
        query = request.query
        limit = int(_number(query, "limit", REQUESTS_SHOWN))
        entries = self._history.matching(query.get("recipient"), query.get("token"))
        if "after" in query:
            after = _number(query, "after", 0)
            shown = list(islice((entry for entry in entries if entry.number > after), limit))
        else:
            shown = entries[max(0, len(entries) - limit) :]
        requests = [entry.shown() for entry in shown]
        return json_answer(HTTPStatus.OK, {"requests": requests, "last": self._history.last_number})

    def _counts(self, request: Request, body: bytes) -> Answer:
        entries = self._history.matching(request.query.get("recipient"), request.query.get("token"))
        window = _number(request.query, "window", WINDOW_SECONDS)
        if not window:
            raise broken("window", "must be above 0 seconds")
        return json_answer(HTTPStatus.OK, counts(entries, window))

    def _forget(self, request: Request, body: bytes) -> Answer:
        self._account.forget()
        return json_answer(HTTPStatus.OK, {"status": "success"})


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
