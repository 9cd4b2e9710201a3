"""Campaigns: one template for the audience in a CSV file, rehearsed before it starts."""

from harkara.campaigns.audience import Recipient, Reject, read_recipients
from harkara.campaigns.columns import TO, Column, FixedText, Source, parse_mapping
from harkara.campaigns.error_share import pause_reason
from harkara.campaigns.messages import CampaignMessage, build_messages
from harkara.campaigns.rehearsal import Rehearsal, rehearse

__all__ = [
    "TO",
    "CampaignMessage",
    "Column",
    "FixedText",
    "Recipient",
    "Rehearsal",
    "Reject",
    "Source",
    "build_messages",
    "parse_mapping",
    "pause_reason",
    "read_recipients",
    "rehearse",
]
