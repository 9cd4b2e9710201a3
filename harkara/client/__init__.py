"""The client of an application, split by subject."""

from __future__ import annotations

from harkara.client.async_client import AsyncClient
from harkara.client.client import Client
from harkara.client.options import EnvelopeOptions, MessageOptions

__all__ = ["AsyncClient", "Client", "EnvelopeOptions", "MessageOptions"]
