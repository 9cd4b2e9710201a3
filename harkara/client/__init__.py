"""The client of an application, split by subject."""

from __future__ import annotations

from harkara.client.client import Client
from harkara.client.options import EnvelopeOptions, MessageOptions

__all__ = ["Client", "EnvelopeOptions", "MessageOptions"]
