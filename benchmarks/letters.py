"""What is sent: a text of about a hundred characters for each number, every number another person's."""

from __future__ import annotations


def recipient(n: int) -> str:
    return f"9198{10_000_000 + n}"


def text(n: int) -> str:
    return f"Your order {n} has left our warehouse and will be with you tomorrow. Reply STOP to hear no more of it."
