"""Every kind of sentence that rows keep, made by the functions that write them, for tests of their translations."""

from __future__ import annotations

import ast
import random
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from itertools import product
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

from harkara import messages
from harkara.answers import NoAnswer, NoAnswerReason, NotSent, NotSentReason, Replied
from harkara.assistant.summary import _LANGUAGES, CAUSES, summarize
from harkara.assistant.voice import Voice
from harkara.callbacks.connector import TooLong, _reason
from harkara.callbacks.delivery import classify
from harkara.callbacks.endpoint import Responded
from harkara.campaigns.columns import Column, _choice, find_column
from harkara.campaigns.error_share import pause_reason
from harkara.campaigns.steps import CampaignSteps, CanaryCounts, judge_canary
from harkara.catalogue import Catalogue
from harkara.categories import Category
from harkara.errors import Invalid
from harkara.goals import Goals
from harkara.goals.alarm import Alarm
from harkara.inbound.contact import ConsentCategory, ContactState
from harkara.ledger.campaigns.commands import _STATE_SENTENCES
from harkara.ledger.conversations.drafts import Decision
from harkara.ledger.messages.next_state import uncertain_columns
from harkara.ledger.messages.queries import _SEEN, _answer
from harkara.ledger.occasions.queries import _ALREADY_SENT_REASON
from harkara.ledger.occasions.rows import superseded_reason
from harkara.ledger.users.users import _access
from harkara.message_groups import _LABELS, GroupedMessages, Hold, describe
from harkara.money.budgets import Budget, BudgetStatus
from harkara.occasions.reminder_builder import _needs
from harkara.occasions.schedule import REASONS
from harkara.outcomes import Outcome, Refused, Uncertain, Wait
from harkara.phone import normalize
from harkara.playbook import AttemptContext, Playbook
from harkara.playbook.table import PlaybookTable
from harkara.redis_answers import _BY_CODE, _BY_TEXT, refusal_of
from harkara.redis_client import redis_unavailable
from harkara.roles import Role
from harkara.states import State

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 29, 10, 5, tzinfo=UTC)
_FILE = ROOT / "config" / "playbook.toml"
_PLAYBOOK = Playbook.load(_FILE)
_FOREIGN = "नंबर"
"""What the provider says, in letters that no English sentence has."""


_ATTEMPT = {"outcome": "uncertain", "ended_at": NOW, "text": "", "status": None, "code": None, "job_id": None}


def why_groups() -> Iterator[str]:
    for state, hold, code in product(
        State, [None, *get_args(Hold)], [None, *_LABELS, "campaign-paused", "campaign-ready"]
    ):
        for hours, until in ((0, None), (1, None), (30, NOW)):
            later = NOW + timedelta(hours=hours)
            resend = later if until else None
            group = GroupedMessages("shop", state, code, hold, "camp_1", 1234, NOW, later, None, resend, "नहीं", until)
            found = describe(group, NOW, ZoneInfo("Asia/Kolkata"), exact=until is None)
            yield from filter(None, (found.sentence, found.remedy))


def alarms() -> Iterator[str]:
    for name, goal in Goals.load(ROOT / "config" / "goals.toml").by_name.items():
        for value in (0.98, 47.0, 8000.0, 200_000.0):
            yield goal.sentence(value)
        for lane, subject in product((None, "shop"), (None, "डिस्क")):
            yield _alarm(name, lane, subject).title


def _alarm(goal: str, lane: str | None, subject: str | None) -> Alarm:
    times: dict[str, Any] = {"acknowledged_at": None, "acknowledged_by": None, "closed_at": None}
    return Alarm(
        id="1",
        goal=goal,
        lane=lane,
        subject=subject,
        state="open",
        sentence="",
        value=1.0,
        limit=1.0,
        missed_since=NOW,
        opened_at=NOW,
        **times,
    )


def traces() -> Iterator[str]:
    yield from (_answer(_ATTEMPT, [{"event": state, "at": NOW}]) for state in _SEEN)
    for reason in ("Its deadline passed before it could be sent.", f"Dropped by {_FOREIGN}."):
        yield f"webhook of 2026-11-29T10:05:00+05:30: {reason} WhatsApp said: {_FOREIGN}"
    yield "webhook of 2026-11-29T10:05:00+05:30"


def reminders() -> Iterator[str]:
    yield from REASONS.values()
    yield _ALREADY_SENT_REASON
    for status, reason in product(("open", "cancelled", "completed", "no-show"), (None, "बीमार")):
        yield superseded_reason({"kind": "visit", "status": status, "reason": reason})


def answers() -> Iterator[str]:
    """Yield the sentences of every outcome that the playbook has for an answer, as rows and halts keep them."""
    contexts = [
        AttemptContext(tries=tries, waits=waits, resends=resends, category=category, raw=raw, seconds_left=86_400)
        for tries, waits, resends, raw in product((1, 9), (0, 99), (0, 9), (False, True))
        for category in ("utility", "marketing")
    ]
    for answer, context in product(list(_answers()), contexts):
        given = replace(context, waited_for=answer.code if isinstance(answer, Replied) else answer.reason)
        yield from _kept(_PLAYBOOK.judge(answer, given, random.Random(1), evidence=True))
    table = PlaybookTable.load(_FILE)
    for entry in (*table.code, *table.http, *table.event, table.unknown):
        yield from (entry.sentence, *([entry.waiting] if entry.delays else []))
        yield from (f"Tried {times} without success. {entry.sentence}" for times in ("1 time", "5 times"))
    for context in contexts:
        yield from _kept(_PLAYBOOK.after_crash(context))
    for code, text in product((None, *_codes("code"), "999"), ("", _FOREIGN)):
        refused = _PLAYBOOK.undelivered(code, text, raw=True, window="shut")
        yield from (f"{refused.advice} WhatsApp said: {text}" if text else refused.advice, *_paused(refused))


def _codes(kind: Any) -> list[str]:
    return list(PlaybookTable.load(_FILE).entries(kind))


def _answers() -> Iterator[Any]:
    for text in ("", _FOREIGN):
        yield from (Replied(400, code=code, text=text) for code in (*_codes("code"), "999"))
        yield from (Replied(int(status), text=text) for status in _codes("http"))
    yield from map(NotSent, get_args(NotSentReason))
    yield from map(NoAnswer, get_args(NoAnswerReason))


def _kept(outcome: Outcome) -> Iterator[str]:
    match outcome:
        case Uncertain():
            yield uncertain_columns(outcome, NOW)["reason"]
            yield outcome.reason
        case Refused(advice=advice):
            yield from (advice, f"{advice} Chat Mitra said: {_FOREIGN}", *_paused(outcome))
        case Wait(reason=reason):
            yield from (reason, f"{reason} Due 2026-11-29T10:05:00.123+00:00.", *_paused(outcome))


def _paused(outcome: Any) -> Iterator[str]:
    if outcome.pause:
        yield from (outcome.pause.reason, f"Chat Mitra cannot be reached: {outcome.pause.reason}")
        yield f"Lane shop is paused until 2026-11-29T10:05:00+00:00: {outcome.pause.reason}"


def objections() -> Iterator[str]:
    """Yield why a person gets no message, and why the assistant's answer is not sent."""
    for category, stopped in product(("marketing", "utility", "reply"), ("marketing", "everything")):
        if objection := ContactState(stopped=stopped).objection(category):  # type: ignore[arg-type]
            yield f"This person {objection}."
            yield f"this person {objection}"
            yield objection
    voices = (Voice("person", "", 0, 1), Voice("assistant", "", 0, 1), Voice("assistant", "", 4, 2))
    yield from (f"Not sent, since {voice.objection(2, 3)}." for voice in voices)


def phones() -> Iterator[str]:
    """Yield what is wrong with numbers that are too short, too long or of no kind, for their country."""
    for number in ("+9198", "+91987654", "+919876543210123", "+91123456789", "+999123456789", "+17111111111"):
        try:
            normalize(number)
        except Invalid as error:
            yield from (error.rule, f"{error.rule} ({error.measure})")


def formats() -> Iterator[str]:
    catalogue = Catalogue.load(ROOT / "config" / "templates.toml")
    yield from (each.rule for each in catalogue.parameter.values())
    yield from (each.when for each in catalogue.kind.values() if each.when)


def lists() -> Iterator[str]:
    """Yield the rules that list what exists."""
    for names in ((), ("नाम",)):
        for optional in ((), ("शहर",)):
            yield from (f"{rule}; {_needs(names, optional)}" for rule in ("is no parameter here", "is missing"))
    for header in (["नाम"], ["नाम", "mobil"]):
        try:
            find_column(header, "to", Column("mobile"))
        except Invalid as error:
            yield error.rule
    yield from (f"the template has no such parameter; {_choice(name, ['mobil'])}" for name in ("mobile", "नाम"))


def campaigns() -> Iterator[str]:
    yield from (f"campaign सेल {sentence}" for sentence in _STATE_SENTENCES.values())


def words() -> Iterator[str]:
    """Yield the words of rows that pages show: kinds, categories, states of halts, and details of acts."""
    kinds = {each.kind for each in vars(messages).values() if isinstance(getattr(each, "kind", None), str)}
    yield from (
        *kinds,
        "batch",
        *get_args(Category),
        *get_args(ConsentCategory),
        *get_args(Decision),
        "parked",
        "paused",
    )
    yield from (_access(role, None) for role in Role)
    yield from (_access(role, "shop चीता") for role in (Role.OPERATOR, Role.VIEWER))
    yield from ("20.00 INR", "stop-loss 20.00 INR", "to 91••••••3210", "rule -2h")


def summaries() -> Iterator[str]:
    """Yield what the assistant says about a conversation that it gives to a person."""
    for cause, language in product(CAUSES, _LANGUAGES):
        yield summarize(cause, ["चीता ORD-1042"], "दाम? 5. समय?", language, "opening-hours")
        yield summarize(cause, [], "", language, None)


def audit_rules() -> Iterator[str]:
    """Yield the rule of each finding of the audit, and what the log of acts keeps of two of them."""
    nodes = [node for name in ("audit", "audit_rules", "audit_answers") for node in ast.walk(_source_of(name))]
    keys = [key for node in nodes if isinstance(node, ast.Dict) for key in node.keys]
    keys += [node.args[0] for node in nodes if isinstance(node, ast.Call) and _is_finding(node)]
    found = [str(key.value) for key in keys if isinstance(key, ast.Constant) and " " in str(key.value)]  # no columns
    yield from found
    yield f"{found[0]}: 3; {found[1]}: 1"


def _source_of(name: str) -> ast.Module:
    return ast.parse((ROOT / "harkara" / "ledger" / f"{name}.py").read_text())


def _is_finding(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "add" and len(call.args) == 3


def money() -> Iterator[str]:
    for period in ("day", "month", "campaign"):
        budget = Budget("shop", period, "camp_1" if period == "campaign" else "", 200_000_000_000, "INR")
        yield BudgetStatus(budget, 234_567_890_000, None).reason
    reached = "It has cost 1,234.50 INR, and its stop-loss is 1,000.00 INR."
    yield f"{reached} Resume it with a higher stop-loss, or cancel it."
    yield f"Campaign सेल is paused: {reached} Resume it with a higher stop-loss, or cancel it."
    yield f"{reached} Give it a higher stop-loss to resume it."


def canaries() -> Iterator[str]:
    steps = CampaignSteps(canary=0.1)
    yield pause_reason(["131026", "131049"] * 20) or ""
    for delivered, failed, opted_out in product((0, 1000), (0, 1000), (0, 1000)):
        found = judge_canary(CanaryCounts(1000, delivered, failed, opted_out), steps, 0.1)
        yield from filter(None, (found, judge_canary(CanaryCounts(0, 0, 0, 0), steps, 0.1)))


def redis() -> Iterator[str]:
    """Yield why no slot could be booked, as messages keep it."""
    reasons = [each.reason for each in (*_BY_CODE.values(), *_BY_TEXT.values())]
    reasons += [refusal_of(error).reason for error in (TimeoutError(), OSError(), KeyError())]
    advice = "nothing is sent until it does, and nothing is lost; see that it runs"
    error = str(redis_unavailable(OSError(), "book slots", advice))
    assert refusal_of(OSError()).reason in error
    yield from (error.replace(refusal_of(OSError()).reason, reason) + "." for reason in reasons)


def callbacks() -> Iterator[str]:
    yield "it could not be sent (KeyError)"
    yield f"cancelled by {_FOREIGN}"
    for status in (302, 410, 500):
        yield getattr(classify(Responded(status, None), 1), "reason", "")
    kinds = (socket.gaierror, ssl.SSLError, ConnectionRefusedError, ConnectionResetError, TooLong, HTTPException)
    yield from (_reason(kind()) for kind in (*kinds, ValueError, OSError))
    yield "no response within 5 s"
    yield from ("the host has a private address" + more for more in ("", _BLOCKED))


_BLOCKED = ": set HARKARA_CALLBACK_PRIVATE, or correct the URL"
