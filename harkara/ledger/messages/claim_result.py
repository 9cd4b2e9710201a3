"""The result of a claim, as it is recorded or passed through Redis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from harkara.ledger.messages.claim import Claimed
from harkara.outcomes import Accepted, Cancelled, Outcome, Refused, Replaced, Uncertain, Wait


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The outcome of one claim. `posted` says whether it has an attempt; without one, a gate stopped the message.

    `halted` says whether anything was halted when the message was claimed. If not, its answer is no probe's.
    """

    id: str
    epoch: int
    lane: str
    template: str | None
    expires_at: datetime
    outcome: Outcome
    posted: bool
    halted: bool = True

    @classmethod
    def of(cls, claimed: Claimed, outcome: Outcome, *, posted: bool) -> ClaimResult:
        c = claimed
        return cls(c.id, c.epoch, c.lane, c.template, c.expires_at, outcome, posted, c.halted)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values for Redis, without the message's number and text."""
        fields: dict[str, Any] = to_jsonable_python(self)
        return fields | {"kind": type(self.outcome).__name__}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ClaimResult:
        """Read what `to_dict` wrote. Raises KeyError or pydantic's ValidationError for anything else."""
        rest = {key: value for key, value in data.items() if key != "kind"}
        rest["outcome"] = TypeAdapter(_OUTCOMES[data["kind"]]).validate_python(rest["outcome"])
        return TypeAdapter(cls).validate_python(rest)


_OUTCOMES: dict[str, type[Outcome]] = {
    kind.__name__: kind for kind in (Accepted, Wait, Refused, Cancelled, Replaced, Uncertain)
}
