"""The HTTP API: accept messages as Chat Mitra's API does, report their state, and receive webhooks."""

from harkara.gateway.app import create_app
from harkara.gateway.callers import Caller, Callers
from harkara.gateway.dependencies import Dependencies, ReceiveWebhook

__all__ = ["Caller", "Callers", "Dependencies", "ReceiveWebhook", "create_app"]
