"""Parse the object `pricing` of a status event, if Chat Mitra passes it on."""

from __future__ import annotations

from typing import Any

from harkara.money.pricing import PricedAs, Pricing

# Meta: status webhooks. Chat Mitra documents neither the object nor its absence.
_CATEGORIES: dict[str, PricedAs] = {
    "authentication": "authentication",
    "authentication_international": "authentication",
    "marketing": "marketing",
    "marketing_lite": "marketing",
    "utility": "utility",
    "service": "service",
    "referral_conversion": "service",
}


def parse_pricing(fields: dict[str, Any] | None) -> Pricing | None:
    """Return what WhatsApp says about the price; None for an event that says nothing that is known."""
    if fields is None:
        return None
    billable, kind = fields.get("billable"), str(fields.get("type", "")).lower()
    if kind.startswith("free_"):
        billable = False
    category = _CATEGORIES.get(str(fields.get("category", "")).lower())
    found = Pricing(category, billable if isinstance(billable, bool) else None)
    return None if found == Pricing(None, None) else found
