"""The web door: takes messages as Chat Mitra's API does, tells what became of them, and hears webhooks."""

from harkara.gateway.app import gateway
from harkara.gateway.callers import Caller, Callers
from harkara.gateway.dependencies import Behind, Hear

__all__ = ["Behind", "Caller", "Callers", "Hear", "gateway"]
