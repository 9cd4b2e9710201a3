"""Harkara: durable WhatsApp sending through Chat Mitra."""

from __future__ import annotations

from harkara.catalogue import Catalogue
from harkara.client import Client
from harkara.errors import Conflict, HarkaraError, Invalid, NotFound, Unavailable
from harkara.message_status import MessageStatus
from harkara.messages import *  # noqa: F403 -- every message class is public
from harkara.messages import __all__ as _message_classes
from harkara.receipt import Change, Handle

__all__ = [
    "Catalogue",
    "Change",
    "Client",
    "Conflict",
    "Handle",
    "HarkaraError",
    "Invalid",
    "MessageStatus",
    "NotFound",
    "Unavailable",
    *_message_classes,
]
