"""Goals: what a deployment promises itself, whether what was measured meets it, and the same as rules of Prometheus."""

from __future__ import annotations

from harkara.goals.goal import Goal, Reading
from harkara.goals.goals import Goals

__all__ = ["Goal", "Goals", "Reading"]
