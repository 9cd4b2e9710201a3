"""The FAQ, the synonyms and the questions that Harkara ships."""

from __future__ import annotations

from pathlib import Path

from harkara.assistant.knowledge.expectations import load_expectations
from harkara.assistant.knowledge.faq import Faq
from harkara.assistant.knowledge.retrieval import FaqIndex
from harkara.assistant.knowledge.words import Synonyms

CONFIG = Path(__file__).resolve().parents[3] / "config"
FAQ = Faq.load(CONFIG / "faq.toml")
SYNONYMS = Synonyms.load(CONFIG / "synonyms.toml")
INDEX = FaqIndex(FAQ, SYNONYMS)
EXPECTATIONS = load_expectations(CONFIG / "faq.questions.csv")
