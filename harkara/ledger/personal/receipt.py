"""The receipt of an erasure: what was erased, what stays and why, under a digest."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, Protocol

from harkara.inbound.normalization import canonical_json
from harkara.ledger.database import Database
from harkara.ledger.personal.erase import erase_person
from harkara.ledger.personal.find import Progress, find_person, no_progress
from harkara.ledger.personal.inventory import INVENTORY
from harkara.ledger.storage import clean_storage
from harkara.ledger.users.acts import Actor
from harkara.people.mentions import Mentions
from harkara.people.pseudonym import pseudonym

BACKUPS: Final = (
    "Backups, replicas and archived logs of the database are not changed. They have the data until you delete them;"
    " after restoring one, erase the person again."
)


class OtherStore(Protocol):
    """Where personal data may wait outside the ledger."""

    name: str

    def check(self, person: Mentions) -> None:
        """Raises Conflict if something about the person waits here."""

    def clean(self) -> str:
        """Remove what was deleted from the store's files; return what was done."""
        ...


def erase_with_receipt(
    db: Database,
    text: str,
    key: str,
    by: Actor,
    others: Sequence[OtherStore] = (),
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Erase the person whose number or user id this is, and return the receipt. `by` is who decided it.

    The receipt names the person by a pseudonym. Its `digest` is the SHA-256 of the rest as `canonical_json` writes it.
    `storage` says of each store whether its files are clean; otherwise the call may be repeated. So it may when
    `being_sent` or `unprocessed` counts messages and webhooks of the time of the erasure, which stay as they are.
    Raises as `find_person`, `erase_person` and the other stores do.
    """
    person = find_person(db, text)
    for store in others:
        store.check(person)
    done = erase_person(db, person, key, by=by, progress=progress)
    progress("erased; cleaning the files of the database")
    problem = clean_storage(db, [where.table.name for where in INVENTORY if where.is_personal])
    receipt = {
        "receipt": "erasure",
        "person": pseudonym(key, person.names[0]),
        "at": done.at.isoformat(),
        "by": by.name,
        "cancelled": done.cancelled,
        "rows": dict(sorted(done.rows.items())),
        "kept": {where.table.name: where.kept for where in INVENTORY if where.kept and where.table.name in done.rows},
        "waiting_mentions": done.mentions,
        "being_sent": done.being_sent,
        "unprocessed": done.unprocessed,
        "storage": {"database": problem or "clean", **{store.name: store.clean() for store in others}},
        "backups": BACKUPS,
    }
    return receipt | {"digest": digest_of(receipt)}


def digest_of(receipt: dict[str, Any]) -> str:
    return sha256(canonical_json({name: value for name, value in receipt.items() if name != "digest"})).hexdigest()
