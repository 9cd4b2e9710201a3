"""Dead letters: entries that could not be applied, kept so that people see them, retry them or delete them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal, get_args

from sqlalchemy import delete, func, null, select, update

from harkara.errors import HarkaraError, NotFound
from harkara.ledger.batch_size import MAX_ROWS
from harkara.ledger.database import Database
from harkara.ledger.tables import dead_letter
from harkara.ledger.transaction import Transaction
from harkara.ledger.write_each import write_each

Source = Literal["intake", "webhooks", "events", "queue", "task", "outcome", "reminders"]

SOURCES: Final = get_args(Source)

LONGEST_CONTENT: Final = 1_000_000
"""Characters. The content of a longer entry is not stored, so it cannot be retried."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that could not be applied. `entry` is its id in its source, `kind` what it asks for.

    `content` is what a retry applies: None if the ledger has it elsewhere, if it was erased, or if it was too long.
    """

    source: Source
    entry: str
    kind: str
    error: str
    reason: str
    content: str | None = field(default=None, repr=False)
    id: int = 0
    created_at: datetime | None = None
    tries: int = 0

    @classmethod
    def of(cls, source: Source, entry: str, kind: str, error: Exception, content: str | None = None) -> DeadLetter:
        """Describe an entry by its error. Only an error of our own is quoted: any other may quote the entry."""
        name = type(error).__name__
        reason = str(error) if isinstance(error, HarkaraError) else f"It could not be applied because of a {name}."
        return cls(source, entry, kind, name, reason, content)


def add_dead_letters(db: Database, letters: Sequence[DeadLetter]) -> None:
    """Store them; the letter of an entry that has one already counts as its next failed try. Raises Unavailable."""
    for letter in letters:
        # A database that refuses a content, such as one without UTF-8, must not refuse the letter as well.
        write_each([letter], partial(_store, db), lambda refused, _: _store(db, [replace(refused, content=None)]))


def _store(db: Database, letters: Sequence[DeadLetter]) -> None:
    with db.write() as tx:
        store_dead_letters(tx, letters)


def store_dead_letters(tx: Transaction, letters: Sequence[DeadLetter]) -> None:
    """Do the same within a transaction."""
    for each in letters:
        kept = {"error": each.error[:80], "reason": _storable(each.reason)[:1000]}
        key = {"source": each.source, "entry": _storable(each.entry)[:80]}
        new = key | kept | {"kind": _storable(each.kind)[:40], "content": _content(each), "created_at": tx.now}
        if tx.execute(tx.insert_new(dead_letter).returning(dead_letter.c.id), new).first() is None:
            same = [dead_letter.c[name] == value for name, value in key.items()]
            tx.execute(update(dead_letter).where(*same).values(**kept, tries=dead_letter.c.tries + 1))


def list_dead_letters(db: Database, limit: int) -> list[DeadLetter]:
    """Return dead letters without their contents, the oldest first."""
    with db.read() as tx:
        return _load(tx, limit=limit)


def get_dead_letters(db: Database, ids: Sequence[int] | None = None) -> list[DeadLetter]:
    """Return these dead letters, or all of them, with their contents and in the order of their ids.

    Raises NotFound for an unknown id.
    """
    with db.read() as tx:
        found = _load(tx, ids, contents=True)
    for missing in sorted(set(ids or ()) - {each.id for each in found}):
        raise NotFound(f"no dead letter has the id {missing}; `harkara dead-letters list` shows the ids")
    return found


def count_dead_letters(db: Database) -> dict[str, int]:
    """Return how many dead letters each source has. Raises Unavailable."""
    with db.read() as tx:
        return count_by_source(tx)


def count_by_source(tx: Transaction) -> dict[str, int]:
    """Do the same within a transaction."""
    rows = tx.execute(select(dead_letter.c.source, func.count()).group_by(dead_letter.c.source))
    return {source: number for source, number in rows}


def delete_dead_letters(db: Database, ids: Sequence[int]) -> int:
    """Delete these dead letters; return how many there were. Raises Unavailable."""
    with db.write() as tx:
        return tx.execute(delete(dead_letter).where(dead_letter.c.id.in_(list(ids)))).rowcount


def erase_dead_letters(tx: Transaction, retention_seconds: float | None) -> int:
    """Erase the contents of dead letters that are past the retention; return how many. None erases nothing."""
    if retention_seconds is None:
        return 0
    past = dead_letter.c.created_at <= tx.now - timedelta(seconds=retention_seconds)
    old = select(dead_letter.c.id).where(past, dead_letter.c.content.is_not(None)).limit(MAX_ROWS)
    return tx.execute(update(dead_letter).where(dead_letter.c.id.in_(old)).values(content=None)).rowcount


def delete_erased_letters(tx: Transaction, retention_seconds: float | None) -> int:
    """Delete dead letters without a content that are past the retention twice; return how many. None deletes nothing.

    Those of reminders stay: their occasion still has the old reminders, and they have no content to erase.
    """
    if retention_seconds is None:
        return 0
    past = dead_letter.c.created_at <= tx.now - timedelta(seconds=2 * retention_seconds)
    erased = (dead_letter.c.content.is_(None), dead_letter.c.source != "reminders")
    old = select(dead_letter.c.id).where(past, *erased).limit(MAX_ROWS)
    return tx.execute(delete(dead_letter).where(dead_letter.c.id.in_(old))).rowcount


_FIELDS = ("source", "entry", "kind", "error", "reason", "content", "id", "created_at", "tries")


def _load(
    tx: Transaction, ids: Sequence[int] | None = None, *, limit: int | None = None, contents: bool = False
) -> list[DeadLetter]:
    shown = {name: dead_letter.c[name] for name in _FIELDS} | ({} if contents else {"content": null()})
    query = select(*shown.values()).order_by(dead_letter.c.id).limit(limit)
    return tx.load(DeadLetter, query if ids is None else query.where(dead_letter.c.id.in_(list(ids))))


def _content(letter: DeadLetter) -> str | None:
    if letter.content is None or len(letter.content) > LONGEST_CONTENT:
        return None
    return _storable(letter.content)


def _storable(text: str) -> str:
    """Replace what the databases refuse: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
