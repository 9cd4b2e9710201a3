"""Why messages do not go on: the page of the messages of each reason, and what helps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from harkara.console.languages import N_
from harkara.console.message_filter import FilterFields
from harkara.ledger.conditions import LEASED_STATES
from harkara.message_groups import MessageGroup
from harkara.message_selection import Act
from harkara.states import State

ACT_LABELS: dict[Act, str] = {
    "cancel": N_("Cancel"),
    "resend": N_("Send once more"),
    "sent": N_("It arrived"),
    "drop": N_("Do not send again"),
}

_HELPFUL: Mapping[str | None, tuple[Act, ...]] = {
    State.UNCERTAIN: ("sent", "resend", "drop"),
    State.FAILED: ("resend",),
    "decision": ("resend", "drop"),
    "leased": (),
}
"""The acts that help, by state or by what messages wait for; those that wait for anything else can be cancelled."""


class Remedy(NamedTuple):
    """A button beside a reason: what it does, and its page."""

    label: str
    path: str


class Reason(NamedTuple):
    """Messages that do not go on for one reason: the page of their rows, and what helps."""

    group: MessageGroup
    path: str
    remedies: tuple[Remedy, ...]


def reason_of(fields: FilterFields, group: MessageGroup) -> Reason:
    """Return the reason of a group, within these filters."""
    narrowed = _rows_of(fields, group)
    return Reason(group, f"/messages?{narrowed.query()}", tuple(_remedies(narrowed, group)))


def _rows_of(fields: FilterFields, group: MessageGroup) -> FilterFields:
    """Return the filters of a group. The code of a halt is not that of its messages."""
    states = [state for state in State if state in LEASED_STATES] if group.hold == "leased" else [group.state]
    values = {"state": [state.value for state in states], "lane": [group.lane]}
    if group.hold in ("template", "producer"):
        values[group.hold] = [group.subject or ""]
    elif group.hold not in ("lane", "leased") and group.code:
        values["code"] = [group.code]
    return fields.narrowed(**values)


def _remedies(fields: FilterFields, group: MessageGroup) -> Iterator[Remedy]:
    if group.hold in ("lane", "template"):
        yield Remedy(N_("Open the lane"), "/now")
    if group.hold == "producer" and (group.subject or "").startswith("camp_"):
        yield Remedy(N_("Open the campaign"), f"/campaigns/{group.subject}")
    for act in _HELPFUL.get(group.state) or _HELPFUL.get(group.hold, ("cancel",)):
        yield Remedy(ACT_LABELS[act], f"/messages/preview?{fields.query(('act', act))}")
