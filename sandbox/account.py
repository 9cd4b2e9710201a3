"""The account that messages are sent from: what becomes of one request, faults included."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from secrets import token_hex
from typing import Any

from sandbox.answers import Answer, Exit, Refused, broken, json_answer
from sandbox.faults import MARKED_NUMBERS, Faults
from sandbox.history import Entry, History, digest, fingerprint, now
from sandbox.limit import SlidingWindow, parse_limit
from sandbox.rules.envelope import check_request

NOT_ACCEPTED_BODIES: tuple[dict[str, Any], ...] = (
    {"status": "error", "message": "Message could not be queued"},
    {"success": False, "message": "Message could not be queued"},
    {"status": False, "message": "Message could not be queued"},
    {"error": {"code": 131000, "message": "Something went wrong"}},
)
"""Refusals that clients of the API report under a success status."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What goes back to the client, how, and the history's entry to note there whether it arrived."""

    entry: Entry
    answer: Answer
    leaves: Exit


class Account:
    """Judges requests one at a time; knows nothing of sockets."""

    def __init__(self, allowed_tokens: frozenset[str], faults: Faults, history: History) -> None:
        self._allowed = allowed_tokens
        self._faults = faults
        self._history = history
        self._pace = SlidingWindow()

    def receive(self, authorization: str, content_type: str, raw: bytes) -> Verdict:
        """Accepts what passes, in this order, the token, the faults that answer in the place of a decision, the limit,
        the rules and the recipient; so a request with a broken rule takes its place in the limit's window too.
        """
        body, canonical = _parsed(raw)
        token = _bearer(authorization)
        entry = _entry(token, body, raw, canonical)
        fault = self._marked_fault(entry)
        try:
            self._admit(token, entry.token)
            self._fail_first(fault)
            self._keep_pace(entry)
            if not _is_json(content_type):
                raise broken("Content-Type", "must be application/json")
            if not canonical:
                raise broken("body", "must be JSON in UTF-8")
            check_request(body, self._faults.switches)
            self._know_recipient(entry.recipient)
        except Refused as refusal:
            verdict = self._refuse(entry, refusal)
        else:
            verdict = self._accept(entry, fault)
        self._history.add(entry)
        return verdict

    def too_large(self, authorization: str) -> Verdict:
        """For a body that was not kept."""
        verdict = self._refuse(
            _entry(_bearer(authorization)),
            Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Body must not be larger than 1 MiB"),
        )
        self._history.add(verdict.entry)
        return verdict

    def resets_before_reading(self, authorization: str) -> bool:
        if not self._faults.happens(self._faults.switches.reset_before_read_share):
            return False
        entry = _entry(_bearer(authorization))
        entry.outcome = "reset_before_read"
        self._history.add(entry)
        return True

    def forget(self) -> None:
        """As if nothing had ever been received: the history and the limit's memory."""
        self._history.forget()
        self._pace.forget()

    def _marked_fault(self, entry: Entry) -> str | None:
        """A repeat passes, so that a demonstration shows the recovery too."""
        if not self._faults.switches.markers or self._history.has_seen(entry.content):
            return None
        return MARKED_NUMBERS.get(entry.recipient or "")

    def _admit(self, token: str, name: str) -> None:
        switches = self._faults.switches
        if not token:
            raise Refused(HTTPStatus.UNAUTHORIZED, "Missing token: send the header Authorization: Bearer <token>")
        if (self._allowed and token not in self._allowed) or _covers(switches.unauthorized, name):
            raise Refused(HTTPStatus.UNAUTHORIZED, "Invalid token")
        if _covers(switches.no_credits, name):
            raise Refused(HTTPStatus.PAYMENT_REQUIRED, "Not enough credits")

    def _fail_first(self, fault: str | None) -> None:
        """Faults that answer in the place of a decision."""
        faults, switches = self._faults, self._faults.switches
        if switches.unavailable_next > 0 or fault == "unavailable":
            switches.unavailable_next = max(0, switches.unavailable_next - 1)
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Service unavailable", outcome="unavailable")
        if not switches.server_error_after_accept and self._happens("server_error", fault):
            raise Refused(switches.server_error_status, "Internal error", outcome="server_error")
        if self._happens("too_many", fault):
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "You are sending too many messages", outcome="too_many")
        if self._happens("never_answer_unprocessed", fault):
            raise Refused(HTTPStatus.GATEWAY_TIMEOUT, "", outcome="never_answer_unprocessed", leaves="silence")
        if self._happens("refuse_in_2xx", fault):
            body = NOT_ACCEPTED_BODIES[faults.one_of(len(NOT_ACCEPTED_BODIES))]
            raise Refused(switches.success_status, "refused in a success", outcome="refuse_in_2xx", body=body)
        self._refuse_with_next_code()

    def _refuse_with_next_code(self) -> None:
        refusal = self._faults.switches.code_next
        if refusal is not None and refusal.count > 0:
            refusal.count -= 1
            raise Refused(refusal.http, refusal.message, code=refusal.code, outcome="code_next")

    def _keep_pace(self, entry: Entry) -> None:
        limit = parse_limit(self._faults.switches.limit)
        if not self._pace.admits(entry.token, entry.received_at, limit):
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "You are sending too many messages; slow down")

    def _know_recipient(self, recipient: str | None) -> None:
        for refused in self._faults.switches.refuse_numbers:
            if refused.number == recipient:
                raise Refused(refused.http, refused.message, code=refused.code, outcome="refuse_numbers")

    def _refuse(self, entry: Entry, refusal: Refused) -> Verdict:
        entry.status, entry.why, entry.outcome = refusal.status, refusal.message, refusal.outcome
        return Verdict(entry, refusal.answer(self._retry_after(refusal.status)), refusal.leaves)

    def _accept(self, entry: Entry, fault: str | None) -> Verdict:
        switches = self._faults.switches
        entry.accepted, entry.outcome, entry.status = True, "accepted", switches.success_status
        entry.job_id = f"job_{token_hex(8)}"
        entry.delivered = not self._happens("silent_drop", fault)
        if not entry.delivered:
            entry.outcome = "silent_drop"
        answer = json_answer(entry.status, {"status": "success", "message": "Request queued", "jobId": entry.job_id})
        for name, leaves in _AFTER_ACCEPTING:
            if self._happens(name, fault):
                entry.outcome = name
                return Verdict(entry, answer, leaves)
        if switches.server_error_after_accept and self._happens("server_error", fault):
            entry.outcome, entry.status = "server_error_after_accept", switches.server_error_status
            lie = Refused(entry.status, "Internal error").answer(self._retry_after(entry.status))
            return Verdict(entry, lie, "whole")
        return Verdict(entry, answer, "whole")

    def _happens(self, name: str, marked: str | None) -> bool:
        share: float = getattr(self._faults.switches, f"{name}_share")
        return self._faults.happens(share) or name == marked

    def _retry_after(self, status: int) -> tuple[tuple[str, str], ...]:
        seconds = self._faults.switches.retry_after
        if seconds is None or status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            return ()
        return (("Retry-After", f"{seconds:g}"),)


_AFTER_ACCEPTING: tuple[tuple[str, Exit], ...] = (
    ("close_after_accept", "close"),
    ("never_answer", "silence"),
    ("reset_after_read", "reset"),
    ("half_answer", "half"),
)


def _parsed(raw: bytes) -> tuple[Any, bytes]:
    """The JSON, and the one way of writing it that makes equal contents equal; empty when it is none."""
    try:
        body = json.loads(raw, parse_constant=_no_constant)
        return body, json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # half of a surrogate pair is a ValueError too
        return None, b""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _entry(token: str, body: Any = None, raw: bytes = b"", canonical: bytes = b"") -> Entry:
    recipient = body.get("recipient_mobile_number") if isinstance(body, dict) else None
    return Entry(
        received_at=now(),
        token=fingerprint(token) if token else "",
        recipient=recipient if isinstance(recipient, str) else None,
        content=digest(canonical or raw),
        raw=raw,
    )


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_json(content_type: str) -> bool:
    """A missing one passes."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind in ("", "application/json") or kind.endswith("+json")


def _covers(switch: bool | list[str], token: str) -> bool:
    return token in switch if isinstance(switch, list) else switch
