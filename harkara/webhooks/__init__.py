"""Webhooks of Chat Mitra: receive and store them, then process their events."""

from __future__ import annotations

from harkara.server_extra import require_server

require_server(__name__)
