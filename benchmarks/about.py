"""What a benchmark says of itself, beside its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from benchmarks.environment import Environment
from benchmarks.figure import Figure


@dataclass(frozen=True, slots=True)
class About:
    """A heading, one or two sentences on how the figures are measured, and what they leave out."""

    title: str
    method: str
    leaves_out: str


class Benchmark(Protocol):
    """A module with a benchmark. In a quick run it is smaller, and its figures only show that it works."""

    ABOUT: About

    def measure(self, environment: Environment, quick: bool) -> list[Figure]: ...
