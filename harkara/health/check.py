"""One check, with texts that the console translates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, whether it passed, and the finding or the next step.

    `about` and `text` are constants, in which `values` replace placeholders such as `%(lane)s`.
    """

    about: str
    well: bool
    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.about % self.values if self.values else self.about

    @property
    def found(self) -> str:
        return self.text % self.values if self.values else self.text
