"""Whether PostgreSQL accepts writes, and whether commits wait for a standby, so that a failover loses none."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text

from harkara.ledger.database import Database
from harkara.ledger.database_url import names_several

_SETTINGS = text("SELECT current_setting('synchronous_standby_names'), current_setting('synchronous_commit')")

_READ_ONLY = text(
    "SELECT 'on' IN (current_setting('transaction_read_only'), current_setting('default_transaction_read_only'))"
)
"""The first is on in a standby, the second where an operator or a full disk of a managed database has set it."""

_WAITING = ("on", "remote_apply")
"""`remote_write` waits for less than the standby's disk (PostgreSQL documentation, "Write Ahead Log")."""


class Replication(NamedTuple):
    """The settings of the primary, as the sessions of this user have them."""

    standby_names: str
    commit: str

    @property
    def is_synchronous(self) -> bool:
        """Whether a commit is on a standby's disk when it is answered."""
        return bool(self.standby_names) and self.commit in _WAITING


def accepts_writes(db: Database) -> bool:
    """Return whether the database is no standby and in no read-only mode. Raises Unavailable."""
    if db.sqlite:
        return True  # to open a file that is read-only fails
    with db.read() as tx:
        return not tx.execute(_READ_ONLY).scalar_one()


def replication(db: Database) -> Replication | None:
    """Return the settings; None unless the URL names several servers. Raises Unavailable."""
    if db.sqlite or not names_several(db.url):
        return None
    with db.read() as tx:
        (found,) = tx.load(Replication, _SETTINGS)
    return found
