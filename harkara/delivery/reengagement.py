"""The round that asks who got no answer within 24 hours whether they still need help."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from harkara.assistant.rules import AssistantRules
from harkara.delivery.leased_rounds import Rounds
from harkara.lanes import Lane
from harkara.ledger.conversations.reengagement import ask_unanswered
from harkara.ledger.database import Database

log = structlog.get_logger(__name__)


class Reengagement:
    """Asks in the lanes that the assistant answers and that have a template for it, in one worker at a time."""

    def __init__(
        self,
        db: Database,
        rounds: Rounds,
        rules: AssistantRules,
        lanes: Mapping[str, Lane],
        deadlines: Mapping[str, float],
    ) -> None:
        self._db = db
        self._rounds = rounds
        self._rules = rules
        self._lanes = lanes
        self._deadlines = deadlines

    def ask(self) -> int:
        """Return how many people were asked. Raises Unavailable."""
        if not self._rules.lanes:
            return 0
        asked = self._rounds.run("reengage", self._ask) or 0
        if asked:
            log.info("people asked again", action="reengage", people=asked)
        return asked

    def _ask(self) -> int:
        return ask_unanswered(self._db, self._rules, self._lanes, self._deadlines)
