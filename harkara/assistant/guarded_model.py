"""A model that is not asked while it is halted: after failures, all workers give it time together."""

from __future__ import annotations

from collections.abc import Callable

from harkara.assistant.breaker import MayAsk
from harkara.assistant.model import LanguageModel, ModelFailure, ModelPrompt, ModelReply, Tools

_HALTED = ModelReply(ModelFailure("halted", "the model is halted after failures"))


class GuardedModel:
    """Asks the model if `may_ask` allows it. `record` gets True for each failure, and False when a probe succeeds.

    Threads may share it.
    """

    def __init__(self, model: LanguageModel, may_ask: Callable[[], MayAsk], record: Callable[[bool], object]) -> None:
        self._model = model
        self._may_ask = may_ask
        self._record = record

    def ask(self, prompt: ModelPrompt, tools: Tools | None = None) -> ModelReply:
        """As `LanguageModel.ask`, but raises what `may_ask` and `record` raise, such as Unavailable."""
        if (allowed := self._may_ask()) == "no":
            return _HALTED
        reply = self._model.ask(prompt, tools)
        failed = isinstance(reply.result, ModelFailure) and reply.result.counts
        if failed or allowed == "probe":
            self._record(failed)
        return reply
