"""Charge what the assistant's turns cost: they are no messages, and no budget of marketing counts them."""

from __future__ import annotations

from datetime import UTC
from typing import Final

from sqlalchemy import insert

from harkara.assistant.rules import Billing
from harkara.ledger.tables import charge
from harkara.ledger.transaction import Row, Transaction

ASSISTANT: Final = "assistant"
"""The category of these charges, and their key where the others have a template or a campaign."""


def charge_turn(tx: Transaction, turn: Row, billing: Billing) -> None:
    """Write the charge of a turn that has just been written and has a price."""
    zone = billing.zones.get(turn["lane"], UTC)
    row = {
        "message_id": turn["id"],
        "lane": turn["lane"],
        "day": turn["at"].astimezone(zone).date(),
        "at": turn["at"],
        "category": ASSISTANT,
        "currency": billing.currency,
        "amount": turn["price"],
        "fee": 0,
        "tax": 0,
        "credits": 0,
        "by_event": False,
    }
    tx.execute(insert(charge), row)
