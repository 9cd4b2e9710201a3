"""A model that is not asked while it is halted: after failures, all workers give it time together."""

from __future__ import annotations

from collections.abc import Callable

from harkara.assistant.model import LanguageModel, ModelFailure, ModelPrompt, ModelReply, Tools

_HALTED = ModelReply(ModelFailure("halted", "the model is halted after failures"))


class GuardedModel:
    """Asks the model if `may_ask` allows it, and gives `record` whether it failed. Threads may share it."""

    def __init__(self, model: LanguageModel, may_ask: Callable[[], bool], record: Callable[[bool], object]) -> None:
        self._model = model
        self._may_ask = may_ask
        self._record = record

    def ask(self, prompt: ModelPrompt, tools: Tools | None = None) -> ModelReply:
        """As `LanguageModel.ask`, but raises what `may_ask` and `record` raise, such as Unavailable."""
        if not self._may_ask():
            return _HALTED
        reply = self._model.ask(prompt, tools)
        self._record(isinstance(reply.result, ModelFailure) and reply.result.counts)
        return reply
