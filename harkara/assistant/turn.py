"""The turn of one talk: what the customer has just written, in which language, and what was asked before."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property

from harkara.assistant.knowledge.language import CustomerLanguage, detect_language
from harkara.assistant.knowledge.words import Vocabulary
from harkara.assistant.message_form import script_of
from harkara.assistant.privacy import TalkFilter
from harkara.assistant.talk import Said, Talk
from harkara.inbound.talk_words import SmallTalk, TalkWords
from harkara.inbound.word_lists import normalize


@dataclass(frozen=True)
class Turn:
    """A talk as the rules read it."""

    talk: Talk
    words: TalkWords
    vocabulary: Vocabulary

    @cached_property
    def messages(self) -> tuple[str, ...]:
        """What each message of the burst says; a tapped button without a title says its id."""
        return tuple(map(_text, self.talk.burst))

    @cached_property
    def language(self) -> CustomerLanguage:
        """The language of the burst, or without letters in it that of the customer's last words."""
        written = ["\n".join(self.messages), *map(_text, reversed(self._customer))]
        return detect_language(next((text for text in written if script_of(text)), ""), self.vocabulary)

    @cached_property
    def questions(self) -> tuple[str, ...]:
        """The messages of the burst that ask something, each once."""
        asking = [
            text for text in self.messages if not (self.words.small_talk(text) or self.words.asks_for_robot(text))
        ]
        return tuple({self._key(text): text for text in reversed(asking)}.values())[::-1]

    @cached_property
    def small_talk(self) -> frozenset[SmallTalk]:
        """What the burst has of small talk."""
        return frozenset(kind for text in self.messages if (kind := self.words.small_talk(text)))

    @cached_property
    def filtered(self) -> TalkFilter:
        """The filter of what leaves: it reads the whole talk, so it is made once."""
        return TalkFilter(self.talk)

    @property
    def has_media(self) -> bool:
        """Whether a message has neither text nor caption."""
        return not all(text.strip() for text in self.messages)

    @property
    def asks_for_robot(self) -> bool:
        """Whether the burst asks if a machine answers."""
        return self.any_message(self.words.asks_for_robot)

    @property
    def robot_times(self) -> int:
        """How often the customer has asked that in this talk."""
        return sum(self.words.asks_for_robot(_text(one)) for one in self._customer)

    @property
    def is_repeated(self) -> bool:
        """Whether the burst has a question that the assistant has answered before in this talk."""
        answered = [at for at, one in enumerate(self.talk.said) if one.by == "assistant"]
        earlier = self.talk.said[: answered[-1]] if answered else ()
        before = {self._key(_text(one)) for one in earlier if one.by == "customer"}
        return any(self._key(question) in before for question in self.questions)

    def any_message(self, holds: Callable[[str], bool]) -> bool:
        """Return whether a message of the burst does, or all of them read as one text."""
        return any(map(holds, (*self.messages, " ".join(self.messages))))

    @property
    def _customer(self) -> tuple[Said, ...]:
        return tuple(one for one in self.talk.said if one.by == "customer")

    def _key(self, text: str) -> Hashable:
        """What two ways to write a question share."""
        return tuple(sorted(term.key for term in self.vocabulary.terms(text))) or normalize(text) or text


def _text(said: Said) -> str:
    return said.text if said.text.strip() else said.button or ""
