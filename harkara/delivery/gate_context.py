"""What the gates know about the messages of a chunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from harkara.assistant.rules import AssistantRules
from harkara.inbound.contact import UNKNOWN_CONTACT, ContactState
from harkara.inbound.window import WindowState
from harkara.lanes import Lane
from harkara.ledger.contacts.contacts import ContactKey
from harkara.ledger.halts import Halt
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.otp_limit import RecentCodes


@dataclass(slots=True)
class GateContext:
    """The state of lanes, halts and contacts at `now`; the gates of one chunk share and update it.

    `probed` are the lanes whose breaker is half open and whose one message has passed. `outdated` has a sentence for
    each reminder whose occasion has changed since. `unread` has, by lane, when the oldest message of a customer came
    that is not applied yet.
    """

    now: datetime
    lanes: Mapping[str, Lane]
    halts: Mapping[tuple[str, str, str], Halt]
    codes: Mapping[str, RecentCodes]
    probed: set[str]
    outdated: Mapping[str, str] = field(default_factory=dict)
    contacts: Mapping[ContactKey, ContactState] = field(default_factory=dict)
    assistant: AssistantRules = field(default_factory=AssistantRules)
    unread: Mapping[str, datetime] = field(default_factory=dict)

    def contact(self, message: Claimed) -> ContactState:
        return self.contacts.get((message.lane, message.recipient), UNKNOWN_CONTACT)

    def window(self, message: Claimed) -> WindowState:
        """The recipient's window: unknown without webhooks; with webhooks, shut for a contact that never wrote."""
        lane = self.lanes.get(message.lane)
        return self.contact(message).window(self.now, webhooks_enabled=lane is not None and lane.webhooks_enabled)
