"""The sums of what the history has deleted: the results of a campaign are those of all its messages, for ever."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

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


class DoneMessage(NamedTuple):
    """A message that is done, with what may still need it, and what the sums of its campaign need."""

    id: str
    lane: str
    occasion_id: str | None
    campaign_id: str | None
    state: str
    code: str | None
    reason: str | None
    country: str | None
    answered: bool | None
    opted_out: bool | None


@dataclass(slots=True)
class DeletedRecipients:
    """The recipients of a campaign's deleted messages: how many responded, and their number by country.

    `countries` are calling codes. It leaves out messages that were cancelled, and those whose country was unknown.
    """

    countries: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    opted_out: int = 0

    def add(self, one: DoneMessage) -> None:
        if one.country is not None and one.state != State.CANCELLED:
            self.countries[one.country] += 1
        self.answered += bool(one.answered)
        self.opted_out += bool(one.opted_out)

    @classmethod
    def load(cls, stored: str | None) -> Self:
        """Return the sums in the column `deleted_recipients`."""
        fields = json.loads(stored or "{}")
        return cls(**fields | {"countries": Counter(fields.get("countries"))})

    def dump(self) -> str:
        return json.dumps({"countries": self.countries, "answered": self.answered, "opted_out": self.opted_out})


def add_deleted(tx: Transaction, rows: Iterable[DoneMessage]) -> None:
    """Add messages to the sums of their campaigns. Those of no campaign are in no sum."""
    added: dict[str, list[DoneMessage]] = defaultdict(list)
    for one in rows:
        if one.campaign_id is not None:
            added[one.campaign_id].append(one)
    query = select(campaign.c.id, campaign.c.deleted, campaign.c.deleted_results, campaign.c.deleted_recipients)
    known = query.where(campaign.c.id.in_(list(added))).order_by(campaign.c.id).with_for_update()
    for row in tx.execute(known).all() if added else ():
        new, recipients = added[row.id], DeletedRecipients.load(row.deleted_recipients)
        for one in new:
            recipients.add(one)
        values = {
            "deleted": row.deleted + len(new),
            "deleted_results": json.dumps(_summed([*load_deleted(row.deleted_results), *map(_result, new)])),
            "deleted_recipients": recipients.dump(),
        }
        tx.execute(update(campaign).where(campaign.c.id == row.id).values(**values))


def _result(one: DoneMessage) -> DeletedMessages:
    return DeletedMessages(State(one.state), one.code, 1, one.reason and mask_numbers(one.reason))


def load_deleted(stored: str | None) -> list[DeletedMessages]:
    """Return the sums in the column `deleted_results`."""
    return [DeletedMessages(State(state), *rest) for state, *rest in json.loads(stored or "[]")]


def _summed(parts: Sequence[DeletedMessages]) -> list[DeletedMessages]:
    sums: dict[tuple[State, str | None], DeletedMessages] = {}
    for each in parts:
        known = sums.get((each.state, each.code))
        sums[each.state, each.code] = each._replace(
            number=each.number + (known.number if known else 0), reason=known.reason if known else each.reason
        )
    return list(sums.values())
