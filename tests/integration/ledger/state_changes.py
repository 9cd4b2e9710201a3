"""Records every change of a message's state, by a trigger in the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import text

from harkara.ledger.database import Database
from harkara.states import TRANSITIONS, Action, State

Change = tuple[State, State]

_SQLITE = """
CREATE TRIGGER record_state_change AFTER UPDATE OF state ON message WHEN old.state <> new.state
BEGIN INSERT INTO state_change VALUES (old.state, new.state); END
"""
_POSTGRES = (
    """
CREATE FUNCTION record_state_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO state_change VALUES (old.state, new.state); RETURN new; END $$
""",
    """
CREATE TRIGGER record_state_change AFTER UPDATE ON message FOR EACH ROW WHEN (old.state <> new.state)
EXECUTE FUNCTION record_state_change()
""",
)


class StateChanges:
    def __init__(self, db: Database) -> None:
        self._db = db

    def pop(self) -> set[Change]:
        """Return the changes since the last call."""
        with self._db.write() as tx:
            rows = tx.execute(text("SELECT before, after FROM state_change")).all()
            tx.execute(text("DELETE FROM state_change"))
        return {(State(row.before), State(row.after)) for row in rows}


@contextmanager
def recorded_state_changes(db: Database) -> Iterator[StateChanges]:
    with db.write() as tx:
        tx.execute(text("CREATE TABLE state_change (before VARCHAR(10), after VARCHAR(10))"))
        for statement in (_SQLITE,) if db.sqlite else _POSTGRES:
            tx.execute(text(statement))
    yield StateChanges(db)
    with db.write() as tx:
        tx.execute(text("DROP TRIGGER record_state_change" + ("" if db.sqlite else " ON message")))
        if not db.sqlite:
            tx.execute(text("DROP FUNCTION record_state_change"))
        tx.execute(text("DROP TABLE state_change"))


def declared(actions: Iterable[Action]) -> set[Change]:
    """Return the changes that the table of transitions permits these actions."""
    permitted = {each for each in TRANSITIONS if each.by in set(actions)}
    return {(source, each.target) for each in permitted for source in each.sources if source is not each.target}
