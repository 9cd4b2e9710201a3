"""Propose the answer to a talk, cheapest first: fixed rules, cache, FAQ, model, and otherwise a person."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, tzinfo
from typing import TYPE_CHECKING, Final

import regex

from harkara.assistant.answer_cache import AnswerCache
from harkara.assistant.composing import Composer, HandOver, KnownAnswer, silence, with_failure
from harkara.assistant.knowledge.faq import Faq, FaqEntry
from harkara.assistant.knowledge.language import PREFERRED
from harkara.assistant.model import LanguageModel, Quoted
from harkara.assistant.model_answer import ModelOutcome, OpenTools, ask_model
from harkara.assistant.rules import AssistantRules
from harkara.assistant.sentences import SentenceName
from harkara.assistant.summary import summarize
from harkara.assistant.talk import HandOverCause, Proposal, Said, Source, Talk
from harkara.assistant.turn import Turn
from harkara.inbound.word_lists import normalize
from harkara.inbound.words import Cancel, Confirm, OptIn, OptOut, Reply, Reschedule, Words

if TYPE_CHECKING:
    from harkara.assistant.knowledge.retrieval import FaqIndex  # it imports numpy

_MOST_ANSWERS = 3
_MOST_SOURCES = 6
"""FAQ entries that a model gets."""

_END = regex.compile(r"[?？।\n]+")
_MARKED = regex.compile(r"[^?？।\n]+(?=[?？])")
_UNKNOWN: Final = HandOver("unknown", "unknown")
_ANSWERS: Final[dict[type[Reply], str]] = {Confirm: "confirmed", Cancel: "cancelled", Reschedule: "rescheduled"}


class Assistant:
    """Answers talks; any number of threads may use it. It sends nothing and reads no clock but for milliseconds.

    `zone_of` returns the time zone of a lane, in which FAQ entries expire and people work. Without a `model`, what the
    FAQ does not answer is handed over.
    """

    def __init__(
        self,
        rules: AssistantRules,
        words: Words,
        faq: Faq,
        index: FaqIndex,
        *,
        zone_of: Callable[[str], tzinfo],
        cache: AnswerCache | None = None,
        model: LanguageModel | None = None,
        tools: OpenTools | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._words = words
        self._faq = faq
        self._index = index
        self._zone_of = zone_of
        self._cache = AnswerCache() if cache is None else cache
        self._model = model
        self._tools = tools
        self._clock = clock

    def propose(self, talk: Talk) -> Proposal:
        """Return the answer to what the customer has written since the last message of ours."""
        started = self._clock()
        proposal = self._propose(self._turn(self._without_applied(talk)))
        return replace(proposal, milliseconds=round((self._clock() - started) * 1_000))

    def _propose(self, turn: Turn) -> Proposal:
        if not turn.messages or turn.any_message(self._opts_out) or self._is_for_the_application(turn.talk):
            return silence()
        if ending := self._rule_that_hands_over(turn):
            return self._hand_over(turn, ending, ())
        if turn.questions:
            return self._answer(turn)
        return self._small_talk(turn)

    def _rule_that_hands_over(self, turn: Turn) -> HandOver | None:
        if turn.has_media:
            return HandOver("unknown", "media")
        if turn.any_message(turn.words.asks_person):
            return HandOver("asked", "asked")
        if turn.any_message(turn.words.is_angry):
            return HandOver("anger", "anger")
        if turn.asks_for_robot and turn.robot_times > 1:
            return HandOver("robot", "robot-again")
        return HandOver("repeated", "repeated") if turn.is_repeated else None

    def _small_talk(self, turn: Turn) -> Proposal:
        """Answer what asks nothing. Thanks are for the assistant only if it has said something."""
        composer = self._composer(turn)
        if turn.asks_for_robot:
            return composer.compose([_fixed(composer, "robot")])
        if "hello" in turn.small_talk and "thanks" not in turn.small_talk:
            return composer.compose([_fixed(composer, "hello")])
        if "thanks" in turn.small_talk and turn.talk.greeted:
            return composer.compose([_fixed(composer, "thanks")])
        return silence()

    def _answer(self, turn: Turn) -> Proposal:
        composer = self._composer(turn)
        day = turn.talk.now.astimezone(self._zone_of(turn.talk.lane)).date()
        known, complete = self._known(turn, day)
        if turn.asks_for_robot:
            known = [_fixed(composer, "robot"), *known]
        if complete and len(known) <= _MOST_ANSWERS:
            return self._summarized(turn, composer.compose(known))
        if self._model is None:
            return self._hand_over(turn, _UNKNOWN, known[:_MOST_ANSWERS])
        return self._with_model(turn, self._model, known[:_MOST_ANSWERS], day)

    def _with_model(self, turn: Turn, model: LanguageModel, known: Sequence[KnownAnswer], day: date) -> Proposal:
        outcome = ask_model(model, self._tools, turn.talk, turn.filtered, self._sources(turn, day))
        if outcome.answer:
            proposal = self._summarized(turn, self._composer(turn).compose([outcome.answer]))
        else:
            proposal = self._hand_over(turn, outcome.ending or _UNKNOWN, known)
        return _with_cost(proposal, outcome)

    def _known(self, turn: Turn, day: date) -> tuple[list[KnownAnswer], bool]:
        """Return the answers of cache and FAQ, each once, and whether they answer every question."""
        found = [self._parts(question, turn, day) for question in turn.questions]
        if len(found) > 1 and not any(map(_any_known, found)):
            found = [[self._entry(" ".join(turn.questions), turn, day)]]  # one question over several messages
        answers = [each for parts in found for each in parts]
        distinct = {each.citations: each for each in answers if each}
        return list(distinct.values()), all(answers)

    def _parts(self, question: str, turn: Turn, day: date) -> list[KnownAnswer | None]:
        """Answer a message as a whole if it has one question mark at most, or else the questions in it one by one."""
        marked = _asking(_MARKED.findall(question), turn)
        if len(marked) > 1:
            return [self._entry(part, turn, day) for part in marked]
        if whole := self._entry(question, turn, day):
            return [whole]
        return [self._entry(part, turn, day) for part in _asking(_END.split(question), turn)] or [None]

    def _entry(self, question: str, turn: Turn, day: date) -> KnownAnswer | None:
        if cached := self._cache.get(question, self._faq.version):
            return self._valid(cached, turn, day, "cache")
        hit = self._index.answer(question)
        if hit is None:
            return None
        self._cache.put(question, self._faq.version, hit.entry)
        return self._valid(hit.entry, turn, day, "faq")

    def _valid(self, name: str, turn: Turn, day: date, source: Source) -> KnownAnswer | None:
        entry = self._faq.find(name, PREFERRED[turn.language], day)
        return KnownAnswer(entry.answer, source, (entry.id,), entry.buttons) if entry else None

    def _sources(self, turn: Turn, day: date) -> list[Quoted]:
        """The entries that are nearest to the questions, for a model to cite."""
        return [Quoted(f"faq:{entry.id}", entry.answer) for entry in self._near(turn, day)][:_MOST_SOURCES]

    def _near(self, turn: Turn, day: date) -> Iterator[FaqEntry]:
        texts = dict.fromkeys((*turn.questions, " ".join(turn.questions)))
        for name in dict.fromkeys(hit.entry for text in texts for hit in self._index.find(text)):
            if entry := self._faq.find(name, PREFERRED[turn.language], day):
                yield entry

    def _hand_over(self, turn: Turn, ending: HandOver, known: Sequence[KnownAnswer]) -> Proposal:
        return self._summarized(turn, self._composer(turn).compose(known, ending))

    def _summarized(self, turn: Turn, proposal: Proposal) -> Proposal:
        if proposal.hand_over is None:
            return proposal
        return replace(proposal, summary=self._summary(turn, proposal.hand_over))

    def _summary(self, turn: Turn, cause: HandOverCause) -> str:
        redacted = turn.filtered.redaction.texts
        by_customer = [text for one, text in zip(turn.talk.said, redacted, strict=True) if one.by == "customer"]
        burst = redacted[len(redacted) - len(turn.talk.burst) :]
        asked = (*reversed(by_customer), " ".join(turn.questions))
        about = next((hit.entry for text in asked if (hit := self._index.answer(text))), None)
        return summarize(cause, by_customer, "\n".join(burst), turn.language, about)

    def _opts_out(self, text: str) -> bool:
        reply = self._words.interpret(text, None, reminder_open=False)
        return isinstance(reply, OptOut) and reply.category is None

    def _without_applied(self, talk: Talk) -> Talk:
        """Return the talk without what the ledger has applied of a burst: a Confirm beside a question asks nothing."""
        before = talk.said[: len(talk.said) - len(talk.burst)]
        given = {one.answer for one in before if one.answer}
        asking = tuple(one for one in talk.burst if not self._is_applied(one, given))
        return replace(talk, said=(*before, *asking)) if asking else talk

    def _is_applied(self, one: Said, given: set[str]) -> bool:
        """Whether it is a consent, or one of the answers that were `given` to reminders."""
        reply = self._words.interpret(one.text or None, one.button, reminder_open=True)
        if isinstance(reply, OptOut):
            return reply.category is not None
        return isinstance(reply, OptIn) or (reply is not None and _ANSWERS.get(type(reply)) in given)

    def _is_for_the_application(self, talk: Talk) -> bool:
        """Whether the burst is nothing but answers to a reminder, which the ledger has applied."""
        before = talk.said[: len(talk.said) - len(talk.burst)]
        if not before or before[-1].by != "application":
            return False
        return all(self._words.interpret(one.text or None, one.button, reminder_open=True) for one in talk.burst)

    def _turn(self, talk: Talk) -> Turn:
        return Turn(talk, self._words.talk, self._index.vocabulary)

    def _composer(self, turn: Turn) -> Composer:
        return Composer(self._rules, self._zone_of(turn.talk.lane), turn.talk, turn.language)


def _fixed(composer: Composer, name: SentenceName) -> KnownAnswer:
    """A fixed sentence as an answer; it cites itself, so that a replay can expect it."""
    return KnownAnswer(composer.sentence(name), "rule", (f"rule:{name}",))


def _asking(parts: Iterable[str], turn: Turn) -> list[str]:
    return [part for part in parts if normalize(part) and not turn.words.small_talk(part)]


def _any_known(parts: Sequence[KnownAnswer | None]) -> bool:
    return any(parts)


def _with_cost(proposal: Proposal, outcome: ModelOutcome) -> Proposal:
    reply = outcome.reply
    return with_failure(replace(proposal, tokens=reply.tokens, price=reply.price), outcome.failure)
