"""The stored counts of large campaigns: they are those of all messages, and a page with them reads few rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text, update

from harkara.ledger.audit import audit
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.counts import due_campaigns, fill_ranges, renew_counts
from harkara.ledger.campaigns.figures import get_figures
from harkara.ledger.campaigns.queries import get_campaign
from harkara.ledger.campaigns.results import get_results
from harkara.ledger.database import Database
from harkara.ledger.messages.listing import list_page
from harkara.ledger.messages.proof import collect_evidence
from harkara.ledger.messages.search import MessageFilter
from harkara.ledger.tables import campaign, contact
from harkara.states import State
from tests.integration.ledger.bulk import fill
from tests.integration.ledger.campaigns import REFUSED, SETTINGS, message_ids, send_due, start_campaign
from tests.integration.ledger.steps import accept_messages, reply, row
from tests.integration.ledger.test_audit_slices import rows_read
from tests.integration.ledger.test_campaign_steps import CANARY, start_in_stages
from tests.integration.ledger.test_search_plans import explained

LARGEST = 2
"""The largest campaign of these tests that a page counts itself."""

_EVENTS = """
INSERT INTO event (lane, identity, about, state, message_id, at, received_at, due_at)
SELECT lane, replace(id, 'job_', ''), 'sent', 'folded', id, changed_at, changed_at, changed_at FROM message
"""


def renew(db: Database) -> int:
    return renew_counts(db, seconds=60, largest=LARGEST)


def test_stored_counts_are_those_of_all_messages_at_their_time(db: Database) -> None:
    identity, small = start_campaign(db, 9, answer_days=7), start_campaign(db, 2, "small")
    send_due(db, REFUSED, most=2)
    send_due(db, most=4)
    respond(db, message_ids(db, identity)[3])
    counted, figures = get_results(db, identity), get_figures(db, get_campaign(db, identity), SETTINGS)
    assert due_campaigns(db, largest=LARGEST) == [identity]
    assert renew(db) == 1
    stored = get_results(db, identity, largest=LARGEST)
    assert (stored.counts, stored.stages) == (counted.counts, counted.stages)
    assert get_figures(db, stored.campaign, SETTINGS, stored.counts) == figures
    assert (counted.counted_at, figures.answered) == (None, 1)
    assert stored.counted_at is not None
    send_due(db)
    assert get_results(db, identity, largest=LARGEST).counts == counted.counts, "until the next count"
    assert get_results(db, identity).left == 0
    assert get_results(db, small, largest=LARGEST).counted_at is None
    assert audit(db).clean


def test_a_campaign_is_counted_again_after_a_pause_and_after_each_change_of_its_state(db: Database) -> None:
    identity = start_campaign(db, 4)
    assert renew(db) == 1
    assert due_campaigns(db, largest=LARGEST) == []
    commands.cancel(db, identity, "Asha")
    assert renew(db) == 1
    assert get_results(db, identity, largest=LARGEST).by_state == {State.CANCELLED: 4}
    with db.write() as tx:
        tx.execute(update(campaign).values(count_due_at=tx.now))
    assert due_campaigns(db, largest=LARGEST) == [identity]


def test_stored_counts_have_the_messages_of_each_stage(db: Database) -> None:
    identity = start_in_stages(db, [5, 20], CANARY)
    renew(db)
    assert get_results(db, identity, largest=LARGEST).stages.messages == {1: 5, 2: 20}


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_the_range_of_a_campaign_is_found_by_its_own_messages_alone(db: Database) -> None:
    """A tenth of all, and the last: the first of them in the order of all messages has the others before it."""
    (other,) = accept_messages(db, reply())
    fill(db, other, 1_800)
    start_campaign(db, 200)
    with db.write() as tx:
        tx.execute(update(campaign).values(first_id=None))
        tx.execute(text("ANALYZE message"))
    with rows_read(db, alone=True) as numbers:
        assert fill_ranges(db) == 1
    assert max(numbers) == 200


def test_what_belongs_to_a_campaign_or_a_message_is_read_by_few_rows(db: Database) -> None:
    """An index range is no bound: the numbers of rows are those of the statements themselves."""
    identity = start_campaign(db, 4)
    send_due(db, most=3)
    (pattern, *_) = message_ids(db, identity)
    fill(db, pattern, 2_000, pattern[:-6])
    with db.write() as tx:
        tx.execute(update(campaign).values(first_id=None))
        tx.execute(text("UPDATE message SET state = 'delivered' WHERE id LIKE '%1'"))
        tx.execute(text("UPDATE message SET posted_at = NULL"))  # the pace counts the POSTs of five minutes
        tx.execute(text(_EVENTS))
        tx.execute(text("ANALYZE"))
    assert (fill_ranges(db), renew(db)) == (1, 1)
    pages = (
        MessageFilter(campaign=identity),
        MessageFilter(campaign=identity, states=[State.DELIVERED, State.READ]),
        MessageFilter(campaign=identity, states=[State.ACCEPTED], lanes=["default"]),
    )
    if db.sqlite:
        with explained(db) as plans:
            for wanted in pages:
                list_page(db, wanted, limit=50, most=100)
            collect_evidence(db, pattern)
        assert len(plans) > len(pages)
        assert [plan for plan in plans if plan & {"message", "event"}] == []
        return
    with rows_read(db) as numbers:
        found = get_results(db, identity, largest=LARGEST)
        get_figures(db, found.campaign, SETTINGS, found.counts)
    assert max(numbers) < 10
    for wanted in pages:
        with rows_read(db, "enable_mergejoin", "enable_hashjoin", alone=True) as numbers:
            assert list_page(db, wanted, limit=50, most=100).messages
        assert max(numbers) <= 4 * 51, wanted
    with rows_read(db) as numbers:
        assert [one["record"] for one in collect_evidence(db, pattern).records].count("webhook") == 1
    assert max(numbers) < 10


def respond(db: Database, identity: str) -> None:
    written = {"lane": "default", "recipient": row(db, identity)["recipient"]}
    with db.write() as tx:
        tx.execute(insert(contact), written | {"wrote_at": datetime.now(UTC) + timedelta(minutes=1)})
