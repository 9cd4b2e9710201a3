"""A month of the sandbox's events, late, twice and out of order, is charged to the paisa."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from harkara.ledger.database import Database
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.money.amounts import from_micros
from harkara.money.prices import Prices
from harkara.outcomes import Accepted
from sandbox.phones.message import PhoneMessage, State
from sandbox.webhooks.events import build_webhook
from tests.integration.ledger.money import process_with, spend, template
from tests.integration.ledger.steps import record_results, reply
from tests.integration.ledger.webhooks import CONTEXT, post_messages

KOLKATA = ZoneInfo("Asia/Kolkata")
LANES = {"default": replace(CONTEXT.lanes["default"], zone=KOLKATA)}
FEE, GST = Decimal("0.05"), Decimal("0.18")
BEFORE = {"marketing": Decimal("0.8631"), "utility": Decimal("0.1150"), "authentication": Decimal("0.1150")}
AFTER = {"marketing": Decimal("0.9000"), "utility": Decimal("0.1275"), "authentication": Decimal("0.1275")}
CHANGE = 16
"""The day of the month from which the new rates are valid."""


PATHS: tuple[tuple[State, ...], ...] = (
    ("sent", "delivered", "read"),
    ("sent", "delivered"),
    ("read",),
    ("sent", "failed"),
    ("sent",),
)
"""What WhatsApp reports of a message; a `read` may come without its `delivered`."""


@dataclass(frozen=True)
class Sent:
    """A message of the month, as the account's own bill shows it."""

    phone: PhoneMessage
    category: str
    at: datetime
    path: tuple[State, ...]
    wrote: bool
    pricing: bool

    @property
    def cost(self) -> Decimal:
        free = self.category == "reply" or (self.category == "utility" and self.wrote)
        if free or not {"delivered", "read"}.intersection(self.path):
            return Decimal(0)
        rates = BEFORE if self.at.astimezone(KOLKATA).day < CHANGE else AFTER
        return (rates[self.category] + FEE) * (1 + GST)


def test_a_month_of_events_is_charged_to_the_paisa(db: Database, tmp_path: Path) -> None:
    draw = random.Random(7)
    first = (start_of_month(datetime.now(KOLKATA)) - timedelta(days=1)).replace(day=1)
    month = [sent(draw, n, first) for n in range(150)]
    envelopes = [reply(n) if one.category == "reply" else template(n, one.category) for n, one in enumerate(month)]
    claims = {one.recipient[-5:]: one for one in post_messages(db, envelopes)}
    results = [ClaimResult.of(claims[f"{n:05d}"], Accepted(f"job-{n}", 202), posted=True) for n in range(len(month))]
    record_results(db, results)
    prices = Prices.load(price_file(tmp_path, first.date()))
    process_with(db, *(written(one) for one in month if one.wrote), lanes=LANES, prices=prices)
    events = [raw for one in month for raw in events_of(one)]
    events += draw.sample(events, len(events) // 4)
    draw.shuffle(events)
    for start in range(0, len(events), 60):
        process_with(db, *events[start : start + 60], lanes=LANES, prices=prices)

    by_day = spend(db)
    bill: dict[str, Decimal] = {}
    for one in month:
        if {"delivered", "read"}.intersection(one.path):
            day = one.at.astimezone(KOLKATA).date().isoformat()
            bill[day] = bill.get(day, Decimal(0)) + one.cost
    assert {day: from_micros(each.amount) for day, each in by_day.items()} == bill
    assert sum(each.amount for each in spend(db, "category").values()) == sum(each.amount for each in by_day.values())


def start_of_month(now: datetime) -> datetime:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def sent(draw: random.Random, n: int, first: datetime) -> Sent:
    """Draw a message; the day and the hour cross midnight in one zone and not in the other."""
    at = first.astimezone(UTC) + timedelta(minutes=draw.randrange(28 * 24 * 60))
    path = draw.choice(PATHS)
    phone = PhoneMessage(f"9198765{n:05d}", {"type": "template"}, "api", at.timestamp(), job_id=f"job-{n}", code=131026)
    category = draw.choice(["marketing", "utility", "authentication", "reply"])
    return Sent(phone, category, at, path, wrote=draw.random() < 0.3, pricing=draw.random() < 0.5)


def written(one: Sent) -> bytes:
    """Return what the customer wrote, an hour before the message."""
    at = (one.at - timedelta(hours=1)).timestamp()
    content = {"type": "text", "text": "Hello"}
    return build_webhook(PhoneMessage(one.phone.customer, content, "customer", at, state="received"), at).body


def events_of(one: Sent) -> list[bytes]:
    found = []
    for seconds, state in enumerate(one.path):
        moved = replace(one.phone, state=state)
        # The second of the delivery is the message's, so that a read before it never decides the day.
        offset = {"sent": -1, "delivered": 0, "read": 0 if "delivered" not in one.path else seconds}.get(state, 0)
        body = json.loads(build_webhook(moved, one.at.timestamp() + offset, with_job_id=True).body)
        if one.pricing and state in ("sent", "delivered"):
            body["pricing"] = {"billable": one.cost > 0, "category": one.category.replace("reply", "service")}
        found.append(json.dumps(body).encode())
    return found


def price_file(folder: Path, first: date) -> Path:
    file = folder / "prices.toml"
    top = f'currency = "INR"\n{rates(BEFORE)}'
    file.write_text(f"{top}[[rates]]\nvalid-from = {first.replace(day=CHANGE)}\n{rates(AFTER)}")
    return file


def rates(of: dict[str, Decimal]) -> str:
    tariffs = "".join(f"{category} = {{ 91 = {price}, default = 5 }}\n" for category, price in of.items())
    return f'free-in-window = ["utility"]\nprovider-fee = {FEE}\ngst = {GST * 100}\n{tariffs}'
