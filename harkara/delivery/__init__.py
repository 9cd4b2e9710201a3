"""The delivery of messages: dispatch, the gates, the sender and the periodic work around them."""

from __future__ import annotations

from harkara.server_extra import require_server

require_server(__name__)
