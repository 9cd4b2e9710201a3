"""What the console reads of Redis and of the settings for its page about health."""

from __future__ import annotations

from config.settings import settings
from config.shown_settings import shown_settings
from config.wiring.shared import queue_depths
from harkara.health.sources import Sources
from harkara.redis_client import connect


def health_sources() -> Sources:
    s = settings()
    return Sources(
        redis=lambda: connect(s.broker_url, seconds=1),
        queues=queue_depths,
        settings=lambda: shown_settings(s),
        silence_seconds=s.silence.total_seconds(),
        history_days=s.history_days,
        callbacks=s.callbacks_enabled,
    )
