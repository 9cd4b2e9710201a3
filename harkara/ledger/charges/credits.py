"""Charges in credits: the deliveries to one person are counted together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from sqlalchemy import and_, or_, select, update

from harkara.inbound import fingerprint
from harkara.lanes import Lane
from harkara.ledger.batch_size import MAX_ROWS
from harkara.ledger.tables import charge
from harkara.ledger.transaction import Row, Transaction
from harkara.money.credits import LENGTH, Counted, count_credits
from harkara.money.prices import FREE, Prices
from harkara.people.spellings import canonical

MIN_RETENTION = 2 * LENGTH
"""How long a charge keeps its recipient at least: the next message may belong to the same conversation."""


def recipient_key(lane: Lane | None, recipient: str) -> str | None:
    """Return a keyed digest that is the same for all messages of a lane to one number; None for an erased number."""
    return fingerprint.keyed(lane.token, canonical(recipient), "credits") if lane and recipient else None


def recount(tx: Transaction, charges: Mapping[str, Row], prices: Prices) -> Iterator[Row]:
    """Yield the new charges in credits, and those of the same people that these change.

    An event that is late can be the first of its 24 hours, and then the next message is free. A stored charge is not
    counted again without its person: one that was erased, or that was written in the other mode.
    """
    tx.lock("credits")  # two transactions could otherwise both find the first message to a person
    stored = {row["message_id"]: row for row in _known(tx, charges.values())}
    people: dict[str, dict[str, Row]] = defaultdict(dict)
    for identity, row in {**stored, **charges}.items():
        known = stored.get(identity)
        if known is None or (known["person"] and known["person"] == row["person"]):
            first = row if known is None or row["at"] < known["at"] else known
            # Without a number it is a conversation of its own.
            people[row["person"] or identity][identity] = first
        elif row["at"] < known["at"]:
            yield known | {"at": row["at"], "day": row["day"]}
    for deliveries in people.values():
        yield from _count(deliveries.values(), prices)


def erase_people(tx: Transaction, retention_seconds: float | None) -> int:
    """Erase the recipients of charges that are so old; return how many. None erases nothing."""
    if retention_seconds is None:
        return 0
    past = tx.now - max(timedelta(seconds=retention_seconds), MIN_RETENTION)
    old = select(charge.c.message_id).where(charge.c.person.is_not(None), charge.c.at <= past).limit(MAX_ROWS)
    return tx.execute(update(charge).where(charge.c.message_id.in_(old)).values(person=None)).rowcount


def _known(tx: Transaction, charges: Iterable[Row]) -> list[Row]:
    """Return these charges as they are stored, and those of the same people from the last conversation of one on."""
    charges = list(charges)
    since = min(row["at"] for row in charges) - LENGTH
    people = {row["person"] for row in charges if row["person"]}
    near = and_(charge.c.person.in_(people), charge.c.at > since)
    same = charge.c.message_id.in_([row["message_id"] for row in charges])
    return tx.rows(select(charge).where(or_(near, same)))


def _count(deliveries: Iterable[Row], prices: Prices) -> Iterator[Row]:
    """Yield the deliveries whose charge changes, all to one person."""
    ordered = sorted(deliveries, key=lambda row: (row["at"], row["message_id"]))
    counted = count_credits([(row["at"], _counted(row)) for row in ordered])
    for row, now in zip(ordered, counted, strict=True):
        if now != _counted(row):
            cost = prices.on(row["day"]).cost_of_credit() if now.costs else FREE
            amounts = {"amount": cost.total, "fee": cost.fee, "tax": cost.tax, "credits": int(now.costs)}
            yield row | amounts | {"began_at": now.began_at, "by_event": False}


def _counted(row: Row) -> Counted | None:
    return Counted(row["began_at"], row["credits"] > 0) if row["began_at"] else None
