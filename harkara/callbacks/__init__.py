"""Callbacks: signed webhooks of our own, delivered from the ledger's outbox to the application."""

from __future__ import annotations

from harkara.server_extra import require_server

require_server(__name__)
