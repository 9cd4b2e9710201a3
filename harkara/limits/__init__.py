"""The limits of a lane: its allowance, and the slots of its messages; `limiter`, which books them, needs Redis."""

from harkara.limits.allowance import Allowance, with_margin
from harkara.limits.slots import Slot, SlotRequest

__all__ = ["Allowance", "Slot", "SlotRequest", "with_margin"]
