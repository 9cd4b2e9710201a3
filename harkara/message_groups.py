"""Why messages wait, are uncertain or have failed: one group for each reason, with a sentence and what helps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from harkara.campaigns.steps import campaign_of
from harkara.json_record import JsonRecordSeconds, TimestampSeconds
from harkara.states import State

Hold = Literal["lane", "template", "producer", "decision", "later", "due", "leased"]
"""What a message waits for: the end of a halt (of its lane, template or producer), an operator, its time, its turn."""

_SAME_DAY = timedelta(hours=20)
"""A clock time alone is clear within this time from now."""

_LABELS = {
    "quiet-hours": "quiet hours",
    "window-closed": "window closed, no fallback",
    "read-timeout": "answer lost",
    "reset": "answer lost",
    "closed": "answer lost",
    "half-answer": "answer cut off",
    "crash": "its worker ended before the answer",
    "restored": "perhaps sent since the backup",
    "no-evidence": "answer lost, and no webhook shows it",
}
"""Short forms of the reasons that Harkara gives itself; for others the reason is a sentence already."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MessageGroup(JsonRecordSeconds):
    """Messages of one lane that are in one state for one reason."""

    state: State
    code: str | None
    lane: str
    number: int
    exact: bool
    """False if there are more messages than were read."""
    sentence: str
    """Such as `412 wait for 09:00, quiet hours`; times are local to the lane."""
    remedy: str | None
    """What helps, as a sentence; None if the messages go on by themselves."""
    command: str | None
    """The command that helps."""
    hold: Hold | None
    """What messages that wait are held by; `leased` while they are being sent."""
    subject: str | None
    """The template or the campaign that is halted."""
    first: TimestampSeconds
    """The first due time of what waits, otherwise the first time of the change to this state."""
    last: TimestampSeconds


@dataclass(frozen=True, slots=True)
class GroupedMessages:
    """What the ledger knows about one group. `halt` is the reason of its halt, `until` the end; None has no end."""

    lane: str
    state: State
    code: str | None
    hold: Hold | None
    subject: str | None
    number: int
    first: datetime
    last: datetime
    reason: str | None
    resend_at: datetime | None
    halt: str | None = None
    until: datetime | None = None

    def with_more(self, other: GroupedMessages) -> GroupedMessages:
        """Return both groups as one."""
        resends = [at for at in (self.resend_at, other.resend_at) if at]
        return replace(
            self,
            number=self.number + other.number,
            first=min(self.first, other.first),
            last=max(self.last, other.last),
            reason=self.reason or other.reason,
            resend_at=min(resends, default=None),
        )


def describe(group: GroupedMessages, now: datetime, zone: ZoneInfo, *, exact: bool) -> MessageGroup:
    """Return the group with its sentence and its remedy."""
    number = f"{group.number:,}" + ("" if exact else "+")
    match group.state:
        case State.UNCERTAIN:
            sentence, remedy, command = _uncertain(group, now, zone)
        case State.FAILED:
            sentence, remedy, command = _failed(group)
        case _:
            sentence, remedy, command = _waiting(group, now, zone)
    return MessageGroup(
        state=group.state,
        code=group.code,
        lane=group.lane,
        number=group.number,
        exact=exact,
        sentence=f"{number} {sentence}",
        remedy=None if remedy and remedy in sentence else remedy,
        command=command,
        hold=group.hold,
        subject=group.subject,
        first=group.first,
        last=group.last,
    )


_Text = tuple[str, str | None, str | None]
"""Sentence, remedy and command."""


def _waiting(group: GroupedMessages, now: datetime, zone: ZoneInfo) -> _Text:
    at = short_time(group.first, now, zone)
    match group.hold:
        case "lane" | "template":
            return _halted(group, now, zone)
        case "producer":
            return _held_campaign(group)
        case "decision":
            command = f"harkara resend {_filters(group)}"
            return f"wait for your decision: {_label(group)}", "Send them once more, or drop them.", command
        case "later" if group.code:
            return f"wait for {at}, {_label(group)}", None, None
        case "later":
            return f"are due later, the first at {at}", None, None
        case "leased":
            return "are being sent", None, None
        case _:
            return "are due and go when their turn in the lane comes", None, None


def _halted(group: GroupedMessages, now: datetime, zone: ZoneInfo) -> _Text:
    what = f"template {group.subject}" if group.hold == "template" else f"lane {group.lane}"
    state = f"is paused until {short_time(group.until, now, zone)}" if group.until else "is parked"
    remedy = "Correct what the reason names, then let it go on."
    return f"wait: {what} {state}: {_plain(group.halt)}", remedy, f"harkara lanes unpark {group.lane}"


def _held_campaign(group: GroupedMessages) -> _Text:
    verb = "resume" if group.code == "campaign-paused" else "start"
    if group.code not in ("campaign-paused", "campaign-ready"):
        return f"wait: {_plain(group.halt)}", None, None
    return (
        f"wait: {_plain(group.halt)}",
        f"The campaign can {verb}.",
        f"harkara campaign {verb} {campaign_of(group.subject or '')}",
    )


def _uncertain(group: GroupedMessages, now: datetime, zone: ZoneInfo) -> _Text:
    first, last = (short_time(at, now, zone) for at in (group.first, group.last))
    when = first if first == last else f"{first} to {last}"
    remedy = "Ask the recipients whether it arrived, then say that it did, drop them, or send them once more."
    if group.resend_at:
        remedy = f"Harkara decides by itself from {short_time(group.resend_at, now, zone)} on, or you do before."
    return f"uncertain, {_label(group)} {when}", remedy, f"harkara resolve {_filters(group)} --sent"


def _failed(group: GroupedMessages) -> _Text:
    command = f"harkara resend {_filters(group)}"
    return f"failed: {_label(group)}", _advice(group.reason), command


def _advice(reason: str | None) -> str:
    return _plain(reason) or "Correct what the reason names, then send them again."


def _filters(group: GroupedMessages) -> str:
    code = f" --code {group.code}" if group.code else ""
    return f"--state {group.state} --lane {group.lane}{code}"


def _label(group: GroupedMessages) -> str:
    return _LABELS.get(group.code or "") or _plain(group.reason) or group.code or "no reason is known"


def _plain(reason: str | None) -> str:
    """Return our own part of a reason: what Chat Mitra said, and when one message goes again, differs for each."""
    return (reason or "").split(" Chat Mitra said: ")[0].split(" Harkara sends it again at ")[0]


def short_time(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return a time as people say it: `09:00` if that is clear from now, otherwise `24 Nov 09:00`."""
    local = at.astimezone(zone)
    return f"{local:%H:%M}" if abs(at - now) < _SAME_DAY else f"{local.day} {local:%b %H:%M}"
