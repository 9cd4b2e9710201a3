"""The control API: the switches, the history and its figures, the phones, the webhooks, the model, and the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from math import inf
from typing import Protocol, TypeVar

from pydantic import ValidationError

from sandbox.account import Account
from sandbox.connection import Handler, Request
from sandbox.counts import request_counts
from sandbox.fault_state import Faults
from sandbox.history import History
from sandbox.model.model import ModelAccount
from sandbox.page.view import Page
from sandbox.phones.api import PhoneAPI
from sandbox.phones.phones import Phones
from sandbox.responses import RequestRefused, Response, error_response, invalid_field, json_response
from sandbox.switches import Switches
from sandbox.template_texts import ReadTemplate
from sandbox.webhooks.log import webhook_counts
from sandbox.webhooks.outbox import Outbox

DEFAULT_LIMIT = 100
WINDOW_SECONDS = 60.0


class _Numbered(Protocol):
    number: int


N = TypeVar("N", bound=_Numbered)


class ControlAPI:
    """Routes a request by its method and path."""

    def __init__(
        self,
        account: Account,
        faults: Faults,
        history: History,
        phones: Phones,
        outbox: Outbox,
        model: ModelAccount,
        read: ReadTemplate,
    ) -> None:
        self._account = account
        self._faults = faults
        self._history = history
        self._phones = phones
        self._outbox = outbox
        self._model = model
        page, phone_api = Page(faults, history, phones, outbox.log, read), PhoneAPI(history, phones)
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "/"): lambda request, _: page.render(request.query),
            ("GET", "/live"): lambda request, _: page.render_changes(request.query),
            ("GET", "/page.css"): lambda *_: page.asset("page.css"),
            ("GET", "/page.js"): lambda *_: page.asset("page.js"),
            ("GET", "/healthz"): lambda *_: json_response(HTTPStatus.OK, {"status": "ok"}),
            ("GET", "/_sandbox/faults"): self._get_faults,
            ("PATCH", "/_sandbox/faults"): self._update_faults,
            ("DELETE", "/_sandbox/faults"): self._reset_faults,
            ("GET", "/_sandbox/requests"): self._list_requests,
            ("DELETE", "/_sandbox/requests"): self._clear,
            ("GET", "/_sandbox/counts"): self._get_counts,
            ("GET", "/_sandbox/webhooks"): self._list_webhooks,
            ("GET", "/_sandbox/model"): self._list_model_requests,
            ("POST", "/_sandbox/customer"): phone_api.write_as_customer,
            ("POST", "/_sandbox/staff"): phone_api.write_as_staff,
        }

    def handle(self, request: Request, body: bytes) -> Response:
        handler = self._routes.get((request.method, request.path))
        if handler is None:
            return error_response(HTTPStatus.NOT_FOUND, f"There is no {request.method} {request.path}")
        try:
            return handler(request, body)
        except RequestRefused as refusal:
            return refusal.response()

    def _get_faults(self, request: Request, body: bytes) -> Response:
        return json_response(HTTPStatus.OK, self._faults.switches.model_dump(mode="json"))

    def _update_faults(self, request: Request, body: bytes) -> Response:
        known = list(Switches.model_fields)
        try:
            patch = json.loads(body)
        except (ValueError, RecursionError):
            raise invalid_field("body", "must be a JSON object of switches") from None
        if not isinstance(patch, dict):
            raise invalid_field("body", "must be a JSON object of switches")
        if unknown := sorted(patch.keys() - set(known)):
            return error_response(HTTPStatus.BAD_REQUEST, f"Unknown switch: {', '.join(unknown)}", known=known)
        try:
            self._faults.update(patch)
        except ValidationError as problems:
            return error_response(HTTPStatus.BAD_REQUEST, _describe(problems))
        return self._get_faults(request, body)

    def _reset_faults(self, request: Request, body: bytes) -> Response:
        self._faults.reset()
        return self._get_faults(request, body)

    def _list_requests(self, request: Request, body: bytes) -> Response:
        query = request.query
        entries = _select(self._history.matching(query.get("recipient"), query.get("token")), query)
        requests = [entry.to_dict() for entry in entries]
        return json_response(HTTPStatus.OK, {"requests": requests, "last": self._history.last_number})

    def _list_model_requests(self, request: Request, body: bytes) -> Response:
        requests = [entry.to_dict() for entry in _select(list(self._model.requests()), request.query)]
        return json_response(HTTPStatus.OK, {"requests": requests, "last": self._model.last_number})

    def _list_webhooks(self, request: Request, body: bytes) -> Response:
        """Return the figures of all that match, and a selection; `on_their_way` counts messages with events to come."""
        query = request.query
        webhooks = self._outbox.log.matching(query.get("customer"), query.get("event"))
        selected = [webhook.to_dict() for webhook in _select(webhooks, query)]
        return json_response(
            HTTPStatus.OK,
            {
                "counts": webhook_counts(webhooks),
                "on_their_way": self._phones.in_transit,
                "webhooks": selected,
                "last": self._outbox.log.last_number,
            },
        )

    def _get_counts(self, request: Request, body: bytes) -> Response:
        entries = self._history.matching(request.query.get("recipient"), request.query.get("token"))
        window = _number(request.query, "window", WINDOW_SECONDS)
        if not window:
            raise invalid_field("window", "must be above 0 seconds")
        return json_response(HTTPStatus.OK, request_counts(entries, window))

    def _clear(self, request: Request, body: bytes) -> Response:
        self._account.clear()
        self._phones.clear()
        self._outbox.clear()
        self._model.clear()
        return json_response(HTTPStatus.OK, {"status": "success"})


def _select(numbered: Sequence[N], query: Mapping[str, str]) -> list[N]:
    """Return the newest `limit`, or the first `limit` with a number above `after`; oldest first."""
    limit = int(_number(query, "limit", DEFAULT_LIMIT))
    if "after" in query:
        after = _number(query, "after", 0)
        return list(islice((one for one in numbered if one.number > after), limit))
    return list(numbered[max(0, len(numbered) - limit) :])


def _number(query: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(query.get(name, default))
    except ValueError:
        raise invalid_field(name, "must be a number") from None
    if not 0 <= value < inf:
        raise invalid_field(name, "must not be negative")
    return value


def _describe(problems: ValidationError) -> str:
    """Name each switch and its rule; leave out the value, which may be a token."""
    return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems.errors())
