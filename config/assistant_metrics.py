"""Prometheus metrics of the assistant: the turns that this process wrote, and what the ledger shows of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import get_args

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from harkara.assistant.model import FailureKind
from harkara.assistant.talk import Proposal
from harkara.errors import HarkaraError
from harkara.ledger.conversations.turns import TurnOutcome
from harkara.money.amounts import MICROS

TURNS = Counter("harkara_assistant_turns_total", "Turns of the assistant", ("lane", "outcome", "source"))
FAILURES = Counter(
    "harkara_assistant_failures_total", "Turns without an answer of the model, by cause", ("lane", "cause")
)
SECONDS = Histogram(
    "harkara_assistant_seconds",
    "How long a proposal took, without the wait for more messages",
    ("lane", "source"),
    buckets=(0.01, 0.05, 0.1, 0.3, 0.5, 1, 2, 3, 5, 8, 15, 30),
)
TOKENS = Counter("harkara_assistant_tokens_total", "Tokens that the model read and wrote", ("lane",))
COST = Counter("harkara_assistant_cost_total", "What the model cost, in the currency of prices.toml", ("lane",))

_CAUSES = frozenset({*get_args(FailureKind), "unsafe", "sentences"})


def observe_turn(lane: str, proposal: Proposal, outcome: TurnOutcome) -> None:
    """Count a turn that was written. Labels have few values and no personal data."""
    TURNS.labels(lane, outcome, proposal.source).inc()
    SECONDS.labels(lane, proposal.source).observe(proposal.milliseconds / 1000)
    TOKENS.labels(lane).inc(proposal.tokens)
    COST.labels(lane).inc(proposal.price / MICROS)
    if proposal.failure:
        cause = proposal.failure.partition(":")[0]
        FAILURES.labels(lane, cause if cause in _CAUSES else "other").inc()


class AssistantCollector(Collector):
    """Collects whether the assistant is off, whether its model is halted, and the drafts; nothing without the ledger.

    `is_off` returns whether it is switched off, `breaker` the state of the model, `drafts` a number by lane.
    """

    def __init__(
        self, is_off: Callable[[], bool], breaker: Callable[[], str], drafts: Callable[[], Mapping[str, int]]
    ) -> None:
        self._is_off = is_off
        self._breaker = breaker
        self._drafts = drafts

    def collect(self) -> Iterable[GaugeMetricFamily]:
        try:
            return list(self._read())
        except HarkaraError:  # also a schema or a privilege that is missing
            return []

    def _read(self) -> Iterator[GaugeMetricFamily]:
        off = GaugeMetricFamily("harkara_assistant_off", "1 while the assistant is switched off")
        off.add_metric([], self._is_off())
        breaker = GaugeMetricFamily("harkara_assistant_breaker", "1 for the state of the model", labels=["state"])
        breaker.add_metric([self._breaker()], 1)
        drafts = GaugeMetricFamily("harkara_assistant_drafts", "Drafts that wait for a person", labels=["lane"])
        for lane, number in self._drafts().items():
            drafts.add_metric([lane], number)
        yield from (off, breaker, drafts)
