"""A sheet of occasions: reads a CSV row by row, and saves what is right in batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harkara.campaigns.audience import Recipient, Reject, read
from harkara.campaigns.columns import parse_map
from harkara.errors import HarkaraError, Invalid
from harkara.occasions import Occasion, ReminderPlan

if TYPE_CHECKING:
    from harkara.backends.ledger import LedgerBackend

BATCH = 500
"""Rows between two lines of progress."""

_OWN = ("reference", "at")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What all its occasions have in common."""

    plan: ReminderPlan
    kind: str
    lane: str
    zone: str
    language: str | None

    def save(
        self, file: Path, mapping: Iterable[str], door: LedgerBackend, progress: Callable[[str], None]
    ) -> dict[str, Any]:
        """How many occasions were saved, by what changed, and each row that was not, with the reason.

        Raises Invalid, before anything is saved, for a file or a column that will not do.
        """
        columns = parse_map(mapping, (*_OWN, *self.plan.parameters(self.kind)))
        rows = iter(read(file, columns, unique=False))
        saved: Counter[str] = Counter()
        rejected: list[dict[str, Any]] = []
        while batch := list(islice(rows, BATCH)):
            checked = [(row.row, self._read(row)) for row in batch]
            told = self._tell(door, checked)
            rejected += [{"row": row, "reason": str(each)} for row, each in told if isinstance(each, HarkaraError)]
            saved.update(str(each) for _, each in told if not isinstance(each, HarkaraError))
            progress(f"{saved.total()} saved, {len(rejected)} rejected")
        return {"saved": dict(saved), "rejected": rejected}

    def _tell(self, door: LedgerBackend, checked: list[tuple[int, Occasion | HarkaraError]]) -> list[tuple[int, Any]]:
        answers = iter(door.save_occasions([each for _, each in checked if isinstance(each, Occasion)], self.plan))
        return [(row, next(answers) if isinstance(each, Occasion) else each) for row, each in checked]

    def _read(self, row: Recipient | Reject) -> Occasion | HarkaraError:
        if isinstance(row, Reject):
            return Invalid(row.field, row.rule) if row.field else Invalid("row", row.rule)
        given = dict(row.values)
        try:
            occasion = Occasion(
                kind=self.kind,
                lane=self.lane,
                zone=self.zone,
                language=self.language,
                to=row.to,
                reference=given.pop("reference"),
                at=given.pop("at"),
                parameters=given,
            )
            self.plan.validate_occasion(occasion)
        except Invalid as error:
            return error
        return occasion
