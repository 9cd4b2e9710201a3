"""The assistant that answers talks, from the files of `config/`."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from config.files import ConfigFiles
from harkara.assistant.answer_cache import AnswerCache
from harkara.assistant.answering import Assistant
from harkara.assistant.model import LanguageModel
from harkara.assistant.model_answer import OpenTools

if TYPE_CHECKING:
    from harkara.assistant.knowledge.retrieval import FaqIndex


def build_index(files: ConfigFiles) -> FaqIndex:
    """Return the index of the FAQ; build it once for each version of the files."""
    from harkara.assistant.knowledge.retrieval import FaqIndex  # imported here: it imports numpy

    return FaqIndex(files.faq, files.synonyms)


def build_assistant(
    files: ConfigFiles,
    index: FaqIndex,
    model: LanguageModel | None = None,
    tools: OpenTools | None = None,
    cache: AnswerCache | None = None,
) -> Assistant:
    """Return the assistant, with a model only if one is given."""

    def zone_of(lane: str) -> tzinfo:
        return files.lanes[lane].zone if lane in files.lanes else UTC

    return Assistant(
        files.assistant, files.words, files.faq, index, zone_of=zone_of, cache=cache, model=model, tools=tools
    )
