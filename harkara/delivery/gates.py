"""The gates before a POST, in their order; each lets a message pass or says what becomes of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from harkara.inbound.contact import UNKNOWN_CONTACT, ContactState
from harkara.inbound.window import ARRIVAL, WindowState
from harkara.lanes import Lane
from harkara.ledger.contacts.consent import OPTED_OUT
from harkara.ledger.contacts.contacts import ContactKey, load_contacts
from harkara.ledger.database import Database
from harkara.ledger.halts import PRODUCER, Halt, active_halts
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.otp_limit import RecentCodes, recent_codes
from harkara.ledger.occasions.queries import outdated_reminders
from harkara.messages import Template
from harkara.outcomes import Cancelled, Outcome, Refused, Replaced, Wait
from harkara.playbook import WINDOW_CLOSED

CODES_AN_HOUR = 3
"""One-time codes to one number (Chat Mitra docs, OTP template rules)."""


@dataclass(slots=True)
class Moment:
    """What the gates look at, read in one look for a whole chunk."""

    now: datetime
    lanes: Mapping[str, Lane]
    halts: Mapping[tuple[str, str, str], Halt]
    codes: Mapping[str, RecentCodes]
    probed: set[str]
    """Lanes whose breaker is half open and whose one message has been let through."""
    outdated: Mapping[str, str] = field(default_factory=dict)
    """The reminders that their occasions have moved past, each with a sentence that says how."""
    contacts: Mapping[ContactKey, ContactState] = field(default_factory=dict)

    def contact(self, claimed: Claimed) -> ContactState:
        return self.contacts.get((claimed.lane, claimed.recipient), UNKNOWN_CONTACT)

    def window(self, claimed: Claimed) -> WindowState:
        """Unknown in a lane without webhooks, shut in one with them for somebody who never wrote."""
        lane = self.lanes.get(claimed.lane)
        return self.contact(claimed).window(self.now, webhooks_enabled=lane is not None and lane.webhooks_enabled)


Gate = Callable[[Claimed, Moment], Outcome | None]


def look(db: Database, lanes: Mapping[str, Lane], claimed: Sequence[Claimed]) -> Moment:
    """Reads what the gates need for these messages, as it is now. Raises Unavailable."""
    with db.read() as tx:
        halts = {(h.lane, h.scope, h.subject): h for h in active_halts(tx)}
        sent = recent_codes(tx, (c.recipient for c in claimed if c.category == "authentication"))
        for each in sent.values():
            each.claimed -= {c.id for c in claimed}  # these are judged now, one after the other
        past = outdated_reminders(tx, [c.id for c in claimed if c.occasion_id])
        people = load_contacts(tx, [(c.lane, c.recipient) for c in claimed])
        return Moment(tx.now, lanes, halts, sent, set(), past, people)


def stopped_at(claimed: Claimed, moment: Moment) -> Outcome | None:
    """The outcome of the first gate that does not let the message pass; None when all do."""
    return next((outcome for gate in GATES if (outcome := gate(claimed, moment))), None)


def deadline(claimed: Claimed, moment: Moment) -> Outcome | None:
    if claimed.expires_at <= moment.now:
        return Cancelled("expired", "Its deadline passed before it could be sent.")
    return None


def occasion(claimed: Claimed, moment: Moment) -> Outcome | None:
    why = moment.outdated.get(claimed.id)
    return Cancelled("superseded", why) if why else None


def consent(claimed: Claimed, moment: Moment) -> Outcome | None:
    why = moment.contact(claimed).objection(claimed.category)
    return Cancelled(OPTED_OUT, f"This person {why}.") if why else None


def quiet_hours(claimed: Claimed, moment: Moment) -> Outcome | None:
    lane = moment.lanes.get(claimed.lane)
    if not claimed.quiet or lane is None or lane.quiet_hours is None:
        return None
    left = lane.quiet_hours.seconds_left(moment.now)
    return Wait(left, "quiet-hours", "It is quiet now; it goes when the quiet hours end.") if left else None


def otp_limit(claimed: Claimed, moment: Moment) -> Outcome | None:
    if claimed.category != "authentication":
        return None
    known = moment.codes[claimed.recipient]
    if len(known.sent - {claimed.id}) >= CODES_AN_HOUR:
        return Cancelled("otp-limit", f"This number was sent {CODES_AN_HOUR} codes within the last hour already.")
    if len((known.sent | known.claimed) - {claimed.id}) >= CODES_AN_HOUR:
        # Others for the same number are on their way: wait until it is known whether they went out.
        return Wait(0.5 + random.random(), "otp-limit", "Another code for this number is on its way.")
    return None


def window(claimed: Claimed, moment: Moment) -> Outcome | None:
    """Only for lanes whose webhooks tell of it; elsewhere Chat Mitra's answer does."""
    at = moment.window(claimed)
    if at.window == "unknown" or at.seconds_left >= ARRIVAL.total_seconds() or not needs_window(claimed):
        return None
    if claimed.resends:
        # A template after a message that may have arrived would be another message to a person who has it.
        return Cancelled(WINDOW_CLOSED, "The 24-hour window closed before it could be sent once more.")
    if stand_in := replaced(claimed, moment.lanes[claimed.lane]):
        return stand_in
    return Refused(WINDOW_CLOSED, "", _WINDOW_CLOSED)


def replaced(claimed: Claimed, lane: Lane, status: int | None = None) -> Replaced | None:
    """The message as a template, if it has a fallback or its lane has one for all."""
    if not claimed.fallback and lane.reengage is None:
        return None
    which = "its fallback" if claimed.fallback else f"the template {lane.reengage}"
    why = f"This person has not written in the last 24 hours: {which} goes instead."
    return Replaced(WINDOW_CLOSED, why, None if claimed.fallback else lane.reengage, status)


def needs_window(claimed: Claimed) -> bool:
    """Whether anything in it is no template; several messages of one call may be both."""
    if claimed.kind != "batch":
        return claimed.kind != Template.kind
    return any(item["kind"] != Template.kind for item in json.loads(claimed.body)["messages"])


def lane_open(claimed: Claimed, moment: Moment) -> Outcome | None:
    if claimed.lane not in moment.lanes:
        return Wait(60.0, "lane-unknown", f"Lane {claimed.lane} is not configured here.")
    halt = moment.halts.get((claimed.lane, "lane", ""))
    if halt is None:
        return None
    if halt.probing and claimed.lane not in moment.probed:
        moment.probed.add(claimed.lane)
        return None
    return Wait(0.0 if halt.seconds is None else max(halt.seconds, 1.0), "lane-parked", halt.reason)


def template_open(claimed: Claimed, moment: Moment) -> Outcome | None:
    halt = moment.halts.get((claimed.lane, "template", claimed.template or ""))
    if halt is None or halt.probing:
        return None
    return Wait(halt.seconds, "template-paused", halt.reason)


def producer_open(claimed: Claimed, moment: Moment) -> Outcome | None:
    halt = moment.halts.get((claimed.lane, PRODUCER, claimed.producer))
    if halt is None or halt.probing:
        return None
    # Due at once: dispatch passes over it until its producer is let go, and then its turn must not be lost.
    return Wait(0.0, "campaign-paused", halt.reason)


GATES: tuple[Gate, ...] = (
    deadline,
    occasion,
    consent,
    quiet_hours,
    otp_limit,
    window,
    lane_open,
    template_open,
    producer_open,
)


def passed(claimed: Claimed, moment: Moment, slot_seconds: float) -> str:
    """What the trace says about the gates of a message that passed them all."""
    names: Iterable[str] = (gate.__name__.replace("_", " ") for gate in GATES)
    at = moment.window(claimed)
    left = f" for {at.seconds_left / 3600:.1f} h" if at.window == "open" else ""
    return f"passed {', '.join(names)}; window {at.window}{left}; slot in {max(slot_seconds, 0):.3f} s"


_WINDOW_CLOSED = (
    "This person has not written to you in the last 24 hours, so only an approved template gets through: send one, or "
    "give such a message a fallback, or the lane a template for all of them (reengage)."
)
