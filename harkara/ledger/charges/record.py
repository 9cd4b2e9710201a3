"""Record what delivered messages cost: one charge for each message, in whatever order its events arrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC

from harkara.inbound.events import StatusChanged
from harkara.lanes import Lane
from harkara.ledger.charges.credits import recipient_key, recount
from harkara.ledger.events.candidate_messages import LockedMessage
from harkara.ledger.transaction import Row, Transaction
from harkara.money.charges import DeliveredMessage, charge
from harkara.money.prices import Prices

Arrival = tuple[LockedMessage, StatusChanged]
"""A message, and the event that says that it was delivered or read."""

_COLUMNS = {
    "message_id": "text",
    "lane": "text",
    "day": "date",
    "at": "timestamptz",
    "category": "text",
    "template": "text",
    "campaign_id": "text",
    "currency": "text",
    "amount": "bigint",
    "fee": "bigint",
    "tax": "bigint",
    "credits": "integer",
    "by_event": "boolean",
    "person": "text",
    "began_at": "timestamptz",
}
_NAMES = ", ".join(_COLUMNS)
_UPSERT = f"""
INSERT INTO charge ({_NAMES}) SELECT {_NAMES} FROM {{each}} WHERE true
ON CONFLICT (message_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}
"""

# WhatsApp's own word decides, then the earliest event: `read` may come before `delivered`, or without it. The time is
# that of the earliest in any case. What was charged in credits stays.
_IS_EARLIER = "excluded.at < charge.at"
_DECIDES = f"((excluded.by_event AND NOT charge.by_event) OR (excluded.by_event = charge.by_event AND {_IS_EARLIER}))"
_CHANGES = ", ".join(
    f"{name} = CASE WHEN {_IS_EARLIER if name in ('at', 'day') else _DECIDES} THEN excluded.{name}"
    f" ELSE charge.{name} END"
    for name in _COLUMNS
    if name != "message_id"
)
_RECORD = f"""
INSERT INTO charge ({_NAMES}) SELECT {_NAMES} FROM {{each}} WHERE true
ON CONFLICT (message_id) DO UPDATE SET {_CHANGES}
WHERE charge.began_at IS NULL AND ({_IS_EARLIER} OR {_DECIDES})
"""


def record_charges(tx: Transaction, prices: Prices, lanes: Mapping[str, Lane], arrivals: Iterable[Arrival]) -> None:
    """Write the charges of these messages in one statement; an event that says nothing new changes none."""
    charges: dict[str, Row] = {}
    for arrived, change in arrivals:
        row = _row(arrived, change, prices, lanes.get(arrived.lane))
        charges[arrived.id] = _merged(charges.get(arrived.id, row), row)
    if prices.mode == "credits" and charges:
        _write(tx, _UPSERT, recount(tx, charges, prices))
    else:
        _write(tx, _RECORD, charges.values())


def _row(arrived: LockedMessage, change: StatusChanged, prices: Prices, lane: Lane | None) -> Row:
    recipient = arrived.recipient or change.recipient or ""
    delivery = DeliveredMessage(
        recipient=recipient or arrived.country or "",
        kind=arrived.kind,
        category=arrived.category,
        weight=arrived.weight,
        at=change.at,
        day=change.at.astimezone(lane.zone if lane else UTC).date(),
        wrote_at=arrived.wrote_at,
        pricing=change.pricing,
    )
    charged = charge(delivery, prices)
    return {
        "message_id": arrived.id,
        "lane": arrived.lane,
        "day": delivery.day,
        "at": change.at,
        "category": charged.category,
        "template": arrived.template,
        "campaign_id": arrived.campaign_id,
        "currency": prices.currency,
        "amount": charged.cost.total,
        "fee": charged.cost.fee,
        "tax": charged.cost.tax,
        "credits": 0,
        "by_event": charged.by_event,
        "person": recipient_key(lane, recipient) if prices.mode == "credits" else None,
        "began_at": None,
    }


def _merged(one: Row, other: Row) -> Row:
    """Return the charge of a message with two events, as the statement merges it with the stored one."""
    decides = min(one, other, key=lambda row: (not row["by_event"], row["at"]))
    first = min(one, other, key=lambda row: row["at"])
    return decides | {"at": first["at"], "day": first["day"]}


def _write(tx: Transaction, statement: str, rows: Iterable[Row]) -> None:
    ordered = [row | {"day": row["day"].isoformat()} for row in sorted(rows, key=lambda row: str(row["message_id"]))]
    if ordered:
        tx.execute_each(statement, _COLUMNS, ordered)
