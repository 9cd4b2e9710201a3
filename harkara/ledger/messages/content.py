"""The number and the text of messages, for pages that show them: a summary has neither."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from harkara.ledger.database import Database
from harkara.ledger.messages.next_step import NextStep, next_step
from harkara.ledger.tables import message
from harkara.ledger.users.acts import Actor, record_act


class MessageContent(NamedTuple):
    """To which number a message goes, its request as JSON, and its next step. What is erased is None."""

    recipient: str | None
    body: str | None
    next: NextStep


def get_content(db: Database, identity: str, lanes: Sequence[str]) -> MessageContent:
    """Return the content of a message that exists. `lanes` are those that this deployment sends for."""
    with db.read(snapshot=True) as tx:
        (row,) = tx.rows(select(message).where(message.c.id == identity))
        return MessageContent(row["recipient"], row["body"], next_step(tx, row, lanes))


def list_recipients(db: Database, ids: Sequence[str]) -> dict[str, str]:
    """Return the number of each of these messages; those whose number is erased are left out."""
    known = message.c.id.in_(list(ids)), message.c.recipient.is_not(None)
    with db.read() as tx:
        return dict(tx.load(lambda *row: row, select(message.c.id, message.c.recipient).where(*known)))


def show_number(db: Database, identity: str, *, by: Actor) -> str | None:
    """Return the number of a message to a user who may not see it otherwise, as an act of theirs."""
    with db.write() as tx:
        record_act(tx, by, "number.shown", identity, number=1)
        return tx.execute(select(message.c.recipient).where(message.c.id == identity)).scalar()
