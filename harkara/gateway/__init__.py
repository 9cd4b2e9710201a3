"""The HTTP API: accept messages as Chat Mitra's API does, report their state, and receive webhooks."""

from __future__ import annotations

from harkara.server_extra import require_server

require_server(__name__)

from harkara.gateway.app import create_app  # noqa: E402
from harkara.gateway.callers import Caller, Callers  # noqa: E402
from harkara.gateway.dependencies import Dependencies, ReceiveWebhook  # noqa: E402

__all__ = ["Caller", "Callers", "Dependencies", "ReceiveWebhook", "create_app"]
