"""The gates before a POST: each one alone, and their order."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from harkara.delivery.gate_context import GateContext
from harkara.delivery.gates import GATES, check, trace_line
from harkara.inbound.contact import ConsentCategory, ContactState
from harkara.lanes import Lane, QuietHours
from harkara.ledger.halts import Halt
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.otp_limit import RecentCodes
from harkara.outcomes import Cancelled, Outcome, Refused, Replaced, Wait

NIGHT = datetime(2026, 5, 1, 20, tzinfo=UTC)
"""01:30 in Kolkata: seven and a half quiet hours are left."""

QUIET = QuietHours(time(20), time(9), ZoneInfo("Asia/Kolkata"))


def claimed(**changes: Any) -> Claimed:
    """Return a reply that passes every gate, with these changes."""
    fields: dict[str, Any] = {
        "id": "one",
        "epoch": 1,
        "lane": "default",
        "producer": "default",
        "recipient": "919876500000",
        "kind": "text",
        "template": None,
        "category": "reply",
        "priority": 1,
        "quiet": False,
        "body": "{}",
        "weight": 1,
        "due_at": NIGHT,
        "expires_at": NIGHT + timedelta(hours=1),
        "tries": 0,
        "waits": 0,
        "waited_for": None,
        "resends": 0,
        "maybe_duplicate": False,
        "claimed_at": NIGHT,
    }
    return Claimed(**fields | changes)


def outcome_of(
    message: Claimed, *halts: Halt, codes: Mapping[str, RecentCodes] | None = None, **options: Any
) -> Outcome | None:
    return check(message, context(*halts, codes=codes, **options))


def context(
    *halts: Halt,
    codes: Mapping[str, RecentCodes] | None = None,
    contact: ContactState | None = None,
    secret: str | None = None,
    reengage: str | None = None,
) -> GateContext:
    lanes = {"default": Lane("default", "token", None, QUIET, webhook_secret=secret, reengage=reengage)}
    known = codes if codes is not None else defaultdict(RecentCodes)
    contacts = {("default", "919876500000"): contact} if contact else {}
    return GateContext(NIGHT, lanes, {(h.lane, h.scope, h.subject): h for h in halts}, known, set(), {}, contacts)


def wrote(*, ago: timedelta) -> ContactState:
    return ContactState(wrote_at=NIGHT - ago)


def test_a_reply_passes_every_gate() -> None:
    assert outcome_of(claimed()) is None


def test_an_expired_message_is_cancelled_before_any_other_gate_makes_it_wait() -> None:
    parked = Halt("default", "lane", "", "operator", "Wait.", None)
    outcome = outcome_of(claimed(expires_at=NIGHT, quiet=True), parked)
    assert isinstance(outcome, Cancelled)
    assert outcome.code == "expired"


def test_only_a_message_that_respects_quiet_hours_waits_for_the_morning() -> None:
    outcome = outcome_of(claimed(quiet=True))
    assert outcome == Wait(7.5 * 3600, "quiet-hours", "Quiet hours: it is sent when they end.")
    assert outcome_of(claimed(quiet=False)) is None


@pytest.mark.parametrize(
    ("sent", "under_way", "expected"),
    [
        ({"a", "b"}, set(), None),
        ({"a", "b"}, {"one"}, None),
        ({"a", "b", "one"}, set(), None),
        ({"a", "b"}, {"c"}, Wait),
        (set(), {"a", "b", "c"}, Wait),
        ({"a", "b", "c"}, set(), Cancelled),
        ({"a", "b", "c", "one"}, {"d"}, Cancelled),
    ],
)
def test_one_number_gets_three_codes_an_hour(
    sent: set[str], under_way: set[str], expected: type[Outcome] | None
) -> None:
    message = claimed(category="authentication")
    outcome = outcome_of(message, codes={message.recipient: RecentCodes(sent, under_way)})
    assert outcome is None if expected is None else isinstance(outcome, expected)


def test_codes_that_wait_for_the_same_number_do_not_all_return_at_once() -> None:
    message = claimed(category="authentication")
    codes = {message.recipient: RecentCodes(set(), {"a", "b", "c"})}
    waits = {outcome.seconds for _ in range(5) if isinstance(outcome := outcome_of(message, codes=codes), Wait)}
    assert len(waits) == 5
    assert all(0.5 <= (seconds or 0) <= 1.5 for seconds in waits)


@pytest.mark.parametrize(("left", "seconds"), [(None, 0.0), (0.2, 1.0), (90.0, 90.0)])
def test_a_halted_lane_makes_every_message_wait(left: float | None, seconds: float) -> None:
    halt = Halt("default", "lane", "", "401", "Token refused", left)
    assert outcome_of(claimed(), halt) == Wait(seconds, "lane-parked", "Token refused")


def test_a_half_open_lane_passes_one_message_of_a_chunk() -> None:
    at = context(Halt("default", "lane", "", "refused", "Not reachable", -1.0))
    assert [type(check(claimed(id=name), at)) for name in "abc"] == [type(None), Wait, Wait]


def test_a_message_of_an_unknown_lane_waits() -> None:
    outcome = outcome_of(claimed(lane="elsewhere"))
    assert isinstance(outcome, Wait)
    assert outcome.code == "lane-unknown"


@pytest.mark.parametrize("left", [None, 60.0])
def test_messages_of_a_paused_template_wait_and_others_do_not(left: float | None) -> None:
    paused = Halt("default", "template", "sale", "132015", "Paused by WhatsApp", left)
    assert outcome_of(claimed(template="sale"), paused) == Wait(left, "template-paused", "Paused by WhatsApp")
    assert outcome_of(claimed(template="news"), paused) is None


@pytest.mark.parametrize(("left", "held"), [(None, True), (60.0, True), (-1.0, False)])
def test_a_message_of_a_held_producer_is_due_again_at_once(left: float | None, held: bool) -> None:
    halt = Halt("default", "producer", "camp_1", "campaign-paused", "Paused by Asha", left)
    outcome = outcome_of(claimed(producer="camp_1"), halt)
    assert outcome == (Wait(0.0, "campaign-paused", "Paused by Asha") if held else None)
    assert outcome_of(claimed(producer="other"), halt) is None


def test_the_trace_names_every_gate_and_the_state_of_the_window() -> None:
    line = trace_line(context().window(claimed()), -0.5)
    assert all(gate.__name__.replace("_", " ") in line for gate in GATES)
    assert line.endswith("window unknown; slot in 0.000 s")
    at = context(contact=wrote(ago=timedelta(hours=19)), secret="s").window(claimed())
    assert "window open for 5.0 h" in trace_line(at, 0)
    assert "window shut" in trace_line(context(secret="s").window(claimed(kind="template")), 0)


def test_without_webhooks_the_window_is_unknown_and_every_message_passes() -> None:
    assert outcome_of(claimed(), contact=wrote(ago=timedelta(days=9))) is None


@pytest.mark.parametrize(
    ("ago", "opens"), [(0.0, True), (86_400 - 30, True), (86_400 - 29, False), (86_400, False), (9e6, False)]
)
def test_the_window_is_shut_when_too_little_time_is_left_to_arrive(ago: float, opens: bool) -> None:
    outcome = outcome_of(claimed(), contact=wrote(ago=timedelta(seconds=ago)), secret="s")
    assert outcome is None if opens else isinstance(outcome, Refused)


def test_a_contact_that_never_wrote_has_no_window_in_a_lane_with_webhooks() -> None:
    outcome = outcome_of(claimed(), secret="s")
    assert isinstance(outcome, Refused)
    assert outcome.code == "window-closed"
    assert "give the message a fallback" in outcome.advice


def test_a_template_needs_no_window_alone_or_among_several() -> None:
    assert outcome_of(claimed(kind="template"), secret="s") is None
    templates = {"messages": [{"kind": "template", "template": {}}] * 2}
    assert outcome_of(claimed(kind="batch", body=json.dumps(templates)), secret="s") is None
    mixed = {"messages": [{"kind": "template", "template": {}}, {"kind": "raw", "payload": {}}]}
    assert isinstance(outcome_of(claimed(kind="batch", body=json.dumps(mixed)), secret="s"), Refused)


def test_a_shut_window_sends_the_fallback_and_otherwise_the_template_of_the_lane() -> None:
    outcome = outcome_of(claimed(fallback="{}"), secret="s", reengage="we_miss_you")
    assert isinstance(outcome, Replaced)
    assert (outcome.code, outcome.reengage) == ("window-closed", None)
    outcome = outcome_of(claimed(), secret="s", reengage="we_miss_you")
    assert isinstance(outcome, Replaced)
    assert outcome.reengage == "we_miss_you"
    assert "the template we_miss_you is sent instead" in outcome.reason


def test_a_message_that_may_have_arrived_is_not_replaced_by_a_template() -> None:
    outcome = outcome_of(claimed(resends=1, fallback="{}"), secret="s")
    assert isinstance(outcome, Cancelled)
    assert outcome.code == "window-closed"


@pytest.mark.parametrize(
    ("stopped", "category", "passes"),
    [
        ("everything", "reply", False),
        ("everything", "utility", False),
        ("everything", "marketing", False),
        ("everything", "authentication", True),
        ("marketing", "marketing", False),
        ("marketing", "utility", True),
        ("marketing", "reply", True),
    ],
)
def test_an_opt_out_stops_the_categories_that_it_covers(stopped: ConsentCategory, category: str, passes: bool) -> None:
    contact = ContactState(
        wrote_at=NIGHT - timedelta(minutes=1), stopped=stopped, chosen_at=NIGHT - timedelta(minutes=1)
    )
    outcome = outcome_of(claimed(category=category), contact=contact)
    assert outcome is None if passes else isinstance(outcome, Cancelled) and outcome.code == "opted-out"


def test_a_contact_that_writes_after_its_opt_out_gets_replies_and_nothing_else() -> None:
    contact = ContactState(wrote_at=NIGHT, stopped="everything", chosen_at=NIGHT - timedelta(minutes=1))
    assert outcome_of(claimed(), contact=contact) is None
    assert isinstance(outcome_of(claimed(category="utility"), contact=contact), Cancelled)


def test_the_deadline_is_checked_before_an_opt_out_and_the_opt_out_before_quiet_hours() -> None:
    contact = ContactState(stopped="everything", chosen_at=NIGHT)
    message = claimed(category="marketing", quiet=True)
    assert isinstance(outcome_of(message, contact=contact), Cancelled)
    late = outcome_of(replace(message, expires_at=NIGHT), contact=contact)
    assert isinstance(late, Cancelled)
    assert late.code == "expired"


def document(end: datetime) -> str:
    """Return the body of a document whose signed link ends at this moment."""
    link = f"https://b.s3.amazonaws.com/a.pdf?AWSAccessKeyId=A&Signature=s&Expires={int(end.timestamp())}"
    item = {"kind": "raw", "payload": {"type": "document", "document": {"link": link, "filename": "a.pdf"}}}
    return json.dumps({"messages": [item]}, separators=(",", ":"))


def test_a_link_that_ended_while_the_message_waited_fails_it_before_the_post() -> None:
    assert outcome_of(claimed(body=document(NIGHT + timedelta(seconds=1)))) is None
    outcome = outcome_of(claimed(body=document(NIGHT)))
    assert isinstance(outcome, Refused)
    assert outcome.code == "link-ended"
    assert outcome.advice == (
        "Its link ended at 2026-05-01T20:00:00+00:00, before it could be sent: send it again with a link that lasts "
        "longer."
    )


def test_a_message_that_may_have_arrived_does_not_fail_for_its_link() -> None:
    outcome = outcome_of(claimed(body=document(NIGHT), resends=1))
    assert isinstance(outcome, Cancelled)
    assert outcome.code == "link-ended"


SPENT = Halt("default", "budget", "", "budget", "The budget of this day is used up.", 60)


def test_marketing_waits_for_a_budget_that_is_used_up_and_nothing_else_does() -> None:
    advert = claimed(category="marketing", producer="camp_1")
    assert outcome_of(advert, SPENT) == Wait(60, "budget", SPENT.reason)
    assert outcome_of(advert, replace(SPENT, subject="camp_1")) == Wait(60, "budget", SPENT.reason)
    assert outcome_of(advert, replace(SPENT, subject="camp_2")) is None
    assert outcome_of(advert, replace(SPENT, seconds=0)) is None
    for category in ("utility", "authentication", "reply"):
        assert outcome_of(claimed(category=category), SPENT) is None
