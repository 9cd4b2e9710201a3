"""The sums of what the history has deleted: the results of a campaign are those of all its messages, for ever."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import select, update

from harkara.ledger.tables import campaign
from harkara.ledger.transaction import Transaction
from harkara.masking import mask_numbers
from harkara.states import State


class DeletedMessages(NamedTuple):
    """Messages of a campaign that ended in the same state with the same code, and the reason that one of them had."""

    state: State
    code: str | None
    number: int
    reason: str | None


def add_deleted(tx: Transaction, rows: Iterable[tuple[str, str, str | None, str | None]]) -> None:
    """Add messages to the sums of their campaigns: for each its campaign, state, code and reason."""
    added: dict[str, list[DeletedMessages]] = defaultdict(list)
    for identity, state, code, reason in rows:
        added[identity].append(DeletedMessages(State(state), code, 1, reason and mask_numbers(reason)))
    query = select(campaign.c.id, campaign.c.deleted, campaign.c.deleted_results).where(campaign.c.id.in_(list(added)))
    for row in tx.execute(query.order_by(campaign.c.id).with_for_update()).all():
        new = added[row.id]
        sums = json.dumps(_summed([*load_deleted(row.deleted_results), *new]))
        values = {"deleted": row.deleted + len(new), "deleted_results": sums}
        tx.execute(update(campaign).where(campaign.c.id == row.id).values(**values))


def load_deleted(stored: str | None) -> list[DeletedMessages]:
    """Return the sums in the column `deleted_results`."""
    return [DeletedMessages(State(state), *rest) for state, *rest in json.loads(stored or "[]")]


def deleted_of(tx: Transaction, identity: str) -> list[DeletedMessages]:
    """Return the sums of one campaign."""
    return load_deleted(tx.execute(select(campaign.c.deleted_results).where(campaign.c.id == identity)).scalar())


def _summed(parts: Sequence[DeletedMessages]) -> list[DeletedMessages]:
    sums: dict[tuple[State, str | None], DeletedMessages] = {}
    for each in parts:
        known = sums.get((each.state, each.code))
        sums[each.state, each.code] = each._replace(
            number=each.number + (known.number if known else 0), reason=known.reason if known else each.reason
        )
    return list(sums.values())
