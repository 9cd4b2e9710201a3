"""Inbound: what a webhook of Chat Mitra is, whether it is genuine, what it says and what follows from it."""

from __future__ import annotations

from harkara.chatmitra.signature import HEADER, sign, verify
from harkara.chatmitra.webhooks import read
from harkara.inbound.events import Event, Received, StatusChanged, Unknown
from harkara.inbound.ladder import fold
from harkara.inbound.matching import Candidate, match
from harkara.inbound.window import Standing, standing
from harkara.inbound.words import Cancel, Confirm, OptIn, OptOut, Reply, Reschedule, Words

__all__ = [
    "HEADER",
    "Cancel",
    "Candidate",
    "Confirm",
    "Event",
    "OptIn",
    "OptOut",
    "Received",
    "Reply",
    "Reschedule",
    "Standing",
    "StatusChanged",
    "Unknown",
    "Words",
    "fold",
    "match",
    "read",
    "sign",
    "standing",
    "verify",
]
