"""The limits of a lane: its allowance, and the limiter that books each message a time to go out."""

from harkara.limits.allowance import Allowance, guarded
from harkara.limits.limiter import HORIZON, Ask, Limiter, Slot

__all__ = ["HORIZON", "Allowance", "Ask", "Limiter", "Slot", "guarded"]
