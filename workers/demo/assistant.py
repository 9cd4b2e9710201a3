"""Scenario 5: the assistant answers a burst of three messages once, hands over, and a colleague goes on."""

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
from workers.sandbox_control import Sandbox

ASKING = "919876500050"
"""The number of the only customer that gets answers of the assistant."""

RULES = f"""
lanes = ["default"]
mode = "live"
only = ["{ASKING}"]
"""

_BURST = ("Hello", "where is my order?", "and is there parking")
_REQUEST = "kisi insaan se baat karao"
_COLLEAGUE = "Ravi here. Your parcel is with the courier."
_AFTERWARDS = "thank you. do you accept UPI?"

_ENDS = ["sent", "handed-over"]
"""What becomes of the turns: an answer to the burst, and the hand-over. Nothing after the colleague."""


class AssistedCustomer:
    """Act as the customer and as the colleague, and check who answers."""

    def __init__(self, database: Database, sandbox: Sandbox, environment: Mapping[str, str]) -> None:
        self._database = database
        self._sandbox = sandbox
        self._environment = dict(environment)
        self._turns: list[ProposedAnswer] = []
        self._chat: Chat | None = None
        self._replying: subprocess.Popen[bytes] | None = None
        self._asked = self._thanked = False

    def start(self) -> None:
        for words in _BURST:
            self._sandbox.customer(ASKING, words)

    def advance(self) -> None:
        """Ask for a person after the answer, reply as one after the hand-over, and write as the customer again."""
        if self.over:
            return
        self._load()
        outcomes = [turn.outcome for turn in self._turns]
        if not self._asked and outcomes == _ENDS[:1]:
            self._sandbox.customer(ASKING, _REQUEST)
            self._asked = True
        if not self._replying and outcomes == _ENDS:
            self._replying = self._reply()
        if not self._thanked and self._said(_COLLEAGUE):
            self._sandbox.customer(ASKING, _AFTERWARDS)
            self._thanked = True

    @property
    def over(self) -> bool:
        ended = [turn.outcome for turn in self._turns] == _ENDS
        mode = self._chat.conversation.mode if self._chat else None
        return ended and mode == "person" and self._said(_AFTERWARDS)

    def table(self) -> Table:
        shown = Table("conversation", "what came of it", "", box=None)
        for asked, turn in zip(("asks in three messages", "asks for a person"), self._turns, strict=False):
            shown.add_row(asked, f"the assistant answers once, by {turn.source}: {turn.outcome}", turn.summary or "")
        if self._said(_COLLEAGUE):
            shown.add_row("gets the reply of a colleague", "the conversation is the colleague's", "")
        if self._said(_AFTERWARDS):
            shown.add_row("writes again", "the assistant is silent", "")
        return shown

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
