"""Random actions in random order break no promise: the audit and the test's own model agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, select

from harkara.errors import Conflict
from harkara.ledger.audit import audit
from harkara.ledger.audit_rules import LINES, MESSAGES, POSTS
from harkara.ledger.database import Database
from harkara.ledger.halts import active_halts, park
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.commands import Decision, cancel, resolve
from harkara.ledger.tables import alias, attempt, halt, message, trace
from harkara.ledger.transaction import Row
from harkara.outcomes import Accepted, Cancelled, Outcome, Pause, Refused, Uncertain, Wait
from harkara.states import Action
from tests.integration.ledger.state_changes import StateChanges, declared, recorded_state_changes
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    PARKED,
    accept_messages,
    age_messages,
    begin_posts,
    claim_messages,
    dispatch_all,
    marketing,
    otp,
    record_outcome,
    reply,
    row,
    run_sweep,
    unpark,
)

LANES = ("default", "other")
PICK = st.integers(0, 1_000_000)
ANSWERS: tuple[Outcome, ...] = (
    ACCEPTED,
    LOST,
    Uncertain("502", "Bad gateway", 0.0, 502),
    Refused("100", "Bad parameter", "Correct it.", 400),
    Wait(0, "429", "Too fast", status=429),
    Wait(0, "503", "Busy", spent=True, status=503),
    PARKED,
    Wait(0, "401", "Token", pause=Pause("lane", None, "401", "Token refused")),
    Wait(0, "refused", "No connection", pause=Pause("lane", 5.0, "refused", "Not reachable")),
)
STOPS: tuple[Outcome, ...] = (Wait(0, "lane-limit", "No slot"), Cancelled("expired", "Too late."))


@dataclass
class HeldClaim:
    """A claim that a worker holds, or believes that it holds."""

    claimed: Claimed
    posted: bool = False
    answer: Outcome | None = None


@dataclass
class Known:
    """What the test has seen of one message."""

    posts: list[HeldClaim] = field(default_factory=list)
    accepted: bool = False
    final: Row | None = None


class Life(RuleBasedStateMachine):
    def __init__(self, db: Database, changes: StateChanges) -> None:
        super().__init__()
        self.db = db
        self.changes = changes
        self.actions: tuple[Action, ...] = ()
        self.held: list[HeldClaim] = []
        self.known: dict[str, Known] = {}
        with db.write() as tx:
            for table in (trace, attempt, alias, halt, message):
                tx.execute(delete(table))

    @rule(kind=st.sampled_from([reply, otp, marketing]), lane=st.sampled_from(LANES), number=st.integers(1, 3))
    def accept(self, kind: Any, lane: str, number: int) -> None:
        self.actions = (Action.ACCEPT,)
        for identity in accept_messages(self.db, *(kind(n, lane=lane) for n in range(number))):
            self.known[identity] = Known()

    @rule()
    def dispatch(self) -> None:
        self.actions = (Action.DISPATCH,)
        released = dispatch_all(self.db, *LANES)
        parked = {h.lane for h in self.halts() if not h.probing}
        assert not parked & {row(self.db, identity)["lane"] for identity in released}

    @precondition(lambda self: self.known)
    @rule(picks=st.lists(PICK, min_size=1, max_size=4))
    def claim(self, picks: list[int]) -> None:
        self.actions = (Action.CLAIM,)
        ids = {self.chosen(pick) for pick in picks}
        self.held += [HeldClaim(claimed) for claimed in claim_messages(self.db, *ids)]

    @precondition(lambda self: self.held)
    @rule(picks=st.lists(PICK, min_size=1, max_size=4), committed=st.booleans())
    def begin(self, picks: list[int], committed: bool) -> None:
        """Without `committed` the answer to the commit is lost: no POST, and the message is given back either way."""
        self.actions = (Action.BEGIN, Action.GATE, Action.RECORD)
        claims = {id(h): h for pick in picks if not (h := self.held[pick % len(self.held)]).posted}.values()
        if not claims:
            return
        allowed = {(h.claimed.id, h.claimed.epoch) for h in claims if self.holds(h)}
        assert begin_posts(self.db, *(h.claimed for h in claims)) == allowed
        for held in claims:
            if not committed:
                self.end(held, Wait(0, "worker-trouble", "The ledger could not be asked."), posted=False)
                self.end(held, Wait(0, "worker-trouble", "The ledger could not be asked."), posted=True)
                self.held.remove(held)
            elif (held.claimed.id, held.claimed.epoch) in allowed:
                self.post(held)

    @precondition(lambda self: self.held)
    @rule(pick=PICK, answer=st.sampled_from(ANSWERS), stop=st.sampled_from(STOPS), twice=st.booleans())
    def finish(self, pick: int, answer: Outcome, stop: Outcome, twice: bool) -> None:
        self.actions = (Action.GATE, Action.RECORD)
        held = self.held[pick % len(self.held)]
        held.answer = (held.answer or answer) if held.posted else stop
        self.known[held.claimed.id].accepted |= isinstance(held.answer, Accepted)
        self.end(held, held.answer, posted=held.posted)
        if not twice:
            self.held.remove(held)

    @rule(seconds=st.sampled_from([0, 11, 31, 700, 90_000]), resend=st.sampled_from([None, 0.0, 20.0]))
    def sweep(self, seconds: float, resend: float | None) -> None:
        self.actions = (Action.SWEEP, Action.RESEND, Action.EXPIRE)
        age_messages(self.db, seconds)
        run_sweep(self.db, resend_after=resend)

    @precondition(lambda self: self.known)
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        self.actions = (Action.CANCEL,)
        cancel(self.db, [self.chosen(pick)], by="a test")

    @precondition(lambda self: self.known)
    @rule(pick=PICK, decision=st.sampled_from(["sent", "resend", "drop"]))
    def resolve(self, pick: int, decision: Decision) -> None:
        self.actions = (Action.RESOLVE,)
        try:
            resolve(self.db, self.chosen(pick), decision, by="a test")
        except Conflict:
            pass

    @rule(lane=st.sampled_from(LANES), stop=st.booleans())
    def park(self, lane: str, stop: bool) -> None:
        self.actions = ()
        if stop:
            park(self.db, lane, "Wait.")
        else:
            unpark(self.db, lane)

    @invariant()
    def the_audit_of_messages_finds_nothing(self) -> None:
        assert audit(self.db, sections=(MESSAGES, POSTS, LINES)).findings == []

    def teardown(self) -> None:
        assert audit(self.db).findings == []

    @invariant()
    def every_change_of_state_is_declared(self) -> None:
        assert self.changes.pop() <= declared(self.actions)

    @invariant()
    def each_message_is_what_the_test_has_seen(self) -> None:
        stored = self.stored()
        assert stored.keys() == self.known.keys(), "no message is lost"
        for identity, known in self.known.items():
            kept = stored[identity]
            assert len(known.posts) <= kept["claims"], "nothing is sent more often than claimed"
            assert known.final in (None, self.without_moments(kept)), "what is final never changes"
            if kept["state"] in ("failed", "cancelled"):
                known.final = self.without_moments(kept)
            if known.accepted and kept["code"] != "dropped":
                assert kept["state"] in ("accepted", "failed"), "what Chat Mitra accepted is accepted"

    def post(self, held: HeldClaim) -> None:
        """Before this POST, all others provably did not arrive, or the message is flagged."""
        known = self.known[held.claimed.id]
        none_arrived = all(isinstance(earlier.answer, Wait | Refused) for earlier in known.posts)
        assert none_arrived or row(self.db, held.claimed.id)["maybe_duplicate"]
        assert not known.accepted
        held.posted = True
        known.posts.append(held)

    def end(self, held: HeldClaim, outcome: Outcome, *, posted: bool) -> None:
        record_outcome(self.db, held.claimed, outcome, posted=posted)

    def holds(self, held: HeldClaim) -> bool:
        kept = row(self.db, held.claimed.id)
        with self.db.read() as tx:
            return bool(
                kept["state"] == "claimed" and kept["epoch"] == held.claimed.epoch and kept["lease_until"] > tx.now
            )

    def stored(self) -> dict[str, Row]:
        with self.db.read() as tx:
            return {row["id"]: row for row in tx.rows(select(message))}

    def halts(self) -> Any:
        with self.db.read() as tx:
            return active_halts(tx)

    def chosen(self, pick: int) -> str:
        return list(self.known)[pick % len(self.known)]

    @staticmethod
    def without_moments(kept: Row) -> Row:
        """Return the row without the moments that the test itself moves."""
        return {name: value for name, value in kept.items() if not name.endswith(("_at", "_until"))}


@pytest.mark.timeout(300)
def test_random_actions_break_no_promise(db: Database) -> None:
    with recorded_state_changes(db) as changes:
        run_state_machine_as_test(
            lambda: Life(db, changes),  # type: ignore[arg-type]  # a factory serves as well as the class
            settings=settings(max_examples=20 if db.sqlite else 6, stateful_step_count=30, derandomize=True),
        )
