"""Compose the answers to a burst as messages: greeting, answers, and the sentence that hands over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from harkara.assistant.backup import has_said_backup
from harkara.assistant.check import Safe, check_answer
from harkara.assistant.knowledge.language import CustomerLanguage
from harkara.assistant.message_form import script_of
from harkara.assistant.rules import AssistantRules
from harkara.assistant.sentences import SentenceName, fixed_sentence
from harkara.assistant.talk import HandOverCause, Proposal, Source, Talk

_COSTLIEST: tuple[Source, ...] = ("model", "faq", "cache", "rule")
_MOST_BUTTONS = 3


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """The answer to one question, which was checked or is a text of the configuration."""

    text: str = field(repr=False)
    source: Source
    citations: tuple[str, ...]
    buttons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HandOver:
    """Why a person goes on, and the sentence that says so."""

    cause: HandOverCause
    sentence: SentenceName


_NOT_ALL = HandOver("unknown", "unknown")
_UNSAFE = HandOver("unsafe", "unknown")


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes the messages of one turn."""

    rules: AssistantRules
    zone: tzinfo
    talk: Talk
    language: CustomerLanguage

    def compose(self, answers: Sequence[KnownAnswer], ending: HandOver | None = None) -> Proposal:
        """Return as many of the answers as three messages hold; a person goes on if one is left out.

        Without an answer, and if all that is left to say is the backup sentence once more, nothing is said.
        """
        if not answers and ending and not self._ending(ending, self.language):
            return Proposal(texts=(), source="backup", hand_over=ending.cause)
        for count in range(len(answers), 0, -1):
            some = answers[:count]
            after = ending if ending or count == len(answers) else _NOT_ALL
            if proposal := self._checked(some, after):
                return proposal
        last = ending or _UNSAFE
        proposal = self._checked((), last)
        return proposal or Proposal(texts=(), source="rule", hand_over=last.cause, failure="sentences: refused")

    def sentence(self, name: SentenceName, language: CustomerLanguage | None = None) -> str:
        """Return a fixed sentence in the language of the customer."""
        return fixed_sentence(name, language or self.language, self.rules.sentences, self.rules.business)

    def _checked(self, answers: Sequence[KnownAnswer], ending: HandOver | None) -> Proposal | None:
        language = self._spoken(answers)
        parts = [each.text for each in answers]
        parts += self._ending(ending, language) if ending else []
        if not self.talk.greeted and not (ending and ending.sentence == "backup"):
            parts.insert(0, self.sentence("greeting", language))
        checked = check_answer("\n\n".join(parts), parts)
        if not isinstance(checked, Safe):
            return None
        return Proposal(
            texts=checked.texts,
            buttons=() if ending else _buttons(answers),
            source=_source(answers, ending),
            citations=tuple(dict.fromkeys(one for each in answers for one in each.citations)),
            hand_over=ending.cause if ending else None,
        )

    def _ending(self, ending: HandOver, language: CustomerLanguage) -> list[str]:
        """The sentence that hands over, and when people are back if they are away."""
        if ending.sentence == "backup" and has_said_backup(self.talk, self.rules):
            return []
        said = self.sentence(ending.sentence, language)
        back = self.rules.hours.back_at(self.talk.now, self.zone)
        if back is None:
            return [said]
        return [said, self.rules.sentences.of(language).back(back, self.talk.now.astimezone(self.zone))]

    def _spoken(self, answers: Sequence[KnownAnswer]) -> CustomerLanguage:
        """The language of the fixed sentences: that of the customer, unless the answers have the other script."""
        scripts = {script_of(each.text) for each in answers} - {None}
        if scripts == {"devanagari"}:
            return "hi"
        return "en" if scripts == {"latin"} and self.language == "hi" else self.language


def silence() -> Proposal:
    """Return the proposal that sends nothing."""
    return Proposal(texts=(), source="rule")


def with_failure(proposal: Proposal, failure: str | None) -> Proposal:
    """Return the proposal with the reason why a model or the check gave no answer."""
    return replace(proposal, failure=failure or proposal.failure)


def _buttons(answers: Sequence[KnownAnswer]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(title for each in answers for title in each.buttons))[:_MOST_BUTTONS]


def _source(answers: Sequence[KnownAnswer], ending: HandOver | None) -> Source:
    if ending and ending.sentence == "backup":
        return "backup"
    sources = {each.source for each in answers}
    return next((source for source in _COSTLIEST if source in sources), "rule")
