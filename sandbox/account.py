"""The account that sends messages: the decision about one request, with its faults."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from secrets import token_hex
from typing import Any

from sandbox.fault_state import MARKED_NUMBERS, Faults
from sandbox.history import History, RequestEntry, digest, fingerprint, now
from sandbox.limit import SlidingWindow, parse_limit
from sandbox.responses import Headers, RequestRefused, Response, ResponseMode, invalid_field, json_response
from sandbox.rules.envelope import check_request

NOT_ACCEPTED_BODIES: tuple[dict[str, Any], ...] = (
    {"status": "error", "message": "Message could not be queued"},
    {"success": False, "message": "Message could not be queued"},
    {"status": False, "message": "Message could not be queued"},
    {"error": {"code": 131000, "message": "Something went wrong"}},
)
"""Refusals that clients of the API report under a success status."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The response, how it leaves, and the history's entry, which later records whether it arrived."""

    entry: RequestEntry
    response: Response
    mode: ResponseMode


class Account:
    """Decides about requests one at a time; knows nothing of sockets."""

    def __init__(self, allowed_tokens: frozenset[str], faults: Faults, history: History) -> None:
        self._allowed = allowed_tokens
        self._faults = faults
        self._history = history
        self._window = SlidingWindow()

    def receive(self, authorization: str, content_type: str, raw: bytes, received_at: float) -> Decision:
        """Check the token, then the faults that replace a decision, the rate limit, the rules and the recipient.

        The limit comes before the rules, so a request that breaks a rule counts against the limit too.
        `received_at` is its time of arrival.
        """
        body, canonical = _parse(raw)
        token = _bearer_token(authorization)
        entry = _new_entry(token, body, raw, canonical, received_at)
        fault = self._marked_fault(entry)
        try:
            self._authorize(token, entry.token)
            self._apply_early_faults(fault)
            self._apply_limit(entry)
            if not _is_json(content_type):
                raise invalid_field("Content-Type", "must be application/json")
            if not canonical:
                raise invalid_field("body", "must be JSON in UTF-8")
            check_request(body, self._faults.switches)
            self._check_recipient(entry.recipient)
        except RequestRefused as refusal:
            decision = self._refuse(entry, refusal)
        else:
            decision = self._accept(entry, fault)
        self._history.add(entry)
        return decision

    def refuse_too_large(self, authorization: str) -> Decision:
        """Refuse a request whose body exceeded the limit and was dropped."""
        entry = _new_entry(_bearer_token(authorization))
        refusal = RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Body must not be larger than 1 MiB")
        decision = self._refuse(entry, refusal)
        self._history.add(entry)
        return decision

    def resets_before_reading(self, authorization: str) -> bool:
        """Draw whether the connection is reset before the body is read; record the request if so."""
        if not self._faults.draw(self._faults.switches.reset_before_read_share):
            return False
        entry = _new_entry(_bearer_token(authorization))
        entry.outcome = "reset_before_read"
        self._history.add(entry)
        return True

    def clear(self) -> None:
        """Delete the history and the memory of the rate limit."""
        self._history.clear()
        self._window.clear()

    def _marked_fault(self, entry: RequestEntry) -> str | None:
        """Return the fault of a marked recipient. A repeat passes, so that a demonstration shows the recovery."""
        if not self._faults.switches.markers or self._history.has_seen(entry.content):
            return None
        return MARKED_NUMBERS.get(entry.recipient or "")

    def _authorize(self, token: str, name: str) -> None:
        switches = self._faults.switches
        if not token:
            message = "Missing token: send the header Authorization: Bearer <token>"
            raise RequestRefused(HTTPStatus.UNAUTHORIZED, message)
        if (self._allowed and token not in self._allowed) or _covers(switches.unauthorized, name):
            raise RequestRefused(HTTPStatus.UNAUTHORIZED, "Invalid token")
        if _covers(switches.no_credits, name):
            raise RequestRefused(HTTPStatus.PAYMENT_REQUIRED, "Not enough credits")

    def _apply_early_faults(self, fault: str | None) -> None:
        """Raise the faults that replace a decision."""
        faults, switches = self._faults, self._faults.switches
        if switches.unavailable_next > 0 or fault == "unavailable":
            switches.unavailable_next = max(0, switches.unavailable_next - 1)
            raise RequestRefused(HTTPStatus.SERVICE_UNAVAILABLE, "Service unavailable", outcome="unavailable")
        if not switches.server_error_after_accept and self._draw("server_error", fault):
            raise RequestRefused(switches.server_error_status, "Internal error", outcome="server_error")
        if self._draw("too_many", fault):
            message = "You are sending too many messages"
            raise RequestRefused(HTTPStatus.TOO_MANY_REQUESTS, message, outcome="too_many")
        if self._draw("never_answer_unprocessed", fault):
            outcome = "never_answer_unprocessed"
            raise RequestRefused(HTTPStatus.GATEWAY_TIMEOUT, "", outcome=outcome, mode="silence")
        if self._draw("refuse_in_2xx", fault):
            body = NOT_ACCEPTED_BODIES[faults.choose(len(NOT_ACCEPTED_BODIES))]
            raise RequestRefused(switches.success_status, "refused in a success", outcome="refuse_in_2xx", body=body)
        self._refuse_with_next_code()

    def _refuse_with_next_code(self) -> None:
        refusal = self._faults.switches.code_next
        if refusal is not None and refusal.count > 0:
            refusal.count -= 1
            raise RequestRefused(refusal.http, refusal.message, code=refusal.code, outcome="code_next")

    def _apply_limit(self, entry: RequestEntry) -> None:
        limit = parse_limit(self._faults.switches.limit)
        if not self._window.try_acquire(entry.token, entry.received_at, limit):
            raise RequestRefused(HTTPStatus.TOO_MANY_REQUESTS, "You are sending too many messages; slow down")

    def _check_recipient(self, recipient: str | None) -> None:
        for refused in self._faults.switches.refuse_numbers:
            if refused.number == recipient:
                raise RequestRefused(refused.http, refused.message, code=refused.code, outcome="refuse_numbers")

    def _refuse(self, entry: RequestEntry, refusal: RequestRefused) -> Decision:
        entry.status, entry.reason, entry.outcome = refusal.status, refusal.message, refusal.outcome
        return Decision(entry, refusal.response(self._retry_after(refusal.status)), refusal.mode)

    def _accept(self, entry: RequestEntry, fault: str | None) -> Decision:
        switches = self._faults.switches
        entry.accepted, entry.outcome, entry.status = True, "accepted", switches.success_status
        entry.job_id = f"job_{token_hex(8)}"
        entry.delivered = not self._draw("silent_drop", fault)
        if not entry.delivered:
            entry.outcome = "silent_drop"
        content = {"status": "success", "message": "Request queued", "jobId": entry.job_id}
        response = json_response(entry.status, content)
        for name, mode in _AFTER_ACCEPTING:
            if self._draw(name, fault):
                entry.outcome = name
                return Decision(entry, response, mode)
        if switches.server_error_after_accept and self._draw("server_error", fault):
            entry.outcome, entry.status = "server_error_after_accept", switches.server_error_status
            error = RequestRefused(entry.status, "Internal error")
            return Decision(entry, error.response(self._retry_after(entry.status)), "complete")
        return Decision(entry, response, "complete")

    def _draw(self, name: str, marked: str | None) -> bool:
        share: float = getattr(self._faults.switches, f"{name}_share")
        return self._faults.draw(share) or name == marked

    def _retry_after(self, status: int) -> Headers:
        seconds = self._faults.switches.retry_after
        if seconds is None or status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            return ()
        return (("Retry-After", f"{seconds:g}"),)


_AFTER_ACCEPTING: tuple[tuple[str, ResponseMode], ...] = (
    ("close_after_accept", "close"),
    ("never_answer", "silence"),
    ("reset_after_read", "reset"),
    ("half_answer", "half"),
)


def _parse(raw: bytes) -> tuple[Any, bytes]:
    """Return the JSON value and its canonical bytes, which are equal for equal contents; empty for invalid JSON."""
    try:
        body = json.loads(raw, parse_constant=_refuse_constant)
        return body, json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # an unpaired surrogate is a ValueError too
        return None, b""


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _new_entry(
    token: str, body: Any = None, raw: bytes = b"", canonical: bytes = b"", received_at: float | None = None
) -> RequestEntry:
    recipient = body.get("recipient_mobile_number") if isinstance(body, dict) else None
    return RequestEntry(
        received_at=now() if received_at is None else received_at,
        token=fingerprint(token) if token else "",
        recipient=recipient if isinstance(recipient, str) else None,
        content=digest(canonical or raw),
        raw=raw if canonical else b"",
    )


def _bearer_token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_json(content_type: str) -> bool:
    """A missing content type passes."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind in ("", "application/json") or kind.endswith("+json")


def _covers(switch: bool | list[str], token: str) -> bool:
    return token in switch if isinstance(switch, list) else switch
