"""The limits of a lane: its allowance, and the limiter that books each message a time to go out."""

from harkara.limits.allowance import Allowance
from harkara.limits.limiter import GUARD, HORIZON, Ask, Limiter, Slot

__all__ = ["GUARD", "HORIZON", "Allowance", "Ask", "Limiter", "Slot"]
