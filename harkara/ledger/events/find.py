"""Find: the messages that events may be about, held fast while these are folded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import func, or_, select

from harkara.inbound import matching
from harkara.inbound.events import StatusChanged
from harkara.inbound.matching import RECENT, Candidate, whatsapp_id
from harkara.ledger.database import Row, Transaction
from harkara.ledger.tables import attempt, message
from harkara.states import State

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """An event of the ledger as it is to be matched; `echo` is that of what it shows, by the key of its lane."""

    row: Row
    event: StatusChanged
    echo: str | None

    @property
    def keys(self) -> list[Key]:
        """What a message may be known by."""
        named = {"whatsapp": whatsapp_id(self.event), "job": self.event.job_id, "echo": self.echo}
        return [(self.row["lane"], kind, value) for kind, value in named.items() if value is not None]


@dataclass(slots=True)
class Known:
    """The candidates of a batch of events, by what they may be known by. They change as the events are folded."""

    rows: dict[str, Row]
    one: dict[str, Candidate] = field(default_factory=dict)
    by_key: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))

    def match(self, said: Said) -> Candidate | None:
        ids = {identity for key in said.keys for identity in self.by_key.get(key, ())}
        return matching.match(said.event, said.echo, [self.one[identity] for identity in ids])

    def add(self, found: Candidate) -> None:
        lane = self.rows[found.id]["lane"]
        self.one[found.id] = found
        for kind, value in (("whatsapp", found.whatsapp_id), ("job", found.job_id), ("echo", found.echo)):
            if value is not None:
                self.by_key[lane, kind, value].add(found.id)

    def learn(self, found: Candidate, said: Said, state: State) -> None:
        """The message has this state now, and the id of its first event."""
        named = found.whatsapp_id or whatsapp_id(said.event)
        self.add(replace(found, state=state, whatsapp_id=named))


def find(tx: Transaction, batch: Iterable[Said]) -> Known:
    """The messages that these events may be about; nobody else changes them before this transaction ends."""
    batch = list(batch)
    values: dict[str, set[str]] = defaultdict(set)
    for said in batch:
        for _, kind, value in said.keys:
            values[kind].add(value)
    posts = _posts(tx, values["echo"], min(said.event.at for said in batch) - RECENT)
    named = _named(tx, values["whatsapp"], values["job"])
    ids = sorted({*posts, *named})
    # In one order, as everybody who changes several: else two could wait for each other for ever.
    held = select(message).where(message.c.id.in_(ids)).order_by(message.c.id).with_for_update()
    known = Known({row["id"]: row for row in tx.rows(held)} if ids else {})
    for row in known.rows.values():
        known.add(_candidate(row, posts.get(row["id"], {})))
    return known


def _posts(tx: Transaction, echoes: set[str], since: datetime) -> dict[str, Row]:
    """By message: its echo, and the first and the last POST with it that may have arrived.

    One that has WhatsApp's id already is known by that alone. The same words may have gone to the same person every
    minute for a year: only of those that were POSTed lately all is read.
    """
    if not echoes:
        return {}
    of_these = attempt.c.echo.in_(echoes)
    may_have_arrived = or_(attempt.c.outcome.is_(None), attempt.c.outcome.in_(("accepted", "uncertain")))
    lately = (
        select(attempt.c.message_id)
        .join(message, message.c.id == attempt.c.message_id)
        .where(of_these, may_have_arrived, attempt.c.started_at >= since, message.c.whatsapp_id.is_(None))
    )
    query = (
        select(
            attempt.c.message_id,
            attempt.c.echo,
            func.min(attempt.c.started_at).label("first"),
            func.max(attempt.c.started_at).label("last"),
        )
        .where(of_these, may_have_arrived, attempt.c.message_id.in_(lately))
        .group_by(attempt.c.message_id, attempt.c.echo)
    )
    return {row["message_id"]: row for row in tx.rows(query)}


def _named(tx: Transaction, whatsapp_ids: set[str], job_ids: set[str]) -> set[str]:
    found: set[str] = set()
    for column, values in ((message.c.whatsapp_id, whatsapp_ids), (message.c.job_id, job_ids)):
        if values:
            found |= set(tx.execute(select(message.c.id).where(column.in_(values))).scalars())
    return found


def _candidate(row: Row, posts: Row) -> Candidate:
    return Candidate(
        id=row["id"],
        state=State(row["state"]),
        first_posted_at=posts.get("first"),
        posted_at=posts.get("last"),
        resends=row["resends"],
        job_id=row["job_id"],
        whatsapp_id=row["whatsapp_id"],
        echo=posts.get("echo"),
    )
