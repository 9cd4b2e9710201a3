"""The log of acts: who did what, when, to how many. Nothing in it is ever changed or deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from sqlalchemy import insert, select

from harkara.ledger.database import Database
from harkara.ledger.tables import act
from harkara.ledger.transaction import Transaction
from harkara.masking import mask_numbers

ACTS: Final[Mapping[str, str]] = {
    "alarm.acknowledged": "alarm acknowledged",
    "assistant.switched-off": "assistant switched off",
    "assistant.switched-on": "assistant switched on",
    "audit.run": "audit run",
    "budget.removed": "budget removed",
    "budget.set": "budget set",
    "callbacks.retried": "callbacks retried",
    "campaign.cancelled": "campaign cancelled",
    "campaign.created": "campaign created",
    "campaign.paused": "campaign paused",
    "campaign.reported": "campaign report with numbers downloaded",
    "campaign.resumed": "campaign resumed",
    "campaign.scheduled": "campaign scheduled",
    "campaign.started": "campaign started",
    "campaign.tested": "campaign tested",
    "dead-letters.deleted": "dead letters deleted",
    "dead-letters.retried": "dead letters retried",
    "history.deleted": "old messages deleted",
    "lane.parked": "lane parked",
    "lane.unparked": "lane unparked",
    "ledger.restored": "ledger restored from a backup",
    "messages.cancelled": "messages cancelled",
    "messages.dropped": "messages dropped",
    "messages.noted": "messages noted as arrived",
    "messages.resent": "messages sent once more",
    "number.shown": "phone number shown",
    "occasion.cancelled": "occasion cancelled",
    "occasion.completed": "occasion completed",
    "occasion.no-show": "customer did not come",
    "occasion.saved": "occasion saved",
    "occasion.reminded": "reminder sent now",
    "person.erased": "person erased",
    "person.exported": "person exported",
    "proof.downloaded": "proof of a message downloaded",
    "template.tested": "template tested",
    "user.added": "user added",
    "user.changed": "user changed",
    "user.disabled": "user disabled",
    "user.enabled": "user enabled",
    "consent.imported": "opt-outs and opt-ins imported",
    "contact.opted-in": "opt-in recorded",
    "contact.opted-out": "opt-out recorded",
    "conversation.assigned": "conversation assigned to a person",
    "conversation.given-back": "conversation given back to the assistant",
    "conversation.switched-off": "assistant switched off for a conversation",
    "turn.approved": "draft of the assistant sent",
    "turn.discarded": "draft of the assistant discarded",
    "conversation.read": "conversation read",
    "conversation.replied": "reply sent",
    "link.created": "one-time link created",
    "password.set": "password set",
    "session.link": "signed in by a one-time link",
    "session.password": "signed in by password",
    "session.ended": "signed out",
    "sessions.ended": "other sessions ended",
}
"""Every kind of act, with its sentence. The console translates the sentence."""


class Actor(NamedTuple):
    """Who acts, and where: a user of the console, who runs the `harkara` command, or a caller of the HTTP API."""

    name: str
    source: Literal["console", "command", "api"]


@dataclass(frozen=True, slots=True)
class RecordedAct:
    """A row of the log."""

    id: int
    at: datetime
    name: str
    source: str
    act: str
    subject: str
    filter: str | None
    number: int | None


_COLUMNS = tuple(act.c[name] for name in RecordedAct.__slots__)


def record_act(
    tx: Transaction, by: Actor, kind: str, subject: str = "", *, filter: str | None = None, number: int | None = None
) -> None:
    """Add an act of a kind of ACTS, in the transaction of what was done. Phone numbers in the texts are masked."""
    if kind not in ACTS:
        raise KeyError(kind)
    values = {
        "at": tx.now,
        "name": by.name[:60],
        "source": by.source,
        "act": kind,
        "subject": mask_numbers(subject)[:200],
        "filter": None if filter is None else mask_numbers(filter),
        "number": number,
    }
    tx.execute(insert(act), values)


def record_done(
    db: Database, by: Actor, kind: str, subject: str = "", *, filter: str | None = None, number: int | None = None
) -> None:
    """Add an act about what several transactions have done. Raises Unavailable."""
    with db.write() as tx:
        record_act(tx, by, kind, subject, filter=filter, number=number)


def list_acts(
    db: Database, *, name: str | None = None, before: int | None = None, limit: int = 50
) -> list[RecordedAct]:
    """Return acts, the newest first: those of one person, and those older than the id `before`. Raises Unavailable."""
    query = select(*_COLUMNS).order_by(act.c.id.desc()).limit(limit)
    if name is not None:
        query = query.where(act.c.name == name)
    if before is not None:
        query = query.where(act.c.id < before)
    with db.read() as tx:
        return tx.load(RecordedAct, query)


def newest_act(db: Database, kind: str, *, among: int = 1000) -> RecordedAct | None:
    """Return the newest act of a kind, None if it is not `among` the newest ones. Raises Unavailable."""
    newest = select(*_COLUMNS).order_by(act.c.id.desc()).limit(among).subquery()
    query = select(newest).where(newest.c.act == kind).order_by(newest.c.id.desc()).limit(1)
    with db.read() as tx:
        return next(iter(tx.load(RecordedAct, query)), None)
