"""Accept answers every mix of messages as a model of its rules does, whatever waits, is on hold or has opted out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import insert, select, update

from harkara.errors import Conflict, Invalid
from harkara.inbound.contact import ContactState
from harkara.ledger.database import Database
from harkara.ledger.halts import hold_producer, release_producer
from harkara.ledger.messages.accept import MAX_DIRECT_HINTS, accept
from harkara.ledger.tables import contact, message
from harkara.messages import Envelope, Text
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.steps import marketing, otp, reply

HOUR = timedelta(hours=1)
LANES = ("default", "pune")
PRODUCERS = ("shop", "campaign")
PEOPLE = {
    0: ContactState(stopped="everything", chosen_at=datetime(2026, 1, 2, tzinfo=UTC)),
    1: ContactState(stopped="marketing", chosen_at=datetime(2026, 1, 2, tzinfo=UTC)),
    2: ContactState(
        stopped="everything",
        chosen_at=datetime(2026, 1, 2, tzinfo=UTC),
        wrote_at=datetime(2026, 1, 3, tzinfo=UTC),
    ),
    3: ContactState(agreed_at=datetime(2026, 1, 2, tzinfo=UTC), chosen_at=datetime(2026, 1, 2, tzinfo=UTC)),
}
"""What is known about the first persons of the lane `default`; the others are unknown."""


@dataclass
class Stored:
    envelope: Envelope
    state: str


@dataclass
class Model:
    """The rules of `accept`, as plain values."""

    stored: dict[str, Stored] = field(default_factory=dict)
    held: set[tuple[str, str]] = field(default_factory=set)
    unswept: bool = False

    def accept(self, envelopes: Sequence[Envelope], *, keep_refused: bool) -> tuple[list[object], set[str]]:
        """Return what each answer says, and the ids that are hinted."""
        now = datetime.now(UTC)
        late = {each.id for each in envelopes if each.expires and each.expires <= now and not keep_refused}
        refused = {each.id: why for each in envelopes if (why := self._objection(each))}
        fine = [each for each in envelopes if each.id not in late | refused.keys()]
        direct = {each.id for each in fine if self._is_direct(each, now) and len(fine) <= MAX_DIRECT_HINTS}
        unwanted = [each for each in envelopes if each.id in refused and each.id not in late and keep_refused]
        new = set()
        for each in (*_in_order(fine), *_in_order(unwanted)):
            if self._find(each) is None:
                state = "cancelled" if each.id in refused else "queued" if each.id in direct else "waiting"
                self.stored[each.id] = Stored(each, state)
                new.add(each.id)
        answers = [self._answer(each, each.id in new, late, refused) for each in envelopes]
        return answers, {identity for identity in new if self.stored[identity].state == "queued"}

    def _objection(self, envelope: Envelope) -> str | None:
        known = PEOPLE.get(int(envelope.to[-5:])) if envelope.lane == "default" else None
        return known.objection(envelope.category) if known else None

    def _is_direct(self, envelope: Envelope, now: datetime) -> bool:
        if self.unswept or (envelope.at and envelope.at > now):
            return False
        waiting = (each.envelope for each in self.stored.values() if each.state == "waiting")
        backlog = any(
            each.lane == envelope.lane
            and not (each.at and each.at > now)
            and (each.lane, each.producer) not in self.held
            for each in waiting
        )
        return envelope.priority == 0 or not backlog

    def _find(self, envelope: Envelope) -> Stored | None:
        if envelope.id in self.stored:
            return self.stored[envelope.id]
        key = (envelope.lane, envelope.reference)
        same = (each for each in self.stored.values() if (each.envelope.lane, each.envelope.reference) == key)
        return next(same, None) if envelope.reference else None

    def _answer(self, envelope: Envelope, new: bool, late: set[str], refused: dict[str, str]) -> object:
        before = self._find(envelope)
        if before is None and envelope.id in late:
            return ("expires", "has passed already")
        if before is None:
            return ("to", refused[envelope.id])
        if before.envelope.body_json() != envelope.body_json():
            return f"reference {envelope.reference!r} already belongs to another message in lane {envelope.lane}"
        return (before.envelope.id, new)


def _in_order(envelopes: Sequence[Envelope]) -> list[Envelope]:
    return sorted(envelopes, key=lambda each: (each.lane, each.reference or "", each.id))


def said(answer: object) -> object:
    """Return what an answer says, as the model says it."""
    if isinstance(answer, Invalid):
        return (answer.field, answer.rule)
    if isinstance(answer, Conflict):
        return str(answer).partition(":")[0]
    return (answer.id, answer.new)  # type: ignore[attr-defined]


def random_envelope(random: Random, known: Sequence[Envelope]) -> Envelope:
    if known and random.random() < 0.1:
        return random.choice(known)
    options: dict[str, object] = {"lane": random.choice(LANES), "producer": random.choice(PRODUCERS)}
    if random.random() < 0.4:
        options["reference"] = f"r{random.randrange(30)}"
    if random.random() < 0.15:
        options["at"] = datetime.now(UTC) + random.choice((-HOUR, HOUR))
    if random.random() < 0.15 and "at" not in options:
        options["expires"] = datetime.now(UTC) + random.choice((-HOUR, HOUR))
    kind = random.choice((reply, reply, otp, marketing))
    if kind is reply and random.random() < 0.2:
        options["messages"] = [Text(f'Your "order" is\n{random.randrange(2)} 🎉')]
    return kind(random.randrange(8), **options)


def change_the_world(random: Random, db: Database, model: Model) -> None:
    """Hold or release a producer, let a lease run out or be swept, or drain the backlog of a lane."""
    lane, producer = random.choice(LANES), random.choice(PRODUCERS)
    queued = [identity for identity, each in model.stored.items() if each.state == "queued"]
    match random.randrange(6):
        case 0:
            with db.write() as tx:
                hold_producer(tx, lane, producer, "campaign-paused", "It is paused.")
            model.held.add((lane, producer))
        case 1:
            with db.write() as tx:
                release_producer(tx, lane, producer)
            model.held.discard((lane, producer))
        case 2 if queued:
            model.unswept = not model.unswept
            lease = datetime.now(UTC) + (-HOUR if model.unswept else HOUR)
            with db.write() as tx:
                tx.execute(update(message).where(message.c.id.in_(queued)).values(lease_until=lease))
        case 3:
            with db.write() as tx:
                waiting = (message.c.lane == lane, message.c.state == "waiting")
                tx.execute(update(message).where(*waiting).values(state="failed"))
            for each in model.stored.values():
                if each.envelope.lane == lane and each.state == "waiting":
                    each.state = "failed"


@pytest.mark.parametrize("seed", range(3))
def test_every_mix_of_messages_gets_the_answers_of_the_rules(db: Database, seed: int) -> None:
    random, model = Random(seed), Model()
    with db.write() as tx:
        for n, known in PEOPLE.items():
            names = {"wrote_at": known.wrote_at, "agreed_at": known.agreed_at, "wished_at": known.chosen_at}
            tx.execute(insert(contact), {"lane": "default", "recipient": reply(n).to, "stopped": known.stopped} | names)
    known_envelopes: list[Envelope] = []
    for turn in range(40):
        change_the_world(random, db, model)
        number = MAX_DIRECT_HINTS + 8 if turn % 20 == 15 else random.choice((1, 1, 1, 2, 5))
        batch = list({(each := random_envelope(random, known_envelopes)).id: each for _ in range(number)}.values())
        known_envelopes += batch
        keep = random.random() < 0.2
        expected, hinted = model.accept(batch, keep_refused=keep)
        answers, hints = accept(db, batch, deadlines=DEADLINES, queued_seconds=3600, keep_refused=keep)
        assert [said(each) for each in answers] == expected
        assert set(hints) == {(identity, model.stored[identity].envelope.priority) for identity in hinted}
    with db.read() as tx:
        states = dict(tx.load(lambda *row: row, select(message.c.id, message.c.state)))
    assert states == {identity: each.state for identity, each in model.stored.items()}
