"""Read a conversation as the assistant gets it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from sqlalchemy import select

from harkara.assistant.talk import Said, Speaker, Talk
from harkara.assistant.voice import REENGAGED
from harkara.conversation import ChatEntry
from harkara.ledger.conversations.chat import load_messages
from harkara.ledger.conversations.due_turns import ClaimedTurn
from harkara.ledger.conversations.entries import DASHBOARD, Parse
from harkara.ledger.conversations.people import load_participants
from harkara.ledger.database import Database
from harkara.ledger.tables import conversation

ASSISTANT = "assistant"
"""The producer of the answers."""

MOST_SAID = 40
REPEATS, REPEATED_WITHIN = 3, timedelta(minutes=1)
"""So many identical texts within this time come from a bot."""

_INTERRUPTS = timedelta(seconds=30)
"""A message of the application that is sent so soon after words of the customer answers nothing of them."""

_ANSWERED = timedelta(days=3)
"""How long before the topic an answered reminder may lie for its answer to be one of the words of the burst."""


def load_talk(db: Database, turn: ClaimedTurn, parse: Parse) -> Talk | None:
    """Return the conversation, None for a person who is gone or refuses messages. Raises Unavailable."""
    with db.read(snapshot=True) as tx:
        person, now = load_participants(tx, [turn.person]).get(turn.person), tx.now
        if person is None or person.state.objection("reply"):
            return None
        of_person = (conversation.c.lane == turn.lane, conversation.c.person == turn.person)
        name = tx.execute(select(conversation.c.name).where(*of_person)).scalar()
        entries = load_messages(tx, person, parse, MOST_SAID)
    said = _with_burst_last([*_said(entries, turn)])
    return Talk(
        lane=turn.lane,
        person=turn.person,
        number=person.number,
        name=name,
        revision=turn.revision,
        now=now,
        said=_continued(said) if turn.mode_cause == REENGAGED else said,
        greeted=turn.greeted,
    )


def is_bot(talk: Talk) -> bool:
    """Return whether the customer's last texts are identical and came too fast for a person.

    Photos have no text: a person sends several at once.
    """
    last = [one for one in talk.said if one.by == "customer"][-REPEATS:]
    same = len(last) == REPEATS and last[0].text != "" and len({one.text for one in last}) == 1
    return same and last[-1].at - last[0].at <= REPEATED_WITHIN


def _said(entries: Iterable[ChatEntry], turn: ClaimedTurn) -> Iterator[Said]:
    """Yield the messages of the topic, and answered reminders from before it.

    A person of the business is who sends what is neither a template nor ours.
    """
    for entry in entries:
        text = _text(entry)
        since = turn.topic_at and (turn.topic_at - _ANSWERED if entry.answer else turn.topic_at)
        if text is None or (since and entry.at < since):
            continue
        button = (entry.content or {}).get("payload") if entry.direction == "received" else None
        tapped = button if isinstance(button, str) else None
        yield Said(by=_speaker(entry), text=text, at=entry.at, button=tapped, answer=entry.answer)


def _with_burst_last(said: list[Said]) -> tuple[Said, ...]:
    """Return the messages with the customer's last ones at the end, since a turn is due only after them.

    WhatsApp counts whole seconds by its own clock, so that they may seem older than our last message; and a reminder
    may have been sent since, or between two of them.
    """
    end = next((i for i in range(len(said), 0, -1) if said[i - 1].by == "customer"), 0)
    start = next((i for i in range(end, 0, -1) if said[i - 1].by != "customer" and not _interrupts(said, i - 1)), 0)
    burst = [one for one in said[start:end] if one.by == "customer"]
    others = [one for one in said[start:end] if one.by != "customer"]
    return (*said[:start], *others, *said[end:], *burst)


def _interrupts(said: list[Said], at: int) -> bool:
    """Whether a message of the application was sent while the customer wrote."""
    before = next((one for one in reversed(said[:at]) if one.by != "application"), None)
    if said[at].by != "application" or before is None or before.by != "customer":
        return False
    return said[at].at - before.at <= _INTERRUPTS


def _continued(said: tuple[Said, ...]) -> tuple[Said, ...]:
    """Return the talk as if the customer asked again what got no answer: without the YES and what we said before."""
    yes = next((i for i in range(len(said), 0, -1) if said[i - 1].by != "customer"), 0)
    asked = next((i for i in range(yes, 0, -1) if said[i - 1].by == "customer"), 0)
    return (*said[:asked], *said[yes + 1 :]) if asked else said


def _speaker(entry: ChatEntry) -> Speaker:
    if entry.direction == "received":
        return "customer"
    if entry.source == ASSISTANT:
        return "assistant"
    return "person" if entry.source == DASHBOARD or entry.category == "reply" else "application"


def _text(entry: ChatEntry) -> str | None:
    """Return all texts of an answer, which is one request with several messages."""
    if entry.direction == "sent" and isinstance(messages := (entry.content or {}).get("messages"), list):
        payloads = [each.get("payload") or {} for each in messages]
        texts = [p["text"]["body"] for p in payloads if isinstance(p.get("text"), dict)]
        texts += [p["interactive"]["body"]["text"] for p in payloads if isinstance(p.get("interactive"), dict)]
        return "\n".join(texts) or entry.text
    return entry.text
