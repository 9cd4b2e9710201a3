"""Campaigns: one template to a frozen audience, rehearsed before it starts."""

from harkara.campaigns.audience import Recipient, Reject, read
from harkara.campaigns.columns import TO, Column, Fixed, Source, parse_map
from harkara.campaigns.guard import should_pause
from harkara.campaigns.letters import Letter, letters
from harkara.campaigns.prices import Prices
from harkara.campaigns.rehearsal import Rehearsal, rehearse

__all__ = [
    "TO",
    "Column",
    "Fixed",
    "Letter",
    "Prices",
    "Recipient",
    "Rehearsal",
    "Reject",
    "Source",
    "letters",
    "parse_map",
    "read",
    "rehearse",
    "should_pause",
]
