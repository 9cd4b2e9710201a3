"""Loading a campaign: names, rejected rows, interrupted loads and memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from harkara.campaigns import CampaignMessage, Reject
from harkara.errors import Conflict, Invalid, NotFound
from harkara.ledger.audit import audit
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.load import load
from harkara.ledger.campaigns.queries import get_campaign, get_progress, report
from harkara.ledger.database import Database
from tests.integration.ledger.campaigns import audience, campaign_plan, load_campaign, message_ids, send_due, state_of
from tests.integration.ledger.statements import executed_statements


def test_a_name_is_unique_and_finds_the_campaign_like_its_id(db: Database) -> None:
    identity = load_campaign(db, 1)
    assert get_campaign(db, "sale").id == get_campaign(db, identity).id == identity
    with pytest.raises(Conflict, match="another --name"):
        load_campaign(db, 1)
    assert len(message_ids(db, identity)) == 1


def test_an_audience_without_a_message_writes_nothing(db: Database) -> None:
    with pytest.raises(
        Invalid, match=r"gives a message \(1 rejected, the first of them row 2, to: must not be empty\)"
    ):
        load(db, campaign_plan(), [Reject(2, "to", "must not be empty", "missing-value")])
    with pytest.raises(Invalid, match=r"gives a message \(there is none below the header\)"):
        load(db, campaign_plan(), [])
    with pytest.raises(NotFound):
        get_campaign(db, "sale")


def test_messages_keep_the_row_of_the_file_and_rejects_are_counted(db: Database) -> None:
    of = campaign_plan()
    result = load(db, of, [*audience(of, 2), Reject(4, "to", "is the number of row 2 again", "duplicate")])
    assert (result.audience, result.rejected) == (2, 1)
    lines = list(report(db, of.id, numbers=True))
    assert [(line.row, line.recipient, line.state) for line in lines] == [
        (2, "919876500000", "waiting"),
        (3, "919876500001", "waiting"),
    ]
    assert all(line.recipient is None for line in report(db, of.id, numbers=False))


def test_an_interrupted_load_is_listed_never_starts_and_can_be_cancelled(db: Database) -> None:
    of = campaign_plan()

    def broken() -> Iterator[CampaignMessage]:
        yield from audience(of, 700)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(db, of, broken())
    assert (state_of(db, of.id), len(message_ids(db, of.id)), get_campaign(db, of.id).audience) == ("loading", 500, 500)
    with pytest.raises(Conflict, match="cancel it and load it again"):
        commands.start(db, of.id)
    assert (send_due(db), advance_campaigns(db)) == (0, {})
    assert commands.cancel(db, of.id, by="Asha") == 500
    assert advance_campaigns(db) == {"finished": 1}
    assert audit(db).clean


def test_a_cancel_stops_a_load(db: Database) -> None:
    of = campaign_plan()

    def slow() -> Iterator[CampaignMessage]:
        yield from audience(of, 500)
        commands.cancel(db, of.id, by="Asha")
        yield from audience(of, 500, first=500)

    with pytest.raises(Conflict, match="was cancelled during its load"):
        load(db, of, slow())
    assert get_progress(db, of.id).by_state == {"cancelled": 500}


def test_a_larger_audience_needs_no_more_memory(db: Database) -> None:
    load_campaign(db, 1, name="first")  # what is loaded and compiled once does not count
    few, many = peak_of_load(db, "few", 1_000), peak_of_load(db, "many", 3_000)
    assert many < 1.3 * few, "a few batches, at any size of the audience"


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_a_load_executes_no_statement_for_each_message(db: Database) -> None:
    of = campaign_plan()
    with executed_statements() as statements:
        load(db, of, audience(of, 1_000))
    assert len(statements) < 30


def peak_of_load(db: Database, name: str, messages: int) -> int:
    """Return the bytes that a load allocates at most."""
    of = campaign_plan(name=name)
    tracemalloc.start()
    try:
        load(db, of, audience(of, messages))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert get_progress(db, of.id).by_state == {"waiting": messages}
    return peak
