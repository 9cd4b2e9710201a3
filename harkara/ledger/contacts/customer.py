"""A customer as callbacks show them: number, user id and person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from harkara.ledger.contacts.people import Person
from harkara.people.names import is_user_id
from harkara.people.spellings import canonical


def customer_data(names: Sequence[str], person: Person | None, at: datetime) -> dict[str, Any]:
    """Return the customer who has these names in an event: by number, if the event or the ledger has just one."""
    numbers = {canonical(name) for name in (person.names if person else ()) if not is_user_id(name)}
    hidden = is_user_id(names[0]) and len(numbers) == 1
    return {
        "from": numbers.pop() if hidden else names[0],
        "user_id": next(filter(is_user_id, names), None),
        "person": person.id if person else None,
        "at": at.isoformat(),
    }
