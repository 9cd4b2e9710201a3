"""All that is specific to Chat Mitra: its requests, answers, webhooks and signatures."""

from __future__ import annotations

from harkara.server_extra import require_server

require_server(__name__)
