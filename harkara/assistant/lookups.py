"""Lookups: the application's own data about the contact of a conversation, for the model to quote."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from harkara.assistant.model import Quoted, Tool
from harkara.assistant.model_rules import MOST_LOOKUPS, LookupRules
from harkara.assistant.talk import Talk

TIMEOUT_SECONDS = 5.0
"""From the connection to the end of the response."""

MAX_BODY = 16_384
"""Bytes of a response; a longer one is a failure, since half of it could mislead."""

MAX_QUOTED = 4_000
"""Characters of a result that the model gets."""

FAILED = "The lookup failed, so this is not known. Do not guess."


@dataclass(frozen=True, slots=True)
class LookupData:
    """The application answered with a status of 200 and this body."""

    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LookupFailure:
    """No data; `reason` is a few words of our own."""

    reason: str


Fetch = Callable[[str, bytes], LookupData | LookupFailure]
"""POSTs a signed body, with the id of the call, to the URL of one tool. Never raises."""

Redact = Callable[[Sequence[str]], Sequence[str]]
"""Replaces what is personal in texts, with the placeholders of the talk."""


@dataclass(frozen=True, slots=True)
class LookupTool:
    """A tool with the function that calls its URL."""

    rules: LookupRules
    fetch: Fetch


class Lookups:
    """The lookups of one turn: at most three, each about the contact of the talk and about no other person.

    The number comes from the ledger. `on_call` gets the tool's name and whether it answered, for the metrics.
    """

    def __init__(
        self,
        tools: Mapping[str, LookupTool],
        talk: Talk,
        redact: Redact,
        on_call: Callable[[str, bool], None] = lambda name, answered: None,
    ) -> None:
        self._tools = tools
        self._talk = talk
        self._redact = redact
        self._on_call = on_call
        self._left = MOST_LOOKUPS

    @property
    def offered(self) -> Sequence[Tool]:
        if not self._left:
            return ()
        rules = [tool.rules for tool in self._tools.values()]
        return [Tool(each.name, each.description, each.parameters) for each in rules]

    def call(self, name: str, arguments: str) -> Quoted:
        """Call the tool; what is wrong with a call is its result, so that the model can mend it."""
        tool = self._tools.get(name)
        if tool is None:
            return Quoted("lookup:unknown", f"{FAILED} There is no such tool.")
        if not self._left:
            return Quoted(f"lookup:{name}", f"{FAILED} No more lookups are allowed.")
        self._left -= 1
        given = _parsed(arguments)
        if problem := tool.rules.arguments.problem(given):
            return Quoted(f"lookup:{name}", f"{FAILED} {problem}.")
        result = tool.fetch(f"lookup_{uuid4().hex}", self._body(name, given))
        self._on_call(name, isinstance(result, LookupData))
        return Quoted(f"lookup:{name}", self._quotable(result))

    def _body(self, name: str, arguments: object) -> bytes:
        talk = self._talk
        contact = {"lane": talk.lane, "person": talk.person, "number": talk.number}
        content = {"type": "assistant.lookup", "tool": name, "contact": contact, "arguments": arguments}
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

    def _quotable(self, result: LookupData | LookupFailure) -> str:
        """Return the text of a result without what is personal."""
        if isinstance(result, LookupFailure):
            return FAILED
        try:
            text = json.dumps(json.loads(result.body), ensure_ascii=False, indent=1)
        except (ValueError, RecursionError):
            return FAILED
        (redacted,) = self._redact([text])
        return redacted if len(redacted) <= MAX_QUOTED else FAILED


def _parsed(arguments: str) -> object:
    try:
        return json.loads(arguments or "{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
