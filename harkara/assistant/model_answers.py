"""The model's part of an answer: what leaves is redacted, and what comes back is checked before it is proposed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harkara.assistant.check import Unsafe, check_answer
from harkara.assistant.lookups import Lookups, LookupTool
from harkara.assistant.model import LanguageModel, ModelAnswer, ModelFailure, ModelReply, Quoted, make_prompt
from harkara.assistant.privacy import TalkFilter
from harkara.assistant.talk import HandOverCause, Proposal, Source, Talk

CHECKING: Final = "Let me check that for you. A person of our team goes on here."
BACKUP: Final = "We are connecting you with our team."

_LONGEST_SUMMARY = 500


@dataclass(frozen=True, slots=True)
class ModelBreaker:
    """Whether the model may be asked, and who counts its failures. Both may raise Unavailable."""

    may_ask: Callable[[], bool]
    record: Callable[[bool], object]
    """Gets whether the model failed."""


class ModelAnswers:
    """Asks the model, with the lookups. Without a model, every question is handed over. Threads may share it."""

    def __init__(self, model: LanguageModel | None, tools: Mapping[str, LookupTool], breaker: ModelBreaker) -> None:
        self._model = model
        self._tools = tools
        self._breaker = breaker

    def propose(self, talk: Talk, sources: Sequence[Quoted] = ()) -> Proposal:
        """Return the answer that the sources and the lookups support, or a hand-over. Raises Unavailable."""
        private = TalkFilter(talk)
        prompt = make_prompt(talk, private.redaction.texts, sources)
        summary = prompt.question[:_LONGEST_SUMMARY]
        if self._model is None:
            return _hand_over("unknown", CHECKING, "rule", summary)
        if not self._breaker.may_ask():
            return _hand_over("failed", BACKUP, "backup", summary, failure="halted")
        reply = self._model.ask(prompt, Lookups(self._tools, talk, private) if self._tools else None)
        match reply.result:
            case ModelFailure() as failed:
                self._breaker.record(failed.counts)
                return _hand_over("failed", BACKUP, "backup", summary, reply, failure=failed.kind)
            case ModelAnswer() as answer:
                self._breaker.record(False)
        quoted = {one.id: one.text for one in (*sources, *reply.quoted)}
        cited = [quoted[one] for one in answer.citations if one in quoted]
        if not answer.text or not cited:
            return _hand_over("model" if answer.hand_over else "unknown", CHECKING, "rule", summary, reply)
        checked = check_answer(answer.text, cited, redaction=private.redaction, asked=prompt.question)
        if isinstance(checked, Unsafe):
            return _hand_over("unsafe", CHECKING, "rule", summary, reply, failure=checked.kind)
        return Proposal(
            texts=checked.texts,
            source="model",
            citations=answer.citations,
            hand_over="model" if answer.hand_over else None,
            summary=summary if answer.hand_over else None,
            milliseconds=reply.milliseconds,
            tokens=reply.tokens,
            price=reply.price,
        )


def _hand_over(
    cause: HandOverCause,
    text: str,
    source: Source,
    summary: str,
    reply: ModelReply | None = None,
    *,
    failure: str | None = None,
) -> Proposal:
    return Proposal(
        texts=(text,),
        source=source,
        hand_over=cause,
        summary=summary,
        milliseconds=reply.milliseconds if reply else 0,
        tokens=reply.tokens if reply else 0,
        price=reply.price if reply else 0,
        failure=failure,
    )
