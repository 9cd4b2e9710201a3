"""What an event says about the price of its message: WhatsApp's object `pricing`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PricedAs = Literal["authentication", "marketing", "utility", "service"]


@dataclass(frozen=True, slots=True)
class Pricing:
    """The category that WhatsApp billed a message as, and whether it costs anything; None where it does not say.

    `service` is a message that is no template.
    """

    category: PricedAs | None
    billable: bool | None
