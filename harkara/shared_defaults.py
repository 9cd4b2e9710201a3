"""Defaults that the library and a deployment's settings share."""

from __future__ import annotations

from typing import Final

DEADLINES: Final = {"authentication": 600.0, "reply": 86_400.0, "utility": 86_400.0, "marketing": 259_200.0}
"""Seconds by category, from its due time, in which a message without a deadline of its own is sent.

A code is valid for 5 to 10 minutes (Chat Mitra docs, OTP template); a raw reply needs the 24-hour window.
"""

LEASE_SECONDS: Final = 10.0
"""Seconds that a message may stay queued or claimed before the sweep makes it due again."""

CHUNK: Final = 50
"""Ids in one hint: a task costs Celery nine Redis commands, whatever its size."""
