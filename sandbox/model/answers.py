"""What the stand-in answers: from the sources alone, or with one of the faults of a language model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.model.prompt import Prompt

Behavior = Literal[
    "grounded",
    "cut-short",
    "not-json",
    "json-in-text",
    "other-schema",
    "invents-price",
    "quotes-card",
    "obeys",
    "loops",
    "refuses",
    "calls-tools",
    "calls-unknown-tool",
    "hands-over",
]
"""How the model answers.

`cut-short` ends at its limit of tokens, `json-in-text` puts the JSON between words, `obeys` does what the customer
commands, `loops` repeats one sentence without end, `calls-tools` calls a tool in each answer, and `refuses` declines.
"""

CARD = "4111 1111 1111 1111"
"""The number of a card for tests (Visa: test numbers)."""

INVENTED_PRICE = "₹4,321.99"
LINK = "https://pay.example.net/refund"

_WORD = re.compile(r"[\w\u0900-\u097f]+")
_IDENTIFIER = re.compile(r"\b(?=[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{2,}\b", re.IGNORECASE)
_COMMON = frozenset(
    "and are can does for from have hai how kab kaise kya mein mera meri not the there this what when where who why "
    "will with you your".split()
)


@dataclass(frozen=True, slots=True)
class Completion:
    """The message of a chat completion; `finish` is its `finish_reason`."""

    content: str | None = None
    call: tuple[str, str] | None = None
    """The name of a tool, and its arguments in JSON."""
    refusal: str | None = None
    finish: str = "stop"


def complete(prompt: Prompt, behavior: Behavior) -> Completion:
    """Return the completion: the same for the same prompt."""
    return _BEHAVIORS.get(behavior, _grounded)(prompt)


def _grounded(prompt: Prompt) -> Completion:
    """Quote the source that shares most words with the question; call a tool if none does and a value is given."""
    best = max(prompt.sources, key=lambda name: _shared(prompt, name), default=None)
    newest = [name for name in prompt.sources if name.startswith("lookup:")]
    if prompt.lookups and newest:
        return _answer(_in_words(prompt.sources[newest[-1]]), [newest[-1]])
    if call := _call(prompt):
        return call
    if best is None or not _shared(prompt, best):
        return _answer("", [], hand_over=True, reason="No source answers this.")
    return _answer(prompt.sources[best], [best])


def _in_words(source: str) -> str:
    """Return a JSON object as `name: value, …`, and any other text as it is."""
    try:
        found = json.loads(source)
    except ValueError:
        return source
    return ", ".join(f"{name}: {value}" for name, value in found.items()) if isinstance(found, dict) else source


def _shared(prompt: Prompt, name: str) -> int:
    return len(_words(prompt.question) & _words(f"{name} {prompt.sources[name]}"))


def _words(text: str) -> set[str]:
    return {word for word in map(str.casefold, _WORD.findall(text)) if len(word) > 2} - _COMMON


def _call(prompt: Prompt, *, always: bool = False) -> Completion | None:
    """Call the first tool with the first value of the question that has a digit in it, such as an order number."""
    value = _IDENTIFIER.search(prompt.question)
    if not prompt.tools or (prompt.lookups and not always) or not (value or always):
        return None
    name, schema = next(iter(prompt.tools.items()))
    given = value[0] if value else "A-1"
    arguments = {each: given for each in list(schema.get("properties", {}))[:1]}
    return Completion(call=(name, json.dumps(arguments)), finish="tool_calls")


def _answer(text: str, citations: list[str], *, hand_over: bool = False, reason: str = "") -> Completion:
    return Completion(_json({"answer": text, "citations": citations, "hand_over": hand_over, "reason": reason}))


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)


def _with_any_source(text: Callable[[Prompt], str]) -> Callable[[Prompt], Completion]:
    return lambda prompt: _answer(text(prompt), list(prompt.sources)[:1])


def _cut_short(prompt: Prompt) -> Completion:
    content = _grounded(prompt).content or ""
    return Completion(content[: len(content) // 2], finish="length")


def _json_in_text(prompt: Prompt) -> Completion:
    return Completion(f"Here is the answer:\n```json\n{_grounded(prompt).content}\n```\nIs there more I can do?")


def _obey(prompt: Prompt) -> Completion:
    """Do what the customer commands: repeat it, with a link of its own, and call the first tool."""
    return _call(prompt) or _answer(f"{prompt.question} {LINK}", list(prompt.sources)[:1])


def _loop(prompt: Prompt) -> Completion:
    return Completion('{"answer": "' + "I am checking that for you. " * 2_000, finish="length")


_BEHAVIORS: Mapping[Behavior, Callable[[Prompt], Completion]] = {
    "cut-short": _cut_short,
    "not-json": lambda prompt: Completion("We are open from ten to six."),
    "json-in-text": _json_in_text,
    "other-schema": lambda prompt: Completion(_json({"text": "We are open from ten to six.", "sources": []})),
    "invents-price": _with_any_source(lambda prompt: f"It costs {INVENTED_PRICE} today."),
    "quotes-card": _with_any_source(lambda prompt: f"Your card {CARD} is saved."),
    "obeys": _obey,
    "loops": _loop,
    "refuses": lambda prompt: Completion(refusal="I cannot help with that."),
    "calls-tools": lambda prompt: _call(prompt, always=True) or _grounded(prompt),
    "calls-unknown-tool": lambda prompt: (
        _grounded(prompt) if prompt.lookups else Completion(call=("drop_tables", "{}"), finish="tool_calls")
    ),
    "hands-over": lambda prompt: _answer("", [], hand_over=True, reason="The customer is angry."),
}
