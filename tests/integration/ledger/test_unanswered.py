"""What customers asked without an answer is found from the turns, until the retention erases the texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import insert, text, update

from harkara.assistant.knowledge.gaps import Unanswered
from harkara.chatmitra.webhooks import parse
from harkara.ledger.conversations.gaps import list_unanswered
from harkara.ledger.database import Database
from harkara.ledger.tables import event, turn
from tests.integration.ledger.test_search_plans import explained
from tests.integration.ledger.turns import (
    HAND_OVER,
    SHADOW,
    answer,
    superseded,
    turns_of,
    wrote,
)

UNKNOWN = replace(HAND_OVER, hand_over="unknown")


def unanswered(db: Database, *lanes: str, days: float = 30, limit: int = 10) -> list[Unanswered]:
    return list_unanswered(db, lanes or ("default",), parse, days=days, limit=limit)


def texts(db: Database, limit: int = 10) -> list[tuple[str, ...]]:
    return [tuple(each.texts) for each in unanswered(db, limit=limit)]


def test_questions_without_an_answer_are_found_the_newest_first(db: Database) -> None:
    wrote(db, "Is there wifi?", "I need it", n=1)
    answer(db, UNKNOWN)
    wrote(db, "Do you sell gift cards?", n=2)
    answer(db, replace(UNKNOWN, hand_over="model"), SHADOW)
    wrote(db, "A person, please", n=3)
    answer(db, HAND_OVER)
    assert texts(db) == [("Do you sell gift cards?",), ("Is there wifi?", "I need it")]
    assert [each.number for each in unanswered(db)] == ["919876500002", "919876500001"]
    assert texts(db, limit=1) == [("Do you sell gift cards?",)]
    assert unanswered(db, "north") == []


def test_what_an_earlier_turn_answered_is_not_part_of_the_question(db: Database) -> None:
    wrote(db, "When do you open?")
    answer(db)
    wrote(db, "Is there wifi?")
    answer(db, UNKNOWN)
    wrote(db, "Hello?")
    assert texts(db) == [("Is there wifi?",)]


def test_a_superseded_turn_is_left_out_and_its_question_belongs_to_the_next(db: Database) -> None:
    wrote(db, "Is there wifi?")
    assert superseded(db, UNKNOWN, more="And parking?").outcome == "superseded"
    answer(db, UNKNOWN)
    assert texts(db) == [("Is there wifi?", "And parking?")]


def test_turns_outside_the_days_are_left_out_and_erased_texts_are_empty(db: Database) -> None:
    wrote(db, "Is there wifi?")
    answer(db, UNKNOWN)
    with db.write() as tx:
        tx.execute(update(event).values(body=None))
    assert texts(db) == [()]
    with db.write() as tx:
        tx.execute(update(turn).values(at=tx.now - timedelta(days=31)))
    assert unanswered(db) == []
    assert len(unanswered(db, days=32)) == 1


def test_the_questions_are_found_by_indexes(db: Database) -> None:
    wrote(db, "Is there wifi?")
    answer(db, UNKNOWN)
    with db.write() as tx:
        other = turns_of(db)[0]
        copies = [other | {"id": f"turn_{n}", "person": f"person_{n}", "hand_over": None} for n in range(5000)]
        past = [each | {"at": each["at"] - timedelta(days=n % 400)} for n, each in enumerate(copies)]
        tx.execute(insert(turn), past)
        tx.execute(text("ANALYZE turn"))
    with explained(db) as plans:
        assert texts(db) == [("Is there wifi?",)]
    assert plans
    assert not [plan for plan in plans if plan & {"turn", "earlier"}], plans
