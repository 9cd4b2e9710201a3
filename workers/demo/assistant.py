"""Scenario 5: the assistant answers from its FAQ and by a lookup, and a colleague goes on with an angry customer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from rich.table import Table

from config.environment import ROOT
from harkara.chatmitra.webhooks import parse
from harkara.conversation import Chat, ProposedAnswer
from harkara.errors import NotFound
from harkara.ledger.conversations.chat import get_chat
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.proposals import list_proposals
from harkara.ledger.database import Database
from workers.demo.application import Application
from workers.sandbox_control import Sandbox

ASKING = "919876500050"
"""The number of the only customer that gets answers of the assistant."""

ORDER = "ORD-1042"

_BURST = ("Hello", "where is my order?", "and is there parking")
_NUMBER = f"it is {ORDER}"
_ANGER = "bakwas service, 3 din se wait kar raha hoon!"
_COLLEAGUE = "Ravi here. I have called the courier."
_AFTERWARDS = "thank you. do you accept UPI?"

_ENDS = [("faq", "sent"), ("model", "sent"), ("rule", "handed-over")]
"""Source and outcome of the turns: the burst, the lookup by the model, the anger. Nothing after the colleague."""

_STEPS = ("asks in three messages", "names the order", "is angry")


def rules(model_url: str, lookup_url: str) -> str:
    """Return the configuration of the assistant, whose model is the one of the sandbox."""
    return f"""
lanes = ["default"]
mode = "live"
only = ["{ASKING}"]

[model]
url = "{model_url}"
name = "stand-in"
prompt = "You answer for {{business}}, {{tone}}, from the sources alone."

[[lookups]]
name = "order"
description = "Where one order of this customer is"
url = "{lookup_url}"
[lookups.arguments]
required = ["order"]
[lookups.arguments.properties.order]
type = "string"
description = "The number of the order"
pattern = "ORD-[0-9]{{1,8}}"
"""


class AssistedCustomer:
    """Act as the customer and as the colleague, and check who answers."""

    def __init__(
        self, database: Database, sandbox: Sandbox, application: Application, environment: Mapping[str, str]
    ) -> None:
        self._database = database
        self._sandbox = sandbox
        self._application = application
        self._environment = dict(environment)
        self._turns: list[ProposedAnswer] = []
        self._chat: Chat | None = None
        self._replying: subprocess.Popen[bytes] | None = None
        self._named = self._complained = self._thanked = False

    def start(self) -> None:
        for words in _BURST:
            self._sandbox.customer(ASKING, words)

    def advance(self) -> None:
        """Name the order after the first answer, complain after the second, reply as a colleague, and thank."""
        if self.over:
            return
        self._load()
        ends = self._ends()
        if not self._named and ends == _ENDS[:1]:
            self._sandbox.customer(ASKING, _NUMBER)
            self._named = True
        if not self._complained and ends == _ENDS[:2]:
            self._sandbox.customer(ASKING, _ANGER)
            self._complained = True
        if not self._replying and ends == _ENDS:
            self._replying = self._reply()
        if not self._thanked and self._said(_COLLEAGUE):
            self._sandbox.customer(ASKING, _AFTERWARDS)
            self._thanked = True

    @property
    def over(self) -> bool:
        mode = self._chat.conversation.mode if self._chat else None
        return self._ends() == _ENDS and mode == "person" and self._said(_AFTERWARDS) and self._looked_up() == [ORDER]

    def table(self) -> Table:
        shown = Table("conversation", "what came of it", "", box=None)
        for step, turn in zip(_STEPS, self._turns, strict=False):
            answer = turn.texts[-1].splitlines()[-1] if turn.texts else ""
            shown.add_row(step, f"the assistant answers once, by {turn.source}: {turn.outcome}", turn.summary or answer)
            if turn.source == "model":
                orders = ", ".join(self._looked_up())
                shown.add_row("", f"the application receives a lookup of order {orders}", "")
        if self._said(_COLLEAGUE):
            shown.add_row("gets the reply of a colleague", "the conversation is the colleague's", "")
        if self._said(_AFTERWARDS):
            shown.add_row("writes again", "the assistant is silent", "")
        return shown

    def _ends(self) -> list[tuple[str, str]]:
        return [(turn.source, turn.outcome) for turn in self._turns]

    def _looked_up(self) -> list[str]:
        """Return the orders of the lookups about this customer."""
        asked = [each for each in self._application.lookups if each["contact"]["number"] == ASKING]
        return [str(each["arguments"]["order"]) for each in asked]

    def _load(self) -> None:
        try:
            person = find_participant(self._database, ASKING)
        except NotFound:  # the first message is not applied yet
            return
        self._turns = list_proposals(self._database, person)
        self._chat = get_chat(self._database, person, parse)

    def _said(self, words: str) -> bool:
        return any(entry.text == words for entry in self._chat.entries) if self._chat else False

    def _reply(self) -> subprocess.Popen[bytes]:
        """Reply as a colleague does in a terminal; the other scenarios go on meanwhile."""
        command = [sys.executable, "-m", "harkara", "conversation", "reply", ASKING, _COLLEAGUE]
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL)
