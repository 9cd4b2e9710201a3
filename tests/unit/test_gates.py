"""The gates before a POST: each by itself, and their order."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from harkara.delivery.gates import GATES, Moment, passed, stopped_at
from harkara.inbound.contact import ConsentCategory, ContactState
from harkara.lanes import Lane, QuietHours
from harkara.ledger.halts import Halt
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.otp_limit import RecentCodes
from harkara.outcomes import Cancelled, Outcome, Refused, Replaced, Wait

NIGHT = datetime(2026, 5, 1, 20, tzinfo=UTC)
"""In Kolkata half past one in the morning: seven and a half hours of quiet are left."""

QUIET = QuietHours(time(20), time(9), ZoneInfo("Asia/Kolkata"))


def claimed(**other: Any) -> Claimed:
    """A reply that any gate lets pass, but for what is given."""
    usual: dict[str, Any] = {
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
        "expires_at": NIGHT + timedelta(hours=1),
        "tries": 0,
        "waits": 0,
        "waited_for": None,
        "resends": 0,
        "maybe_duplicate": False,
        "claimed_at": NIGHT,
    }
    return Claimed(**usual | other)


def judged(one: Claimed, *halts: Halt, codes: Mapping[str, RecentCodes] | None = None, **other: Any) -> Outcome | None:
    return stopped_at(one, moment(*halts, codes=codes, **other))


def moment(
    *halts: Halt,
    codes: Mapping[str, RecentCodes] | None = None,
    contact: ContactState | None = None,
    secret: str | None = None,
    reengage: str | None = None,
) -> Moment:
    lanes = {"default": Lane("default", "token", None, QUIET, webhook_secret=secret, reengage=reengage)}
    known = codes if codes is not None else defaultdict(RecentCodes)
    contacts = {("default", "919876500000"): contact} if contact else {}
    return Moment(NIGHT, lanes, {(h.lane, h.scope, h.subject): h for h in halts}, known, set(), {}, contacts)


def wrote(*, ago: timedelta) -> ContactState:
    return ContactState(wrote_at=NIGHT - ago)


def test_a_reply_passes_them_all() -> None:
    assert judged(claimed()) is None


def test_what_has_expired_is_cancelled_whatever_else_holds_it_back() -> None:
    parked = Halt("default", "lane", "", "operator", "Wait.", None)
    outcome = judged(claimed(expires_at=NIGHT, quiet=True), parked)
    assert isinstance(outcome, Cancelled)
    assert outcome.code == "expired"


def test_only_what_is_quiet_waits_for_the_morning() -> None:
    outcome = judged(claimed(quiet=True))
    assert outcome == Wait(7.5 * 3600, "quiet-hours", "It is quiet now; it goes when the quiet hours end.")
    assert judged(claimed(quiet=False)) is None


@pytest.mark.parametrize(
    ("sent", "in_hand", "expected"),
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
def test_three_codes_an_hour_for_one_number(sent: set[str], in_hand: set[str], expected: type[Outcome] | None) -> None:
    one = claimed(category="authentication")
    outcome = judged(one, codes={one.recipient: RecentCodes(sent, in_hand)})
    assert outcome is None if expected is None else isinstance(outcome, expected)


def test_those_who_wait_for_the_same_number_do_not_come_back_all_at_once() -> None:
    one = claimed(category="authentication")
    codes = {one.recipient: RecentCodes(set(), {"a", "b", "c"})}
    waits = {outcome.seconds for _ in range(5) if isinstance(outcome := judged(one, codes=codes), Wait)}
    assert len(waits) == 5
    assert all(0.5 <= (seconds or 0) <= 1.5 for seconds in waits)


@pytest.mark.parametrize(("left", "seconds"), [(None, 0.0), (0.2, 1.0), (90.0, 90.0)])
def test_a_lane_that_is_held_back_lets_nobody_pass(left: float | None, seconds: float) -> None:
    held = Halt("default", "lane", "", "401", "Token refused", left)
    assert judged(claimed(), held) == Wait(seconds, "lane-parked", "Token refused")


def test_a_half_open_lane_lets_one_message_of_a_chunk_pass() -> None:
    at = moment(Halt("default", "lane", "", "refused", "Not reachable", -1.0))
    assert [type(stopped_at(claimed(id=name), at)) for name in "abc"] == [type(None), Wait, Wait]


def test_a_lane_that_is_not_configured_here_waits() -> None:
    outcome = judged(claimed(lane="elsewhere"))
    assert isinstance(outcome, Wait)
    assert outcome.code == "lane-unknown"


@pytest.mark.parametrize("left", [None, 60.0])
def test_a_paused_template_waits_and_others_do_not(left: float | None) -> None:
    paused = Halt("default", "template", "sale", "132015", "Paused by WhatsApp", left)
    assert judged(claimed(template="sale"), paused) == Wait(left, "template-paused", "Paused by WhatsApp")
    assert judged(claimed(template="news"), paused) is None


@pytest.mark.parametrize(("left", "held"), [(None, True), (60.0, True), (-1.0, False)])
def test_a_producer_that_is_held_waits_without_losing_its_turn(left: float | None, held: bool) -> None:
    halt = Halt("default", "producer", "camp_1", "campaign-paused", "Paused by Asha", left)
    outcome = judged(claimed(producer="camp_1"), halt)
    assert outcome == (Wait(0.0, "campaign-paused", "Paused by Asha") if held else None)
    assert judged(claimed(producer="other"), halt) is None


def test_the_trace_names_every_gate_and_the_window_as_it_is() -> None:
    told = passed(claimed(), moment(), -0.5)
    assert all(gate.__name__.replace("_", " ") in told for gate in GATES)
    assert told.endswith("window unknown; slot in 0.000 s")
    assert "window open for 5.0 h" in passed(claimed(), moment(contact=wrote(ago=timedelta(hours=19)), secret="s"), 0)
    assert "window shut" in passed(claimed(kind="template"), moment(secret="s"), 0)


def test_without_webhooks_nobody_knows_of_a_window_and_all_pass() -> None:
    assert judged(claimed(), contact=wrote(ago=timedelta(days=9))) is None


@pytest.mark.parametrize(
    ("ago", "opens"), [(0.0, True), (86_400 - 30, True), (86_400 - 29, False), (86_400, False), (9e6, False)]
)
def test_the_window_is_shut_when_too_little_is_left_of_it_to_arrive(ago: float, opens: bool) -> None:
    outcome = judged(claimed(), contact=wrote(ago=timedelta(seconds=ago)), secret="s")
    assert outcome is None if opens else isinstance(outcome, Refused)


def test_a_contact_who_never_wrote_has_no_window_when_webhooks_are_configured() -> None:
    outcome = judged(claimed(), secret="s")
    assert isinstance(outcome, Refused)
    assert outcome.code == "window-closed"
    assert "give such a message a fallback" in outcome.advice


def test_a_template_needs_no_window_also_not_as_one_of_several() -> None:
    assert judged(claimed(kind="template"), secret="s") is None
    templates = {"messages": [{"kind": "template", "template": {}}] * 2}
    assert judged(claimed(kind="batch", body=json.dumps(templates)), secret="s") is None
    mixed = {"messages": [{"kind": "template", "template": {}}, {"kind": "raw", "payload": {}}]}
    assert isinstance(judged(claimed(kind="batch", body=json.dumps(mixed)), secret="s"), Refused)


def test_a_shut_window_makes_the_fallback_go_and_else_the_template_of_the_lane() -> None:
    outcome = judged(claimed(fallback="{}"), secret="s", reengage="we_miss_you")
    assert isinstance(outcome, Replaced)
    assert (outcome.code, outcome.reengage) == ("window-closed", None)
    outcome = judged(claimed(), secret="s", reengage="we_miss_you")
    assert isinstance(outcome, Replaced)
    assert outcome.reengage == "we_miss_you"
    assert "the template we_miss_you goes instead" in outcome.reason


def test_what_may_have_arrived_is_not_followed_by_a_template() -> None:
    outcome = judged(claimed(resends=1, fallback="{}"), secret="s")
    assert isinstance(outcome, Cancelled)
    assert outcome.code == "window-closed"


@pytest.mark.parametrize(
    ("stopped", "category", "goes"),
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
def test_who_opted_out_gets_no_more_of_it(stopped: ConsentCategory, category: str, goes: bool) -> None:
    contact = ContactState(
        wrote_at=NIGHT - timedelta(minutes=1), stopped=stopped, chosen_at=NIGHT - timedelta(minutes=1)
    )
    outcome = judged(claimed(category=category), contact=contact)
    assert outcome is None if goes else isinstance(outcome, Cancelled) and outcome.code == "opted-out"


def test_who_writes_again_after_an_opt_out_gets_an_answer_and_nothing_else() -> None:
    contact = ContactState(wrote_at=NIGHT, stopped="everything", chosen_at=NIGHT - timedelta(minutes=1))
    assert judged(claimed(), contact=contact) is None
    assert isinstance(judged(claimed(category="utility"), contact=contact), Cancelled)


def test_an_opt_out_goes_before_the_quiet_hours_and_a_deadline_before_both() -> None:
    contact = ContactState(stopped="everything", chosen_at=NIGHT)
    one = claimed(category="marketing", quiet=True)
    assert isinstance(judged(one, contact=contact), Cancelled)
    late = judged(replace(one, expires_at=NIGHT), contact=contact)
    assert isinstance(late, Cancelled)
    assert late.code == "expired"
