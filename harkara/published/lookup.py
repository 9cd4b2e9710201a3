"""The catalogue and the reminder plan of a client: given to it, or else what the workers publish."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harkara.errors import Invalid
from harkara.steps import Steps

if TYPE_CHECKING:  # `import harkara` does not pay for pydantic, nor for occasions
    from harkara.catalogue import Catalogue
    from harkara.occasions import ReminderPlan, Rules
    from harkara.published.store import PublishedReader


class PublishedLookup:
    """Prefers what is given to it, as a TOML file or read from one, to what is in Redis."""

    def __init__(
        self,
        catalogue: Path | str | Catalogue | None,
        reminders: Path | str | Rules | None,
        published: bool,
    ) -> None:
        self._catalogue = _load(Path(catalogue)) if isinstance(catalogue, Path | str) else catalogue
        self._reminders = reminders
        self._published = published

    def catalogue(self) -> Steps[Catalogue]:
        """Raises NotFound and Unavailable as PublishedReader does, and Invalid without a catalogue and Redis."""
        if self._catalogue is not None:
            return self._catalogue
        if not self._published:
            raise Invalid("catalogue", "a client without Redis needs one: Client(..., catalogue=Path(...))")
        return (yield from self._store.catalogue())

    def reminder_plan(self) -> Steps[ReminderPlan]:
        """Raises as `catalogue` does."""
        # Imported here: an application without occasions does not pay for them.
        from harkara.occasions import ReminderPlan, Rules

        if self._published and self._reminders is None:
            plan = yield from self._store.reminder_plan()
            return plan if self._catalogue is None else replace(plan, catalogue=self._catalogue)
        if self._reminders is None:
            raise Invalid("reminders", "a client without Redis needs the rules: Client(..., reminders=Path(...))")
        if not isinstance(self._reminders, Rules):
            self._reminders = Rules.load(Path(self._reminders))
        return ReminderPlan(self._reminders, (yield from self.catalogue()), {})

    @cached_property
    def _store(self) -> PublishedReader:
        # Imported here: an application that only builds messages does not pay for redis-py.
        from harkara.published.store import PublishedReader

        return PublishedReader()


def _load(file: Path) -> Catalogue:
    # Imported here: `import harkara` does not pay for pydantic.
    from harkara.catalogue import Catalogue

    return Catalogue.load(file)
