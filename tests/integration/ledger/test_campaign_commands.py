"""Commands on campaigns: start, schedule, pause, resume and cancel, and what each holds back."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from harkara.errors import Conflict, Invalid, NotFound
from harkara.ledger.audit import audit
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.queries import get_campaign, get_progress
from harkara.ledger.database import Database
from harkara.ledger.halts import list_halts, park
from harkara.ledger.messages.due import find_obstacles
from harkara.ledger.tables import halt, message
from harkara.outcomes import Uncertain, Wait
from tests.integration.ledger.campaigns import (
    load_campaign,
    message_ids,
    move_start_into_past,
    pass_gates,
    send_due,
    start_campaign,
    state_of,
)
from tests.integration.ledger.steps import (
    ACCEPTED,
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
    states_of,
    unpark,
)


def test_a_campaign_sends_nothing_before_its_start_and_finishes_with_its_last_message(db: Database) -> None:
    identity = load_campaign(db, 4)
    assert (state_of(db, identity), send_due(db)) == ("ready", 0)
    commands.start(db, identity)
    assert (state_of(db, identity), send_due(db)) == ("running", 4)
    assert advance_campaigns(db) == {"finished": 1}
    found = get_progress(db, identity)
    assert (found.state, found.audience, found.by_state) == ("finished", 4, {"accepted": 4})
    assert found.finished_at is not None
    assert advance_campaigns(db) == {}
    assert audit(db).clean


def test_a_pause_holds_queued_and_claimed_messages_back_at_once(db: Database) -> None:
    identity = start_campaign(db, 4)
    hinted = dispatch_all(db)
    claims = claim_messages(db, *hinted[:2])
    commands.pause(db, identity, "The price is wrong.")
    assert pass_gates(db, claims + claim_messages(db, *hinted[2:])) == []
    assert states_of(db, hinted) == ["waiting"] * 4
    paused = row(db, hinted[0])
    assert (paused["code"], paused["reason"]) == ("campaign-paused", "Campaign sale is paused: The price is wrong.")
    assert (paused["strikes"], paused["tries"]) == (0, 0)
    assert (dispatch_all(db), state_of(db, identity)) == ([], "paused")
    commands.resume(db, identity)
    assert send_due(db) == 4
    assert advance_campaigns(db) == {"finished": 1}
    assert audit(db).clean


def test_a_message_that_is_being_sent_during_a_pause_ends_and_can_finish_the_campaign(db: Database) -> None:
    identity = start_campaign(db, 1)
    (claimed,) = claim_messages(db, *dispatch_all(db))
    begin_posts(db, claimed)
    commands.pause(db, identity, "Wait.")
    assert advance_campaigns(db) == {}
    record_outcome(db, claimed, ACCEPTED)
    assert advance_campaigns(db) == {"finished": 1}
    with db.read() as tx:
        assert tx.rows(select(halt)) == [], "a finished campaign holds no message back"


def test_a_cancel_is_final_and_also_cancels_messages_that_return_later(db: Database) -> None:
    identity = start_campaign(db, 5)
    waiting, queued, claimed_, sending, lost = message_ids(db, identity)
    with db.write() as tx:
        tx.execute(update(message).where(message.c.id == queued).values(state="queued", lease_until=tx.now))
    claims = {one.id: one for one in claim_messages(db, claimed_, sending, lost)}
    begin_posts(db, claims[sending], claims[lost])
    assert commands.cancel(db, identity, by="Asha") == 3
    assert states_of(db, [waiting, queued, claimed_]) == ["cancelled"] * 3
    assert advance_campaigns(db) == {}, "two messages are still being sent"
    record_outcome(db, claims[sending], Wait(0, "503", "Busy", status=503))
    record_outcome(db, claims[lost], Uncertain("read-timeout", "No answer came in time.", 60.0))
    assert advance_campaigns(db) == {"finished": 1}
    assert states_of(db, [sending, lost]) == ["cancelled", "uncertain"]
    assert row(db, lost)["resend_at"] is None
    assert (state_of(db, identity), get_campaign(db, identity).reason) == ("cancelled", "cancelled by Asha")
    age_messages(db, 120)
    run_sweep(db)
    assert dispatch_all(db) == []
    assert audit(db).clean


def test_a_scheduled_campaign_starts_at_its_time_also_after_a_pause(db: Database) -> None:
    identity = load_campaign(db, 2)
    soon = datetime.now(UTC) + timedelta(hours=1)
    commands.start(db, identity, soon)
    assert (state_of(db, identity), send_due(db), advance_campaigns(db)) == ("scheduled", 0, {})
    commands.pause(db, identity, "Not yet.")
    commands.resume(db, identity)
    assert state_of(db, identity) == "scheduled"
    move_start_into_past(db)
    assert send_due(db) == 2, "the start does not depend on the housekeeping"
    run_sweep(db)
    assert advance_campaigns(db) == {"finished": 1}


def test_a_start_in_the_past_or_after_the_deadline_is_refused(db: Database) -> None:
    identity = load_campaign(db, 1)
    now = datetime.now(UTC)
    with pytest.raises(Invalid, match="has passed already"):
        commands.start(db, identity, now - timedelta(seconds=1))
    with pytest.raises(Invalid, match="deadline of its messages"):
        commands.start(db, identity, now + timedelta(days=31))
    assert state_of(db, identity) == "ready"


def test_a_command_is_refused_in_the_wrong_state_with_a_reason(db: Database) -> None:
    identity = load_campaign(db, 1)
    with pytest.raises(Conflict, match="has not been started"):
        commands.pause(db, identity, "Wait.")
    commands.start(db, identity)
    with pytest.raises(Conflict, match="is running"):
        commands.resume(db, identity)
    commands.pause(db, identity, "Wait.")
    with pytest.raises(Conflict, match="resume it"):
        commands.start(db, identity)
    commands.cancel(db, identity, by="Asha")
    with pytest.raises(Conflict, match="is final"):
        commands.resume(db, identity)
    with pytest.raises(NotFound):
        commands.start(db, "camp_unknown")


def test_unparking_a_lane_starts_no_campaign(db: Database) -> None:
    identity = load_campaign(db, 2)
    assert list_halts(db) == []
    park(db, "default", "Maintenance")
    assert unpark(db, "default") == 1
    assert (state_of(db, identity), send_due(db)) == ("ready", 0)


def test_a_campaign_does_not_delay_a_code_and_shares_turns_with_other_producers(db: Database) -> None:
    start_campaign(db, 50)
    start_campaign(db, 3, name="news")
    (other,) = accept_messages(db, marketing(90))
    (urgent,) = accept_messages(db, otp(91))
    hinted = dispatch_all(db, depth=8)
    assert hinted[0] == urgent
    producers = Counter(row(db, one)["producer"][:5] for one in hinted[1:])
    assert other in hinted[1:4]
    assert producers == {"camp_": 6, "defau": 1}


def test_a_campaign_that_is_not_running_delays_no_other_message(db: Database) -> None:
    load_campaign(db, 50)
    (other,) = accept_messages(db, reply(90))
    assert dispatch_all(db, depth=1) == [other]
    with db.read() as tx:
        assert not find_obstacles(tx, "default").backlog, "a message accepted now is hinted directly"
    commands.start(db, get_campaign(db, "sale").id)
    with db.read() as tx:
        assert find_obstacles(tx, "default").backlog
