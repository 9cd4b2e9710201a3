"""The categories of messages, and the default priority of each."""

from __future__ import annotations

from typing import Literal

Category = Literal["authentication", "reply", "utility", "marketing"]

PRIORITY: dict[str, int] = {"authentication": 0, "reply": 1, "utility": 2, "marketing": 3}
"""The default priority of each category; 0 is sent first."""
