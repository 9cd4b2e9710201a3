"""A message's status: typed attributes in Python, and one JSON for every interface."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from harkara import HarkaraError, MessageStatus
from harkara.message_status import Attempt, ReminderOf, TraceEntry
from harkara.states import State

NOON = datetime(2026, 8, 22, 12, 0, 0, 123456, tzinfo=UTC)
ISO = "2026-08-22T12:00:00.123+00:00"

STATUS = MessageStatus(
    id="job_1",
    state=State.ACCEPTED,
    code=None,
    reason=None,
    flags=("maybe_duplicate",),
    reference="visit 7",
    lane="default",
    kind="template",
    template="visit_tomorrow",
    category="utility",
    job_id="c1",
    campaign=None,
    tries=1,
    created_at=NOON,
    due_at=NOON,
    expires_at=NOON,
    changed_at=NOON,
    occasion=ReminderOf(kind="appointment", reference="visit 7", rule="-24h"),
    attempts=(
        Attempt(
            n=1,
            started_at=NOON,
            ended_at=None,
            outcome="open",
            status=None,
            code=None,
            text=None,
            job_id=None,
            worker="w1",
        ),
    ),
    trace=(TraceEntry(at=NOON, event="accepted here", detail="due now", sentence="Handed over and stored."),),
    next="It is sent when it is due.",
    next_at=NOON,
)

JSON = (
    '{"id": "job_1", "state": "accepted", "code": null, "reason": null, "flags": ["maybe_duplicate"], '
    '"reference": "visit 7", "lane": "default", "kind": "template", "template": "visit_tomorrow", '
    '"category": "utility", "job_id": "c1", "campaign": null, "tries": 1, '
    f'"created_at": "{ISO}", "due_at": "{ISO}", "expires_at": "{ISO}", "changed_at": "{ISO}", '
    '"occasion": {"kind": "appointment", "reference": "visit 7", "rule": "-24h"}, '
    f'"attempts": [{{"n": 1, "started_at": "{ISO}", "ended_at": null, "outcome": "open", "status": null, '
    '"code": null, "text": null, "job_id": null, "worker": "w1"}], '
    f'"trace": [{{"at": "{ISO}", "event": "accepted here", "detail": "due now", '
    '"sentence": "Handed over and stored."}], "next": "It is sent when it is due.", '
    f'"next_at": "{ISO}"}}'
)


def test_the_json_has_the_documented_fields_in_their_order() -> None:
    assert STATUS.to_json() == JSON


def test_a_status_reads_as_the_dictionary_of_its_json() -> None:
    as_dict: dict[str, Any] = json.loads(JSON)
    assert dict(STATUS) == as_dict
    assert STATUS == as_dict
    assert list(STATUS) == list(as_dict)
    assert (STATUS["state"], STATUS["due_at"], STATUS["attempts"][0]["n"]) == ("accepted", ISO, 1)
    assert STATUS.get("number") is None
    with pytest.raises(KeyError, match="number"):
        STATUS["number"]


def test_attributes_are_typed() -> None:
    assert STATUS.state is State.ACCEPTED
    assert STATUS.due_at == NOON
    assert STATUS.attempts[0].ended_at is None
    assert STATUS.trace[0].at == NOON


def test_a_status_survives_the_way_through_redis() -> None:
    received = MessageStatus.from_dict(json.loads(JSON) | {"a_field_of_a_later_release": 1})
    assert received.to_json() == JSON
    assert received.state is State.ACCEPTED
    assert received.created_at == datetime.fromisoformat(ISO)
    assert received.occasion == STATUS.occasion


def test_an_answer_of_another_release_names_the_fields_that_do_not_fit() -> None:
    other = json.loads(JSON) | {"state": "paused"}
    del other["lane"]
    with pytest.raises(HarkaraError, match=r"does not fit this release \(lane, state\)"):
        MessageStatus.from_dict(other)
