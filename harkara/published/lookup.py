"""The catalogue and the reminder plan of a client: given to it, or else what the workers publish."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harkara.backends import open_published
from harkara.catalogue import Catalogue
from harkara.errors import Invalid

if TYPE_CHECKING:  # an application without occasions does not pay for their import
    from harkara.occasions import ReminderPlan, Rules


class PublishedLookup:
    """Prefers what is given to it, as a TOML file or read from one, to what is in Redis."""

    def __init__(
        self,
        catalogue: Path | str | Catalogue | None,
        reminders: Path | str | Rules | None,
        redis_url: str | None,
        seconds: float,
    ) -> None:
        self._catalogue = Catalogue.load(Path(catalogue)) if isinstance(catalogue, Path | str) else catalogue
        self._reminders = reminders
        self._store = open_published(redis_url, seconds) if redis_url else None

    def catalogue(self) -> Catalogue:
        """Raises NotFound and Unavailable as PublishedStore does, and Invalid without a catalogue and without Redis."""
        if self._catalogue is not None:
            return self._catalogue
        if self._store is None:
            raise Invalid("catalogue", "a client without Redis needs one: Client(..., catalogue=Path(...))")
        return self._store.catalogue()

    def reminder_plan(self) -> ReminderPlan:
        """Raises as `catalogue` does."""
        # Imported here: an application without occasions does not pay for them.
        from harkara.occasions import ReminderPlan, Rules

        if self._store and self._reminders is None:
            plan = self._store.reminder_plan()
            return plan if self._catalogue is None else replace(plan, catalogue=self._catalogue)
        if self._reminders is None:
            raise Invalid("reminders", "a client without Redis needs the rules: Client(..., reminders=Path(...))")
        if not isinstance(self._reminders, Rules):
            self._reminders = Rules.load(Path(self._reminders))
        return ReminderPlan(self._reminders, self.catalogue(), {})

    def close(self) -> None:
        if self._store:
            self._store.close()
