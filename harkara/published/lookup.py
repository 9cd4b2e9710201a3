"""Knowledge: what a client knows of templates and reminders, given to it or laid into Redis by the workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harkara.backends import open_published
from harkara.catalogue import Catalogue
from harkara.errors import Invalid

if TYPE_CHECKING:
    from harkara.occasions import ReminderPlan, Rules


class PublishedLookup:
    """What was given goes before what is on the shelf; each is a file or what was read from one."""

    def __init__(
        self,
        catalogue: Path | str | Catalogue | None,
        reminders: Path | str | Rules | None,
        redis_url: str | None,
        seconds: float,
    ) -> None:
        self._catalogue = Catalogue.load(Path(catalogue)) if isinstance(catalogue, Path | str) else catalogue
        self._reminders = reminders
        self._shelf = open_published(redis_url, seconds) if redis_url else None

    def catalogue(self) -> Catalogue:
        """Raises NotFound and Unavailable, or Invalid without any."""
        if self._catalogue is not None:
            return self._catalogue
        if self._shelf is None:
            raise Invalid("catalogue", "a client without Redis has to be given one: Client(…, catalogue=Path(…))")
        return self._shelf.catalogue()

    def plan(self) -> ReminderPlan:
        """Raises as `catalogue` does."""
        from harkara.occasions import ReminderPlan, Rules

        if self._shelf and self._reminders is None:
            plan = self._shelf.reminder_plan()
            return plan if self._catalogue is None else replace(plan, catalogue=self._catalogue)
        if self._reminders is None:
            raise Invalid("reminders", "a client without Redis has to be given the rules: Client(…, reminders=Path(…))")
        if not isinstance(self._reminders, Rules):
            self._reminders = Rules.load(Path(self._reminders))
        return ReminderPlan(self._reminders, self.catalogue(), {})

    def close(self) -> None:
        if self._shelf:
            self._shelf.close()
