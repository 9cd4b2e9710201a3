"""Figures that the library and a deployment's settings share."""

from __future__ import annotations

from typing import Final

DEADLINES: Final = {"authentication": 600.0, "reply": 86_400.0, "utility": 86_400.0, "marketing": 259_200.0}
"""Seconds by category after which a message without a deadline of its own is not worth sending.

A code is good for 5 to 10 minutes (Chat Mitra docs, OTP template); a raw reply for the 24-hour window.
"""

LEASE_SECONDS: Final = 10.0
"""How long a hint may be on its way, or a claim in one hand, before the sweep takes the message back."""

CHUNK: Final = 50
"""Ids in one hint: a task costs Celery nine Redis commands, whatever it carries."""
