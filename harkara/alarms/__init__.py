"""Alarms: the round that compares the goals with what is measured, and the receivers of what it finds."""

from __future__ import annotations

from harkara.server_extra import require_server

require_server(__name__)
