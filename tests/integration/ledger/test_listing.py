"""Pages and counts of messages read a bounded number of them, and their pages together show all that match."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from harkara.ledger.database import Database
from harkara.ledger.messages.commands import cancel
from harkara.ledger.messages.listing import PageOfMessages, count_messages, list_page
from harkara.ledger.messages.search import MessageFilter, list_messages
from harkara.outcomes import Refused
from harkara.states import State
from tests.integration.ledger.steps import LOST, accept_messages, marketing, reply, send_message, update_message

DAY = timedelta(days=1)
REFUSED = Refused("131026", "Undeliverable", "The number has no WhatsApp.")


def fill(db: Database) -> list[str]:
    """Twelve messages in several states and two lanes; the first of them was accepted a day after the others."""
    ids = [send_message(db, marketing(1))]
    ids += [send_message(db, marketing(n), REFUSED) for n in range(2, 5)]
    ids += [send_message(db, marketing(5), LOST), send_message(db, reply(6)), send_message(db, reply(7))]
    ids += accept_messages(db, *(reply(n, lane="shop") for n in range(8, 11)), reply(11), reply(12))
    update_message(db, ids[0], created_at=db.now() + DAY)
    update_message(db, ids[5], state="delivered")
    update_message(db, ids[6], state="read")
    cancel(db, ids[9:11], "Asha")
    return ids


def walk(db: Database, wanted: MessageFilter, limit: int = 2, most: int = 3) -> Iterator[PageOfMessages]:
    page = list_page(db, wanted, limit=limit, most=most)
    yield page
    while page.before:
        page = list_page(db, wanted, before=page.before, limit=limit, most=most)
        yield page


def test_the_pages_of_each_filter_show_every_match_once_however_little_a_page_reads(db: Database) -> None:
    ids = fill(db)
    now = db.now()
    for wanted in (
        MessageFilter(),
        MessageFilter(since=now + DAY / 2),
        MessageFilter(since=now - DAY, until=now + DAY / 2),
        MessageFilter(lane="shop"),
        MessageFilter(lanes=["shop", "north"], states=[State.CANCELLED, State.WAITING]),
        MessageFilter(producer="none"),
        MessageFilter(states=[State.FAILED, State.CANCELLED]),
        MessageFilter(states=[State.DELIVERED, State.READ, State.FAILED], lane="default"),
        MessageFilter(template="spring_sale", until=now + DAY / 2),
        MessageFilter(code="131026", since=now - DAY),
        MessageFilter(id=ids[3], lanes=["default"]),
    ):
        pages = [*walk(db, wanted)]
        found = [each.id for page in pages for each in page.messages]
        assert found == [each.id for each in list_messages(db, wanted)], wanted
        assert all(len(page.messages) <= 2 for page in pages)
        whole = list_page(db, wanted)
        assert ([each.id for each in whole.messages], whole.before, whole.cut) == (found, None, False)


def test_a_page_says_that_it_ends_before_all_was_searched(db: Database) -> None:
    (first, *_) = fill(db)
    late = MessageFilter(since=db.now() + DAY / 2)
    pages = [*walk(db, late)]
    assert [page.cut for page in pages[:-1]] == [True] * (len(pages) - 1)
    assert len(pages) >= 4
    assert [each.id for page in pages for each in page.messages] == [first]


def test_a_count_among_the_messages_that_it_reads_is_not_exact(db: Database) -> None:
    fill(db)
    now = db.now()
    assert str(count_messages(db, MessageFilter(since=now + DAY / 2))) == "1"
    assert str(count_messages(db, MessageFilter(since=now + DAY / 2), most=5)) == "0+"
    assert str(count_messages(db, MessageFilter(until=now + DAY / 2), most=5)) == "5+"
    assert str(count_messages(db, MessageFilter(states=[State.DELIVERED, State.FAILED]))) == "4"
    assert str(count_messages(db, MessageFilter(states=[State.FAILED]), most=2)) == "2+"
