"""The results of campaigns: numbers by state and reason, pace, spend, and what is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from harkara.errors import NotFound
from harkara.json_record import iso_seconds
from harkara.lanes import Lane
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.figures import get_figures
from harkara.ledger.campaigns.queries import get_campaign, list_campaigns, report
from harkara.ledger.campaigns.results import count_left, get_results
from harkara.ledger.database import Database
from harkara.ledger.tables import campaign, charge, contact
from harkara.limits import Allowance
from harkara.states import State
from tests.integration.ledger.campaigns import REFUSED, SETTINGS, load_campaign, message_ids, send_due, start_campaign


def test_results_count_states_reasons_pace_and_spend(db: Database) -> None:
    identity = start_campaign(db, 9)
    send_due(db, most=3)
    send_due(db, REFUSED, most=2)
    charge_messages(db, identity, message_ids(db, identity)[:2])
    found = get_results(db, identity)
    assert found.by_state == {State.ACCEPTED: 3, State.FAILED: 2, State.WAITING: 4}
    assert [(each.state, each.code, each.number) for each in found.failures] == [(State.FAILED, "131026", 2)]
    assert str(found.failures[0].reason).startswith(REFUSED.advice)
    assert (found.left, found.done, found.posted, found.a_minute) == (4, 5, 5, 1.0)
    assert found.spent == {"INR": 1_726_200}
    assert not found.is_stuck
    assert count_left(db, [identity]) == {identity: 4}
    commands.cancel(db, identity, "Asha")
    assert get_results(db, identity).count([State.CANCELLED]) == 4
    assert count_left(db, [identity]) == {identity: 0}
    assert count_left(db, []) == {}


def test_figures_and_the_report_count_what_recipients_did_after_their_message(db: Database) -> None:
    identity = start_campaign(db, 6)
    send_due(db, most=4)
    lines = [line for line in report(db, identity, numbers=True) if line.state == "accepted"]
    now = datetime.now(UTC)
    before, after = now - timedelta(days=1), now + timedelta(minutes=1)
    with db.write() as tx:
        for line, wrote, stopped in (
            (lines[0], after, None),
            (lines[1], after, after),
            (lines[2], before, before),
        ):
            row = {"lane": "default", "recipient": line.recipient, "wrote_at": wrote, "wished_at": stopped}
            tx.execute(insert(contact), row | {"stopped": "marketing" if stopped else None})
    charge_messages(db, identity, [lines[0].id])
    found = get_figures(db, get_campaign(db, identity), SETTINGS)
    assert (found.answered, found.opted_out, found.spent, found.effect) == (2, 1, {"INR": 863_100}, None)
    assert (found.cost, found.currency) == (6 * Decimal("1.018458"), "INR")
    reported = {line.id: (line.answered_at, line.opted_out_at) for line in report(db, identity, numbers=False)}
    assert [reported[line.id] for line in lines] == [
        (iso_seconds(after), None),
        (iso_seconds(after), iso_seconds(after)),
        (None, None),
        (None, None),
    ]
    commands.cancel(db, identity, "Asha")
    assert get_figures(db, get_campaign(db, identity), SETTINGS).cost == 4 * Decimal("1.018458")


def test_a_campaign_ends_at_the_pace_of_its_lane_and_is_stuck_without_a_post(db: Database) -> None:
    identity = start_campaign(db, 60)
    lane = Lane("default", "token", Allowance(30, 60.0, reserve=0.0))
    found = get_results(db, identity)
    end = found.ends_at(lane)
    assert end is not None
    assert timedelta(minutes=1.9) < end - found.at < timedelta(minutes=2.1)
    assert found.ends_at(None) is None
    with db.write() as tx:
        tx.execute(update(campaign).values(resumed_at=tx.now - timedelta(minutes=6)))
    assert get_results(db, identity).is_stuck


def test_results_and_lists_are_of_the_given_lanes(db: Database) -> None:
    ours, theirs = load_campaign(db, 1, "ours"), load_campaign(db, 1, "theirs", lane="shop")
    assert [each.id for each in list_campaigns(db)] == [theirs, ours]
    assert [each.id for each in list_campaigns(db, lanes=["default"])] == [ours]
    assert [each.id for each in list_campaigns(db, limit=1)] == [theirs]
    assert [each.id for each in list_campaigns(db, before=theirs)] == [ours]
    assert get_results(db, ours, lanes=["default"]).campaign.name == "ours"
    with pytest.raises(NotFound):
        get_results(db, theirs, lanes=["default"])


def charge_messages(db: Database, identity: str, ids: list[str]) -> None:
    with db.write() as tx:
        row = {"lane": "default", "day": tx.now.date(), "at": tx.now, "category": "marketing", "currency": "INR"}
        row |= {"campaign_id": identity, "amount": 863_100, "fee": 0, "tax": 0}
        tx.execute(insert(charge), [row | {"message_id": each} for each in ids])
