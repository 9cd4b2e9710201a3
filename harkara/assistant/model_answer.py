"""Ask the model for an answer that cites what it rests on, and check it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from harkara.assistant.check import Unsafe, check_answer
from harkara.assistant.composing import HandOver, KnownAnswer
from harkara.assistant.lookups import Redact
from harkara.assistant.model import LanguageModel, ModelAnswer, ModelFailure, ModelReply, Quoted, Tools, make_prompt
from harkara.assistant.privacy import PLACEHOLDER, TalkFilter
from harkara.assistant.talk import Talk

OpenTools = Callable[[Talk, Redact], Tools | None]
"""Returns the lookups of one turn."""

_RESTORED: Final = frozenset({"name", "email", "phone", "own-number"})
"""What an answer may repeat of what the customer wrote; a card number or a password never comes back."""


@dataclass(frozen=True, slots=True)
class ModelOutcome:
    """The checked answer, or why a person goes on."""

    reply: ModelReply
    answer: KnownAnswer | None = field(default=None, repr=False)
    ending: HandOver | None = None
    failure: str | None = None


def ask_model(
    model: LanguageModel, tools: OpenTools | None, talk: Talk, filtered: TalkFilter, sources: Sequence[Quoted]
) -> ModelOutcome:
    """Ask about the whole burst. What leaves is redacted; an answer that cites nothing is not used."""
    prompt = make_prompt(talk, filtered.redaction.texts, sources)
    reply = model.ask(prompt, tools(talk, filtered) if tools else None)
    if isinstance(reply.result, ModelFailure):
        failure = f"{reply.result.kind}: {reply.result.reason}"
        return ModelOutcome(reply, ending=HandOver("failed", "backup"), failure=failure)
    if reply.result.hand_over:
        return ModelOutcome(reply, ending=HandOver("model", "unknown"))
    return _checked(reply, reply.result, filtered, (*sources, *reply.quoted), prompt.question)


def _checked(
    reply: ModelReply, answer: ModelAnswer, filtered: TalkFilter, given: Sequence[Quoted], asked: str
) -> ModelOutcome:
    cited = [each for each in given if each.id in answer.citations]
    if not cited:
        return _unsafe(reply, "uncited")
    if any(_kind(found) not in _RESTORED for found in PLACEHOLDER.findall(answer.text)):
        return _unsafe(reply, "placeholder")
    checked = check_answer(answer.text, [each.text for each in cited], redaction=filtered.redaction, asked=asked)
    if isinstance(checked, Unsafe):
        return _unsafe(reply, checked.kind)
    names = tuple(dict.fromkeys(each.id.partition(":")[2] or each.id for each in cited))
    return ModelOutcome(reply, KnownAnswer("\n\n".join(checked.texts), "model", names))


def _unsafe(reply: ModelReply, kind: str) -> ModelOutcome:
    return ModelOutcome(reply, ending=HandOver("unsafe", "unknown"), failure=f"unsafe: {kind}")


def _kind(placeholder: str) -> str:
    return placeholder[1:-1].rpartition("-")[0]
