"""A talk, its sources, and the model of the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from harkara.assistant.model import ModelPrompt, Quoted, make_prompt
from harkara.assistant.model_rules import ModelRules
from harkara.assistant.openai_model import OpenAIModel
from harkara.assistant.talk import Said, Talk
from tests.integration.sandbox.process import Sandbox

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ASHA = "919812345678"
HOURS = Quoted("faq:hours", "We are open from 10 to 6 on all days but Sunday.")
RULES: dict[str, Any] = {
    "name": "stand-in",
    "prompt": "You answer for {business}, {tone}.",
    "price-read": 100,
    "price-written": 400,
}


def talk(*texts: str) -> Talk:
    said = tuple(Said(by="customer", text=text, at=NOW + timedelta(seconds=at)) for at, text in enumerate(texts))
    return Talk(lane="default", person="p1", number=ASHA, name="Asha Rao", revision=1, now=NOW, said=said)


def prompt(question: str, *sources: Quoted) -> ModelPrompt:
    return make_prompt(talk(question), [question], sources or (HOURS,))


def rules(url: str, **changed: Any) -> ModelRules:
    return ModelRules.model_validate(RULES | {"url": f"{url}/v1"} | changed)


@contextmanager
def model_at(url: str, **changed: Any) -> Iterator[OpenAIModel]:
    model = OpenAIModel(rules(url, **changed), "sk-test-1", "Asha's Flowers")
    try:
        yield model
    finally:
        model.close()


def requests_of(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the bodies of the requests to the model."""
    return [json.loads(entry["raw"]) for entry in sandbox.get("/_sandbox/model")["requests"]]
