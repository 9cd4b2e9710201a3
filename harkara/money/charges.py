"""Charges: what one delivered message costs, from its category, country, day and window, or from its event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import cast

from harkara.inbound.window import LENGTH
from harkara.messages.template import Template, TemplateCategory
from harkara.money.prices import FREE, Cost, Prices
from harkara.money.pricing import Pricing

BATCH = "batch"
"""The kind of a request with several messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredMessage:
    """A message that has arrived, as an event reports it; `day` is the day of `at` in the zone of its lane.

    `recipient` is E.164 digits, or once they are erased the calling code of their country, and empty if that is
    unknown. `wrote_at` is when the recipient wrote last, and `weight` the number of messages in the request.
    """

    recipient: str = field(repr=False)
    kind: str
    category: str
    weight: int = 1
    at: datetime
    day: date
    wrote_at: datetime | None = None
    pricing: Pricing | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """The category that the message is billed as, its cost in micros, and whether its event has decided that."""

    category: str
    cost: Cost
    by_event: bool = False


def charge(delivery: DeliveredMessage, prices: Prices) -> Charge:
    """Return the charge of a delivered message, as Meta bills since July 2025.

    Templates cost by category and country; everything else is free, and so are the categories `free-in-window` while
    the window is open (Meta: pricing). What the event says takes precedence.
    """
    said = delivery.pricing or Pricing(None, None)
    category = said.category or delivery.category
    billable = _is_billable(delivery, category, prices) if said.billable is None else said.billable
    cost = _cost(delivery, category, prices) if billable else FREE
    return Charge(category, cost, by_event=said.billable is not None)


def _is_billable(delivery: DeliveredMessage, category: str, prices: Prices) -> bool:
    if category in ("reply", "service") or delivery.kind not in (Template.kind, BATCH):
        return False
    return not (category in prices.on(delivery.day).free_in_window and _is_window_open(delivery))


def _cost(delivery: DeliveredMessage, category: str, prices: Prices) -> Cost:
    priced = cast(TemplateCategory, category if category in ("marketing", "authentication") else "utility")
    one = prices.on(delivery.day).cost(priced, delivery.recipient)
    return one.times(delivery.weight if delivery.kind == BATCH else 1)


def _is_window_open(delivery: DeliveredMessage) -> bool:
    """What a customer wrote after the delivery says nothing about the window before: then the message costs."""
    wrote_at = delivery.wrote_at
    return wrote_at is not None and wrote_at <= delivery.at < wrote_at + LENGTH
