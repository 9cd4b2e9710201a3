"""The fixed sentences of the assistant: the sections [business] and [sentences] of config/assistant.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from harkara.assistant.knowledge.language import CustomerLanguage
from harkara.assistant.message_form import script_of
from harkara.messages.text_rules import TextRule

SentenceName = Literal[
    "greeting", "hello", "thanks", "robot", "asked", "anger", "repeated", "robot-again", "unknown", "media", "backup"
]


_RULE = TextRule(250, lines=True)
_PLACE = re.compile(r"\{(?:business|time|day)\}")


def _one_script(value: str) -> str:
    """Validate a sentence without its places: what fills them is in the script of the sentence, or has none."""
    bare = _PLACE.sub("1", value)
    if "{" in bare or "}" in bare:
        raise ValueError("may have {business}, {time} and {day} in braces, and nothing else")
    _RULE(bare)
    return value


Sentence = Annotated[str, AfterValidator(_one_script)]


class BusinessNames(BaseModel):
    """What the assistant calls the business, in each script."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(TextRule(60))] = "our shop"
    name_hi: Annotated[str, AfterValidator(TextRule(60))] = Field(default="हमारी दुकान", alias="name-hi")

    @model_validator(mode="after")
    def _in_its_script(self) -> Self:
        if script_of(self.name) not in ("latin", None):
            raise ValueError("name must be in Latin letters; name-hi is the one in Devanagari")
        if script_of(self.name_hi) not in ("devanagari", None):
            raise ValueError("name-hi must be in Devanagari; name is the one in Latin letters")
        return self


class FixedSentences(BaseModel):
    """The sentences in one language."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=lambda name: name.replace("_", "-"))

    greeting: Sentence
    hello: Sentence
    thanks: Sentence
    robot: Sentence
    asked: Sentence
    anger: Sentence
    repeated: Sentence
    robot_again: Sentence
    unknown: Sentence
    media: Sentence
    backup: Sentence
    back_today: Sentence
    back_tomorrow: Sentence
    back_on: Sentence
    days: Annotated[tuple[Sentence, ...], Field(min_length=7, max_length=7)]

    def back(self, at: datetime, now: datetime) -> str:
        """Return the sentence that says when people are back; both times are local."""
        time = f"{at:%H:%M}"
        after = at.date() - now.date()
        if not after:
            return self.back_today.replace("{time}", time)
        if after == timedelta(days=1):
            return self.back_tomorrow.replace("{time}", time)
        day = self.days[at.weekday()] if after < timedelta(days=7) else f"{at:%d-%m-%Y}"
        return self.back_on.replace("{day}", day).replace("{time}", time)


SHIPPED: Final[Mapping[str, Mapping[str, Any]]] = {
    "en": {
        "greeting": "🤖 I'm the assistant of {business}. Reply AGENT for a person.",
        "hello": "How can I help you?",
        "thanks": "You're welcome.",
        "robot": "Yes, I am an automatic assistant, not a person.",
        "asked": "Of course. A colleague goes on with you here.",
        "anger": "I'm sorry about this. A colleague goes on with you here.",
        "repeated": "My answer did not help, I'm sorry. A colleague goes on with you here.",
        "robot-again": "I am an automatic assistant. A colleague goes on with you here.",
        "unknown": "Let me check that for you. A colleague answers you here.",
        "media": "I cannot open photos and recordings. A colleague looks at it and answers you here.",
        "backup": "We are connecting you with our team.",
        "back-today": "Our team is back today at {time}.",
        "back-tomorrow": "Our team is back tomorrow at {time}.",
        "back-on": "Our team is back on {day} at {time}.",
        "days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    },
    "hi": {
        "greeting": "🤖 मैं {business} का सहायक हूँ। किसी व्यक्ति से बात करने के लिए एजेंट लिखें।",
        "hello": "बताइए, क्या मदद चाहिए?",
        "thanks": "आपका स्वागत है।",
        "robot": "जी, मैं एक स्वचालित सहायक हूँ, कोई व्यक्ति नहीं।",
        "asked": "ज़रूर। अब हमारे सहकर्मी आपसे यहीं बात करेंगे।",
        "anger": "इस परेशानी के लिए हमें खेद है। अब हमारे सहकर्मी आपसे यहीं बात करेंगे।",
        "repeated": "क्षमा करें, मेरे जवाब से मदद नहीं मिली। अब हमारे सहकर्मी आपसे यहीं बात करेंगे।",
        "robot-again": "मैं एक स्वचालित सहायक हूँ। अब हमारे सहकर्मी आपसे यहीं बात करेंगे।",
        "unknown": "हम यह देखकर बताते हैं। हमारे सहकर्मी आपको यहीं जवाब देंगे।",
        "media": "मैं फ़ोटो और रिकॉर्डिंग नहीं खोल सकता। हमारे सहकर्मी इसे देखकर यहीं जवाब देंगे।",
        "backup": "हम आपको अपनी टीम से जोड़ रहे हैं।",
        "back-today": "हमारी टीम आज {time} बजे से उपलब्ध है।",
        "back-tomorrow": "हमारी टीम कल {time} बजे से उपलब्ध है।",
        "back-on": "हमारी टीम {day} को {time} बजे से उपलब्ध है।",
        "days": ["सोमवार", "मंगलवार", "बुधवार", "गुरुवार", "शुक्रवार", "शनिवार", "रविवार"],
    },
    "hi-Latn": {
        "greeting": "🤖 Main {business} ka assistant hoon. Kisi vyakti se baat karne ke liye AGENT likhiye.",
        "hello": "Bataiye, kya madad chahiye?",
        "thanks": "Aapka swagat hai.",
        "robot": "Ji, main ek automatic assistant hoon, koi vyakti nahi.",
        "asked": "Zaroor. Ab hamare colleague aapse yahin baat karenge.",
        "anger": "Is pareshani ke liye hamein khed hai. Ab hamare colleague aapse yahin baat karenge.",
        "repeated": "Maaf kijiye, mere jawab se madad nahi mili. Ab hamare colleague aapse yahin baat karenge.",
        "robot-again": "Main ek automatic assistant hoon. Ab hamare colleague aapse yahin baat karenge.",
        "unknown": "Hum yeh dekhkar batate hain. Hamare colleague aapko yahin jawab denge.",
        "media": "Main photo aur recording nahi khol sakta. Hamare colleague ise dekhkar yahin jawab denge.",
        "backup": "Hum aapko apni team se jod rahe hain.",
        "back-today": "Hamari team aaj {time} baje se uplabdh hai.",
        "back-tomorrow": "Hamari team kal {time} baje se uplabdh hai.",
        "back-on": "Hamari team {day} ko {time} baje se uplabdh hai.",
        "days": ["Somvar", "Mangalvar", "Budhvar", "Guruvar", "Shukravar", "Shanivar", "Ravivar"],
    },
}
"""The sentences of config/assistant.toml, for files that lack some."""


class SentencesByLanguage(BaseModel):
    """The sentences in the languages of customers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: FixedSentences
    hi: FixedSentences
    hi_latn: FixedSentences = Field(alias="hi-Latn")

    @model_validator(mode="before")
    @classmethod
    def _with_those_that_ship(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        own = {language: given.get(language, {}) for language in SHIPPED}
        merged = {key: {**SHIPPED[key], **value} if isinstance(value, Mapping) else value for key, value in own.items()}
        return {**given, **merged}

    def of(self, language: CustomerLanguage) -> FixedSentences:
        """Return the sentences in this language."""
        return {"en": self.en, "hi": self.hi, "hi-Latn": self.hi_latn}[language]


def fixed_sentence(
    name: SentenceName, language: CustomerLanguage, by: SentencesByLanguage, names: BusinessNames
) -> str:
    """Return a sentence with the name of the business in its script."""
    sentence: str = getattr(by.of(language), name.replace("-", "_"))
    return sentence.replace("{business}", names.name_hi if language == "hi" else names.name)
