"""What a language model is asked and what it answers: values, without a network. Every text in them is redacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from harkara.assistant.talk import Speaker, Talk

FailureKind = Literal["timeout", "unreachable", "busy", "error", "key", "refused", "cut", "invalid", "halted"]
"""Why a model gave no answer: no response in time, no connection, 429, another error status, a key that is refused; a
response that declines, ends too early, or is not what the schema demands; or it was not asked after such failures."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text that an answer may rest on and cite: an entry of the FAQ, or the result of a lookup."""

    id: str
    """Such as `faq:opening-hours` or `lookup:order`."""
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ModelPrompt:
    """What the model gets of a talk: texts without personal data, number or name."""

    sources: tuple[Quoted, ...]
    said: tuple[tuple[Speaker, str], ...] = field(repr=False)
    """The messages before the burst, oldest first."""
    question: str = field(repr=False)
    """The burst, a line for each message."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What the model answers. `citations` are ids of what it was given; ids that it invents are left out."""

    text: str = field(repr=False)
    citations: tuple[str, ...]
    hand_over: bool
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ModelFailure:
    """The model gave no answer. `reason` is a few words of our own for the log, never its text."""

    kind: FailureKind
    reason: str

    @property
    def counts(self) -> bool:
        """Whether the breaker counts it: a model that declines one question can still answer others."""
        return self.kind not in ("refused", "halted")


@dataclass(frozen=True, slots=True)
class ModelReply:
    """The outcome of one question, with what it cost; a failure costs what was read and written before it."""

    result: ModelAnswer | ModelFailure
    quoted: tuple[Quoted, ...] = ()
    """The results of the lookups, which the answer may cite."""
    tokens_read: int = 0
    tokens_written: int = 0
    price: int = 0
    """Micros of the currency of the rate card."""
    milliseconds: int = 0

    @property
    def tokens(self) -> int:
        return self.tokens_read + self.tokens_written


@dataclass(frozen=True, slots=True)
class Tool:
    """A lookup as the model sees it; `parameters` is the JSON schema of the arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class Tools(Protocol):
    """The lookups that one turn may make, for its contact alone."""

    @property
    def offered(self) -> Sequence[Tool]:
        """The tools, or none when no more calls are allowed."""

    def call(self, name: str, arguments: str) -> Quoted:
        """Call a tool with arguments in JSON. A failure is a text that says so; never raises."""


class LanguageModel(Protocol):
    """A language model."""

    def ask(self, prompt: ModelPrompt, tools: Tools | None = None) -> ModelReply:
        """Return its answer or why there is none. Never raises for a fault of network, server or answer."""


def make_prompt(talk: Talk, redacted: Sequence[str], sources: Sequence[Quoted]) -> ModelPrompt:
    """Return the prompt of a talk; `redacted` has the text of each message of `talk.said`.

    Raises ValueError for another number of texts: then one would be left as the customer wrote it.
    """
    said = [(one.by, text) for one, text in zip(talk.said, redacted, strict=True)]
    before = len(said) - len(talk.burst)
    return ModelPrompt(tuple(sources), tuple(said[:before]), "\n".join(text for _, text in said[before:]))
