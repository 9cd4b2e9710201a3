"""The limits of a lane: its allowance, and the limiter that books a slot for each message."""

from harkara.limits.allowance import Allowance, with_margin
from harkara.limits.limiter import HORIZON, Limiter
from harkara.limits.slots import Slot, SlotRequest

__all__ = ["HORIZON", "Allowance", "Limiter", "Slot", "SlotRequest", "with_margin"]
