"""Housekeeping of campaigns: scheduled starts, the pause after too many failures, and the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from harkara.ledger.audit import audit
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.queries import get_campaign, get_progress
from harkara.ledger.database import Database
from harkara.ledger.tables import campaign, message
from harkara.outcomes import Uncertain
from tests.integration.ledger.campaigns import (
    DAY,
    REFUSED,
    load_campaign,
    message_ids,
    move_start_into_past,
    send_due,
    start_campaign,
    state_of,
)
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    age_messages,
    begin_posts,
    claim_messages,
    record_outcome,
    run_sweep,
    states_of,
)


def test_housekeeping_sets_a_scheduled_campaign_to_running_at_its_time(db: Database) -> None:
    identity = load_campaign(db, 2)
    commands.start(db, identity, datetime.now(UTC) + timedelta(hours=1))
    move_start_into_past(db)
    assert advance_campaigns(db) == {"started": 1}
    found = get_campaign(db, identity)
    assert found.state == "running"
    assert found.started_at
    assert found.start_at
    assert found.started_at == found.resumed_at
    assert found.started_at > found.start_at


def test_too_many_failures_pause_a_campaign_and_a_resume_starts_a_new_count(db: Database) -> None:
    identity = start_campaign(db, 60)
    assert send_due(db, ACCEPTED, most=18) == 18
    assert send_due(db, REFUSED, most=3) == 3
    assert advance_campaigns(db) == {"paused": 1}
    found = get_campaign(db, identity)
    assert (found.state, found.code) == ("paused", "error-share")
    assert found.reason == (
        "3 of the last 21 messages failed, more than 10 %; most common: 131026 (3). "
        "Correct the template or the list, then resume."
    )
    assert send_due(db) == 0
    commands.resume(db, identity)
    assert (advance_campaigns(db), state_of(db, identity)) == ({}, "running")
    assert send_due(db) == 39
    assert advance_campaigns(db) == {"finished": 1}
    assert get_progress(db, identity).by_code == {"131026": 3}


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_the_campaigns_own_error_share_decides(db: Database, share: float) -> None:
    identity = start_campaign(db, 60, error_share=share)
    send_due(db, ACCEPTED, most=18)
    send_due(db, REFUSED, most=3)
    assert (advance_campaigns(db), state_of(db, identity)) == ({}, "running")


def test_an_uncertain_message_keeps_a_campaign_open_only_until_its_last_resend(db: Database) -> None:
    identity = start_campaign(db, 2)
    first, second = message_ids(db, identity)
    for claimed, outcome in zip(
        claim_messages(db, first, second), (LOST, Uncertain("500", "Perhaps.", 60.0)), strict=True
    ):
        begin_posts(db, claimed)
        record_outcome(db, claimed, outcome)
    assert (advance_campaigns(db), state_of(db, identity)) == ({}, "running")
    age_messages(db, 61, second)
    run_sweep(db)
    assert (states_of(db, [first, second]), advance_campaigns(db)) == (["uncertain", "waiting"], {})
    assert send_due(db) == 1
    assert advance_campaigns(db) == {"finished": 1}


def test_a_campaign_that_is_never_started_finishes_at_its_deadline(db: Database) -> None:
    identity = load_campaign(db, 2)
    age_messages(db, 31 * DAY)
    run_sweep(db)
    assert (states_of(db, message_ids(db, identity)), advance_campaigns(db)) == (["cancelled"] * 2, {"finished": 1})
    assert get_progress(db, identity).by_code == {"expired": 2}


def test_the_audit_finds_campaigns_whose_sums_do_not_match(db: Database) -> None:
    short, open_, gone = (start_campaign(db, 2, name=name) for name in ("short", "open", "gone"))
    with db.write() as tx:
        past = tx.now - timedelta(minutes=2)
        tx.execute(update(message).values(changed_at=past))
        tx.execute(update(campaign).where(campaign.c.id == short).values(audience=3))
        tx.execute(update(campaign).where(campaign.c.id == open_).values(state="finished"))
        tx.execute(update(campaign).where(campaign.c.id == gone).values(state="cancelled", changed_at=past))
    findings = {finding.rule: finding.ids for finding in audit(db).findings}
    assert findings["a campaign has as many messages as its audience"] == [short]
    unsent = findings["a campaign that is over has no unsent message"]
    assert sorted(unsent) == sorted(message_ids(db, open_) + message_ids(db, gone))
