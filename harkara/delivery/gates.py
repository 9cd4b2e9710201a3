"""The gates before a POST, in their order; each passes a message or decides its outcome."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from harkara.assistant.rules import AssistantRules
from harkara.campaigns.steps import campaign_of
from harkara.delivery.fallback_rule import needs_window, replacement
from harkara.delivery.gate_context import GateContext
from harkara.inbound.window import ARRIVAL, WindowState
from harkara.json_record import iso_seconds
from harkara.lanes import Lane
from harkara.ledger.assistant_switch import OFF
from harkara.ledger.contacts.consent import OPTED_OUT
from harkara.ledger.contacts.contacts import load_contacts, recall_erased
from harkara.ledger.database import Database
from harkara.ledger.events.unread_messages import oldest_unread
from harkara.ledger.halts import BUDGET, MODEL, PRODUCER, active_halts
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.otp_limit import recent_codes
from harkara.ledger.occasions.queries import outdated_reminders
from harkara.messages.link_expiry import LINK_ENDED, first_end
from harkara.outcomes import Cancelled, Outcome, Refused, Wait
from harkara.people.spellings import canonical
from harkara.playbook import WINDOW_CLOSED

CODES_AN_HOUR = 3
"""One-time codes to one number (Chat Mitra docs, OTP template rules)."""

UNREAD = "unread-message"
"""The code of a message that waits until what customers wrote is applied."""

UNREAD_BACKLOG = timedelta(seconds=5)
"""How old a customer's message is before it is applied only while workers cannot keep up, or did not run."""

UNREAD_SECONDS, MOST_UNREAD_WAITS = 1.0, 60
"""How long a reply waits each time, and how often: where no worker applies events, the window stays as it is known."""

Gate = Callable[[Claimed, GateContext], Outcome | None]


def load(
    db: Database,
    lanes: Mapping[str, Lane],
    messages: Sequence[Claimed],
    erasure_key: str | None = None,
    assistant: AssistantRules = AssistantRules(),  # noqa: B008  # frozen
) -> GateContext:
    """Return what the gates need to know about these messages.

    Most chunks need no more than the claim has read; halts, one-time codes, reminders, opt-outs of erased people, and
    what customers wrote and is not applied yet need a look into the ledger. `erasure_key` is that of the pseudonyms of
    erased people. Raises Unavailable.
    """
    contacts = {(m.lane, m.recipient): m.contact for m in messages}
    context = GateContext(
        max(m.claimed_at for m in messages), lanes, {}, {}, set(), contacts=contacts, assistant=assistant
    )
    recall = erasure_key if any(m.erased for m in messages) else None
    shut = {(m.lane, m.recipient) for m in messages if _shut(m, context) and needs_window(m)}
    asked = {lane for lane, _ in shut} | {m.lane for m in messages if m.unread and _needs_choices(m, lanes)}
    looks = recall or asked or any(m.halted or m.occasion_id or m.category == "authentication" for m in messages)
    if not looks:
        return context
    with db.read() as tx:
        unread = oldest_unread(tx, asked) if asked else {}
        contacts |= load_contacts(tx, shut)  # afterwards: a message that has just been applied has opened the window
        if recall:
            contacts = recall_erased(tx, contacts, recall)
        halts = {(h.lane, h.scope, h.subject): h for h in active_halts(tx)}
        # The codes are read after the claim: of two workers that claim codes for one number, at least one sees both.
        sent = recent_codes(tx, (m.recipient for m in messages if m.category == "authentication"))
        for each in sent.values():
            each.claimed -= {m.id for m in messages}  # the gate counts the codes of this chunk one by one
        past = outdated_reminders(tx, [m.id for m in messages if m.occasion_id])
        return replace(context, now=tx.now, halts=halts, codes=sent, outdated=past, contacts=contacts, unread=unread)


def _needs_choices(message: Claimed, lanes: Mapping[str, Lane]) -> bool:
    """Whether it is marketing of a lane in which customers opt out by messages."""
    lane = lanes.get(message.lane)
    return message.category == "marketing" and lane is not None and lane.webhooks_enabled


def check(message: Claimed, context: GateContext) -> Outcome | None:
    """Return the outcome of the first gate that stops the message; None when all gates pass it."""
    outcome = next((found for gate in GATES if (found := gate(message, context))), None)
    if outcome is None and message.category == "authentication":
        # The next code of the chunk counts this one.
        context.codes[canonical(message.recipient)].claimed.add(message.id)
    return outcome


def trace_line(at: WindowState, slot_seconds: float) -> str:
    """Describe, for the trace, the gates of a message that passed, its window and the seconds until its slot."""
    left = f" for {at.seconds_left / 3600:.1f} h" if at.window == "open" else ""
    return f"passed {_NAMES}; window {at.window}{left}; slot in {max(slot_seconds, 0):.3f} s"


def deadline(message: Claimed, context: GateContext) -> Outcome | None:
    if message.expires_at <= context.now:
        return Cancelled("expired", "Its deadline passed before it could be sent.")
    return None


def occasion(message: Claimed, context: GateContext) -> Outcome | None:
    reason = context.outdated.get(message.id)
    return Cancelled("superseded", reason) if reason else None


def consent(message: Claimed, context: GateContext) -> Outcome | None:
    """Marketing waits while customers' messages wait to be applied, as after an outage: one may be an opt-out."""
    if objection := context.contact(message).objection(message.category):
        return Cancelled(OPTED_OUT, f"This person {objection}.")
    oldest = context.unread.get(message.lane)
    if message.category == "marketing" and oldest and oldest <= context.now - UNREAD_BACKLOG:
        return Wait(UNREAD_BACKLOG.total_seconds(), UNREAD, _UNREAD_CHOICE)
    return None


def one_voice(message: Claimed, context: GateContext) -> Outcome | None:
    """An answer of the assistant goes out only while the conversation is the assistant's, and as it was then."""
    if message.talk_person is None:
        return None
    rules = context.assistant
    if message.voice is None:
        why: str | None = "the conversation is gone"
    elif ("", MODEL, OFF) in context.halts:
        why = "the assistant is off"
    elif rules.mode == "shadow" or not rules.answers(message.lane, message.talk_person, message.recipient):
        why = "the assistant does not answer this person any more"
    elif not message.fallback and needs_window(message) and _shut(message, context):
        why = "the 24-hour window is closed"
    else:
        why = message.voice.objection(message.talk_revision, rules.most_unanswered)
    return Cancelled("superseded", f"Not sent, since {why}.") if why else None


def quiet_hours(message: Claimed, context: GateContext) -> Outcome | None:
    lane = context.lanes.get(message.lane)
    if not message.quiet or lane is None or lane.quiet_hours is None:
        return None
    left = lane.quiet_hours.seconds_left(context.now)
    return Wait(left, "quiet-hours", "Quiet hours: it is sent when they end.") if left else None


def otp_limit(message: Claimed, context: GateContext) -> Outcome | None:
    if message.category != "authentication":
        return None
    codes = context.codes[canonical(message.recipient)]
    if len(codes.sent - {message.id}) >= CODES_AN_HOUR:
        return Cancelled("otp-limit", f"This number was already sent {CODES_AN_HOUR} codes within the last hour.")
    if len((codes.sent | codes.claimed) - {message.id}) >= CODES_AN_HOUR:
        # Other codes for the number are under way: wait until it is known whether they were sent.
        return Wait(0.5 + random.random(), "otp-limit", "Another code for this number is on its way.")
    return None


def window(message: Claimed, context: GateContext) -> Outcome | None:
    """Without webhooks the window is unknown and the message passes: Chat Mitra's answer decides."""
    if not _shut(message, context) or not needs_window(message):
        return None
    if _may_open(message, context):
        return Wait(UNREAD_SECONDS, UNREAD, _UNREAD)
    if message.resends:
        # The first POST may have arrived: a template now would be a second message.
        return Cancelled(WINDOW_CLOSED, "The 24-hour window closed before it could be sent again.")
    return replacement(message, context.lanes[message.lane]) or Refused(WINDOW_CLOSED, "", _WINDOW_CLOSED)


def _may_open(message: Claimed, context: GateContext) -> bool:
    """Whether a customer's message that came before this one is not applied yet.

    An application with a webhook of its own may answer sooner than an event is applied. Each wait counts for the second
    that it lasts at least, so that messages which come meanwhile prolong it by no more than they wait themselves.
    """
    waits = message.waits if message.waited_for == UNREAD else 0
    oldest = context.unread.get(message.lane)
    before = context.now - timedelta(seconds=waits * UNREAD_SECONDS)
    return waits < MOST_UNREAD_WAITS and oldest is not None and oldest <= before


def _shut(message: Claimed, context: GateContext) -> bool:
    at = context.window(message)
    return at.window != "unknown" and at.seconds_left < ARRIVAL.total_seconds()


_UNREAD = "A message of a customer is not read yet, and may open the 24-hour window."
_UNREAD_CHOICE = "A message of a customer is not read yet, and may be an opt-out."
_WINDOW_CLOSED = (
    "This person has not written to you in the last 24 hours, so only an approved template gets through: send a "
    "template, or give the message a fallback, or configure a template for the whole lane (reengage)."
)


def links(message: Claimed, context: GateContext) -> Outcome | None:
    end = first_end(message.body)
    if end is None or end > context.now:
        return None
    reason = f"Its link ended at {iso_seconds(end)}, before it could be sent"
    if message.resends:
        return Cancelled(LINK_ENDED, f"{reason} again.")
    return Refused(LINK_ENDED, "", f"{reason}: send it again with a link that lasts longer.")


def lane_open(message: Claimed, context: GateContext) -> Outcome | None:
    if message.lane not in context.lanes:
        return Wait(60.0, "lane-unknown", f"Lane {message.lane} is not configured in this worker.")
    halt = context.halts.get((message.lane, "lane", ""))
    if halt is None:
        return None
    if halt.probing and message.lane not in context.probed:
        context.probed.add(message.lane)
        return None
    return Wait(0.0 if halt.seconds is None else max(halt.seconds, 1.0), "lane-parked", halt.reason)


def template_open(message: Claimed, context: GateContext) -> Outcome | None:
    halt = context.halts.get((message.lane, "template", message.template or ""))
    if halt is None or halt.probing:
        return None
    return Wait(halt.seconds, "template-paused", halt.reason)


def producer_open(message: Claimed, context: GateContext) -> Outcome | None:
    halt = context.halts.get((message.lane, PRODUCER, message.producer))
    if halt is None or halt.probing:
        return None
    # Due at once: dispatch skips a held producer, and the message must not lose its turn when the hold ends.
    return Wait(0.0, "campaign-paused", halt.reason)


def budget(message: Claimed, context: GateContext) -> Outcome | None:
    """Only marketing waits; the round of budgets has summed what is spent, so that no message asks for it."""
    if message.category != "marketing":
        return None
    halts = (context.halts.get((message.lane, BUDGET, subject)) for subject in ("", campaign_of(message.producer)))
    halt = next((each for each in halts if each and not each.probing), None)
    return Wait(halt.seconds, halt.code, halt.reason) if halt else None


GATES: tuple[Gate, ...] = (
    deadline,
    occasion,
    consent,
    one_voice,
    quiet_hours,
    otp_limit,
    window,
    links,
    lane_open,
    template_open,
    producer_open,
    budget,
)

_NAMES = ", ".join(gate.__name__.replace("_", " ") for gate in GATES)
