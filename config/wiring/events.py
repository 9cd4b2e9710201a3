"""What applying events needs: no Redis, since `harkara recover` runs while `make up`, which brings it, is stopped."""

from __future__ import annotations

from config.files import ConfigFiles
from config.metrics import observe_deliveries
from config.wiring.tracing import on_applied
from harkara.chatmitra.webhooks import parse
from harkara.ledger.events.process import EventContext


def event_context(files: ConfigFiles) -> EventContext:
    """Return what applying events needs of these files."""
    return EventContext(
        files.lanes,
        files.playbook,
        files.words,
        parse,
        files.prices,
        observe_deliveries,
        files.assistant,
        on_applied,
    )
