"""Retention: erase and delete what is too old to keep."""

from __future__ import annotations

from collections import Counter

from harkara.ledger.applied_entries import delete_old_entries
from harkara.ledger.batch_size import MAX_ROWS
from harkara.ledger.campaigns.uploads import delete_old_uploads
from harkara.ledger.charges.credits import erase_people
from harkara.ledger.contacts.housekeeping import delete_inactive
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import delete_erased_letters, erase_dead_letters
from harkara.ledger.erasure import erase_fallbacks, erase_messages, erase_occasions, erase_turns
from harkara.ledger.events.store_events import delete_old_events
from harkara.ledger.steps import run_steps


def erase_old(db: Database, retention_seconds: float | None) -> Counter[str]:
    """Run all steps once, each for a limited number of rows; return how many rows each one changed.

    `retention_seconds` after a message was accepted into the ledger, its body and number are erased. Occasions, events,
    contacts, charges and dead letters of that age lose their data too; None keeps everything. Any process may run it,
    at any time. A step that fails stops no other; its error is raised after the last.
    """
    return run_steps(
        db,
        ("late-fallbacks", erase_fallbacks),
        ("erased", lambda tx: erase_messages(tx, retention_seconds)),
        ("turns", lambda tx: erase_turns(tx, retention_seconds)),
        ("forgotten", lambda tx: erase_occasions(tx, retention_seconds)),
        ("strangers", lambda tx: delete_inactive(tx, retention_seconds, MAX_ROWS)),
        ("events", lambda tx: delete_old_events(tx, retention_seconds)),
        ("charges", lambda tx: erase_people(tx, retention_seconds)),
        ("entries", delete_old_entries),
        ("uploads", delete_old_uploads),
        # The deletion comes first, so that a content is erased one round before its letter is deleted at the earliest.
        ("deleted-letters", lambda tx: delete_erased_letters(tx, retention_seconds)),
        ("letters", lambda tx: erase_dead_letters(tx, retention_seconds)),
    )
