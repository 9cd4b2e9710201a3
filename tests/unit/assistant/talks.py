"""Talks and assistants of the tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from harkara.assistant.answering import Assistant
from harkara.assistant.model import ModelAnswer, ModelFailure, ModelPrompt, ModelReply, Quoted, Tools
from harkara.assistant.rules import AssistantRules
from harkara.assistant.talk import Said, Speaker, Talk
from harkara.inbound.words import Words
from tests.unit.assistant.shipped import CONFIG, FAQ, INDEX

WORDS = Words.load(CONFIG / "words.toml")
RULES = AssistantRules.load(CONFIG / "assistant.toml")
MONDAY = datetime(2027, 1, 11, 6, 0, tzinfo=UTC)
"""11:30 in India."""
KOLKATA = ZoneInfo("Asia/Kolkata")


class ScriptedModel:
    """A model that gives one answer, and keeps what it was asked."""

    def __init__(self, result: ModelAnswer | ModelFailure, quoted: Sequence[Quoted] = ()) -> None:
        self.result = result
        self.quoted = tuple(quoted)
        self.asked: list[ModelPrompt] = []

    def ask(self, prompt: ModelPrompt, tools: Tools | None = None) -> ModelReply:
        self.asked.append(prompt)
        return ModelReply(self.result, self.quoted, tokens_read=90, tokens_written=10, price=7)


def model_says(text: str, *citations: str, hand_over: bool = False, quoted: Sequence[Quoted] = ()) -> ScriptedModel:
    return ScriptedModel(ModelAnswer(text, citations, hand_over, ""), quoted)


def assistant(model: ScriptedModel | None = None, **rules: Any) -> Assistant:
    """The assistant with the configuration that ships; `rules` replace sections of config/assistant.toml."""
    changed = AssistantRules.model_validate({"lanes": ["default"], **rules}) if rules else RULES
    return Assistant(changed, WORDS, FAQ, INDEX, zone_of=lambda lane: KOLKATA, model=model)


def said(*lines: str | tuple[Speaker, str]) -> tuple[Said, ...]:
    """Messages; a `str` is one of the customer."""
    spoken = [("customer", line) if isinstance(line, str) else line for line in lines]
    return tuple(
        Said(by=by, text=text, at=MONDAY + timedelta(seconds=at))  # type: ignore[arg-type]  # a Speaker
        for at, (by, text) in enumerate(spoken)
    )


def talk(*lines: str | tuple[Speaker, str], greeted: bool = True, now: datetime = MONDAY) -> Talk:
    return Talk(
        lane="default",
        person="p1",
        number="919876543210",
        name="Meera Nair",
        revision=1,
        now=now,
        said=said(*lines),
        greeted=greeted,
    )
