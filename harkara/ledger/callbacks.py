"""Callbacks: what the application is told."""

from __future__ import annotations

from typing import Any

from harkara.ledger.database import Transaction


def tell(tx: Transaction, kind: str, lane: str, subject: str, data: dict[str, Any]) -> None:
    """Nobody listens yet."""
