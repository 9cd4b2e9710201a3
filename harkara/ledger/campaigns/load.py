"""Load: a campaign and its audience enter the ledger batch by batch, held back until somebody starts it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import update
from uuid_utils import uuid7

from harkara.campaigns.audience import Reject
from harkara.campaigns.messages import CampaignMessage
from harkara.errors import Conflict, Invalid
from harkara.ledger.database import Database, Transaction
from harkara.ledger.halts import hold_producer
from harkara.ledger.messages.insert import NewMessage, insert_messages, message_row
from harkara.ledger.tables import campaign
from harkara.messages.template import TemplateCategory
from harkara.states import CampaignState

BATCH = 500
"""Messages in one transaction, so that nobody waits long for the loader."""


def _new_id() -> str:
    return f"camp_{uuid7().hex}"


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """What a campaign is, apart from its audience. Its messages have its id for their producer.

    They are not sent later than `expires`, or than `seconds` after the load began. `error_share` is the part of its
    latest messages that may fail before it pauses itself.
    """

    name: str
    lane: str
    kind: str
    template: str
    category: TemplateCategory
    source: str
    error_share: float
    seconds: float
    expires: datetime | None = None
    id: str = field(default_factory=_new_id)

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= 80 or not self.name.isprintable():
            raise Invalid("name", "must be 1 to 80 printable characters", f"this has {len(self.name)}")
        if not 0 < self.error_share <= 1:
            raise Invalid("error-share", "must be more than 0 and at most 1")


@dataclass(slots=True)
class Loaded:
    """What became of the rows."""

    audience: int = 0
    rejected: int = 0


def load(db: Database, plan: CampaignPlan, rows: Iterable[CampaignMessage | Reject]) -> Loaded:
    """Writes a message for each letter; the campaign is `ready` when the last one is committed.

    A load that is interrupted leaves a campaign that is `loading` for ever: it never starts, and can be cancelled. One
    that is cancelled meanwhile stops. Nothing at all is written before the first letter has come.

    Raises Conflict when the name is taken or somebody cancelled it, Invalid for an audience of nobody or a deadline
    that has passed, and Unavailable.
    """
    loaded = Loaded()
    letters = _counted(rows, loaded)
    while batch := list(islice(letters, BATCH)):
        with db.write() as tx:
            if not loaded.audience:
                expires = _deadline(plan, tx.now)
                _open(tx, plan)
            insert_messages(tx, [_row(plan, letter, tx.now, expires) for letter in batch])
            _update(tx, plan, audience=campaign.c.audience + len(batch))
        loaded.audience += len(batch)
    if not loaded.audience:
        raise Invalid("audience", f"no row of {plan.source} gives a message", f"{loaded.rejected} were rejected")
    with db.write() as tx:
        _update(tx, plan, state=CampaignState.READY.value, rejected=loaded.rejected)
    return loaded


def _counted(rows: Iterable[CampaignMessage | Reject], loaded: Loaded) -> Iterator[CampaignMessage]:
    for row in rows:
        if isinstance(row, CampaignMessage):
            yield row
        else:
            loaded.rejected += 1


def _deadline(plan: CampaignPlan, now: datetime) -> datetime:
    if plan.expires is None:
        return now + timedelta(seconds=plan.seconds)
    if plan.expires <= now:
        raise Invalid("expires", "has passed already", plan.expires.isoformat(timespec="seconds"))
    return plan.expires


def _open(tx: Transaction, plan: CampaignPlan) -> None:
    row = {
        "id": plan.id,
        "name": plan.name,
        "lane": plan.lane,
        "kind": plan.kind,
        "template": plan.template,
        "category": plan.category,
        "source": plan.source[-200:],
        "error_share": plan.error_share,
        "state": CampaignState.LOADING.value,
        "created_at": tx.now,
        "changed_at": tx.now,
    }
    if not tx.execute(tx.insert_new(campaign).returning(campaign.c.id), row).first():
        raise Conflict(f"a campaign is called {plan.name} already: give this one another --name")
    hold_producer(tx, plan.lane, plan.id, "campaign-ready", f"Campaign {plan.name} has not been started.")


def _row(plan: CampaignPlan, letter: CampaignMessage, now: datetime, expires: datetime) -> NewMessage:
    row = message_row(letter.envelope, now, {plan.category: plan.seconds})
    return row | {"expires_at": expires, "campaign_id": plan.id, "position": letter.row}


def _update(tx: Transaction, plan: CampaignPlan, **values: object) -> None:
    """While it is loading: whoever cancels it waits for this batch, or stops it."""
    mine = update(campaign).where(campaign.c.id == plan.id, campaign.c.state == CampaignState.LOADING.value)
    if not tx.execute(mine.values(changed_at=tx.now, **values)).rowcount:
        raise Conflict(f"campaign {plan.name} was cancelled while it was loaded")
