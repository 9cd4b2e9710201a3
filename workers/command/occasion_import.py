"""Import of occasions: read a CSV file row by row, and save valid rows in batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harkara.campaigns.audience import Recipient, Reject, read_recipients
from harkara.campaigns.columns import parse_mapping
from harkara.errors import HarkaraError, Invalid
from harkara.occasions import Occasion, ReminderPlan

if TYPE_CHECKING:
    from harkara.backends.ledger import LedgerBackend

BATCH = 500
"""Rows in one transaction, and between two lines of progress."""

_OWN = ("reference", "at")


@dataclass(frozen=True, slots=True)
class OccasionImport:
    """What all imported occasions have in common."""

    plan: ReminderPlan
    kind: str
    lane: str
    zone: str
    language: str | None

    def save(
        self, file: Path, mapping: Iterable[str], opened: LedgerBackend, progress: Callable[[str], None]
    ) -> dict[str, Any]:
        """Save the rows; return the number saved for each change, and the rejected rows with their reasons.

        A parameter that follows from the occasion needs no column, and its cell may be empty. A row with the reference
        of an earlier one and other values is rejected: it would replace that occasion. Raises Invalid, before anything
        is saved, for an unreadable file or an unknown column.
        """
        optional = self.plan.optional_parameters(self.kind)
        columns = parse_mapping(mapping, (*_OWN, *self.plan.parameters(self.kind), *optional))
        rows = iter(read_recipients(file, columns, unique=False, optional=optional))
        saved: Counter[str] = Counter()
        rejected: list[dict[str, Any]] = []
        seen: dict[str, tuple[int, int]] = {}
        while batch := list(islice(rows, BATCH)):
            checked = [(row.row, _unrepeated(self._parse(row), row.row, seen)) for row in batch]
            answers = self._save(opened, checked)
            rejected += [{"row": row, "reason": str(each)} for row, each in answers if isinstance(each, HarkaraError)]
            saved.update(str(each) for _, each in answers if not isinstance(each, HarkaraError))
            progress(f"{saved.total()} saved, {len(rejected)} rejected")
        return {"saved": dict(saved), "rejected": rejected}

    def _save(self, opened: LedgerBackend, checked: list[tuple[int, Occasion | HarkaraError]]) -> list[tuple[int, Any]]:
        answers = iter(opened.save_occasions([each for _, each in checked if isinstance(each, Occasion)], self.plan))
        return [(row, next(answers) if isinstance(each, Occasion) else each) for row, each in checked]

    def _parse(self, row: Recipient | Reject) -> Occasion | HarkaraError:
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


def _unrepeated(
    occasion: Occasion | HarkaraError, row: int, seen: dict[str, tuple[int, int]]
) -> Occasion | HarkaraError:
    """Return an Invalid for another occasion with a reference in `seen`, which has the row and content of each."""
    if isinstance(occasion, HarkaraError):
        return occasion
    content = hash(occasion.to_json())
    first, known = seen.setdefault(occasion.reference, (row, content))
    if known == content:
        return occasion
    return Invalid("reference", f"is that of row {first} again, with other values; give each occasion its own")
