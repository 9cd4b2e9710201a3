"""The figures of the assistant: what became of its turns, how fast they were, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final, NamedTuple

from harkara.json_record import JsonRecordSeconds, TimestampSeconds
from harkara.money.amounts import from_micros

_PROPOSED: Final = ("sent", "handed-over", "draft", "shadow")
"""Outcomes of turns that a customer waited for, or would have."""


class TurnFacts(NamedTuple):
    """A turn without its texts."""

    person: str
    outcome: str
    source: str
    hand_over: str | None
    decision: str | None
    milliseconds: int
    tokens: int
    price: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AssistantReport(JsonRecordSeconds):
    """The turns since a moment. Counts by name have no zeros."""

    since: TimestampSeconds
    turns: int
    exact: bool
    """Whether these are all turns, not only the newest ones."""
    conversations: int
    answered: int
    """Answers that no person had to go on from."""
    answered_by: Mapping[str, int]
    """The same by source: `rule`, `cache`, `faq` or `model`."""
    handed_over: int
    handed_over_by: Mapping[str, int]
    """The same by cause, such as `asked`."""
    failed: int
    superseded: int
    """Answers that were not sent, since the conversation had moved on."""
    shadow: int
    """Answers that were only recorded."""
    shadow_handed_over: int
    """Those of them that would have given the conversation to a person."""
    drafts: Mapping[str, int]
    """Drafts by what a person decided: `unchanged`, `edited`, `discarded`, `dropped`, or `undecided`."""
    median_ms: int | None
    """Of the time in which an answer is made, without the wait for more messages. None without answers."""
    p95_ms: int | None
    tokens: int
    spent: str
    """What the model cost, an exact amount in the currency of prices.toml."""

    @property
    def share_without_person(self) -> float | None:
        """The share of the answers that no person had to go on from; None without answers."""
        total = self.answered + self.handed_over + self.failed
        return self.answered / total if total else None


def report_turns(turns: Iterable[TurnFacts], *, since: datetime, exact: bool) -> AssistantReport:
    """Return the figures of these turns."""
    found = list(turns)
    outcomes = Counter(turn.outcome for turn in found)
    times = sorted(turn.milliseconds for turn in found if turn.outcome in _PROPOSED)
    drafts = [turn.decision or "undecided" for turn in found if turn.outcome == "draft" or turn.decision]
    return AssistantReport(
        since=since,
        turns=len(found),
        exact=exact,
        conversations=len({turn.person for turn in found}),
        answered=outcomes["sent"],
        answered_by=_counted(turn.source for turn in found if turn.outcome == "sent"),
        handed_over=outcomes["handed-over"],
        handed_over_by=_counted(turn.hand_over or "failed" for turn in found if turn.outcome == "handed-over"),
        failed=outcomes["failed"],
        superseded=outcomes["superseded"],
        shadow=outcomes["shadow"],
        shadow_handed_over=sum(turn.outcome == "shadow" and turn.hand_over is not None for turn in found),
        drafts=_counted(drafts),
        median_ms=_nearest_rank(times, 0.5),
        p95_ms=_nearest_rank(times, 0.95),
        tokens=sum(turn.tokens for turn in found),
        spent=str(from_micros(sum(turn.price for turn in found))),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _nearest_rank(times: list[int], share: float) -> int | None:
    return times[ceil(share * len(times)) - 1] if times else None
