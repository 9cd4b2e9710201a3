"""Campaigns: one template to a frozen audience, rehearsed before it starts."""

from harkara.campaigns.audience import Recipient, Reject, read
from harkara.campaigns.columns import TO, Column, Fixed, Source, parse_map

__all__ = [
    "TO",
    "Column",
    "Fixed",
    "Recipient",
    "Reject",
    "Source",
    "parse_map",
    "read",
]
