"""Campaigns: one template to a frozen audience, rehearsed before it starts."""

from harkara.campaigns.audience import Recipient, Reject, read
from harkara.campaigns.columns import TO, Column, Fixed, Source, parse_map
from harkara.campaigns.guard import should_pause
from harkara.campaigns.messages import CampaignMessage, messages_of
from harkara.campaigns.prices import Prices
from harkara.campaigns.rehearsal import Rehearsal, rehearse

__all__ = [
    "TO",
    "CampaignMessage",
    "Column",
    "Fixed",
    "Prices",
    "Recipient",
    "Rehearsal",
    "Reject",
    "Source",
    "messages_of",
    "parse_map",
    "read",
    "rehearse",
    "should_pause",
]
