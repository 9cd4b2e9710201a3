"""Campaign commands while several senders run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from harkara.campaigns.status import CampaignSummary
from harkara.campaigns.steps import CampaignSteps
from harkara.errors import Conflict
from harkara.ledger.audit import audit
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.queries import get_campaign, get_progress
from harkara.ledger.campaigns.stop_loss import set_stop_loss
from harkara.ledger.database import Database
from harkara.ledger.transaction import Transaction
from harkara.states import CampaignState
from tests.integration.ledger.campaigns import (
    CHUNK,
    count_settled,
    load_campaign,
    move_start_into_past,
    running_senders,
    send_due,
    start_campaign,
    wait_for,
)
from tests.integration.ledger.test_campaign_steps import charge_all, let_pass, start_in_stages
from tests.integration.ledger.test_lock_order import PATIENCE, wait_for_a_lock

TOMORROW = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("ends_by", ["resume", "cancel"])
def test_each_message_ends_once_whatever_commands_run_beside_the_senders(db: Database, ends_by: str) -> None:
    chance = random.Random(ends_by)
    identity = start_campaign(db, 200, error_share=1.0)
    with running_senders(db, 3):
        for _ in range(4):
            time.sleep(chance.uniform(0, 0.1))
            with suppress(Conflict):
                commands.pause(db, identity, "Wait.")
            advance_campaigns(db)
            with suppress(Conflict):
                commands.resume(db, identity)
        if ends_by == "cancel":
            with suppress(Conflict):
                commands.cancel(db, identity, by="Asha")
        wait_for(lambda: advance_campaigns(db) or get_campaign(db, identity).finished_at is not None)
    found = get_progress(db, identity)
    assert found.state in ("finished", "cancelled")
    assert set(found.by_state) <= {"accepted", "failed", "cancelled"}
    assert sum(found.by_state.values()) == found.audience == 200
    examined = audit(db)
    assert examined.clean, examined.findings
    assert examined.flagged == 0


def test_after_a_pause_only_the_chunks_of_the_senders_are_still_sent(db: Database) -> None:
    identity = start_campaign(db, 200, error_share=1.0)
    with running_senders(db, 3):
        wait_for(lambda: count_settled(db, identity) > 0)
        commands.pause(db, identity, "Wait.")
        before = count_settled(db, identity)
        time.sleep(0.5)
        assert count_settled(db, identity) <= before + 3 * CHUNK
        commands.resume(db, identity)
        wait_for(lambda: count_settled(db, identity) == 200)
    assert advance_campaigns(db) == {"finished": 1}


def scheduled(db: Database) -> str:
    identity = load_campaign(db, expires=datetime(2101, 1, 1, tzinfo=UTC))
    commands.start(db, identity, TOMORROW)
    move_start_into_past(db)
    return identity


def after_a_bad_canary(db: Database) -> str:
    identity = start_in_stages(db, [5, 6, 9], CampaignSteps(canary=0.2, wave_share=0.5))
    send_due(db)
    let_pass(db, 1)
    return identity


def at_its_stop_loss(db: Database) -> str:
    identity = start_in_stages(db, [10], CampaignSteps(), stop_loss=2_000_000, currency="INR")
    send_due(db, most=5)
    charge_all(db, identity, 400_000)
    return identity


def choose_another_start(tx: Transaction, found: CampaignSummary) -> None:
    commands.run_or_schedule(tx, found, TOMORROW)


def send_the_rest(tx: Transaction, found: CampaignSummary) -> None:
    """What another worker and an operator do: it pauses after its canary, and is resumed."""
    commands.set_paused(tx, found, "Few were delivered.", commands.CANARY)
    commands.run_or_schedule(tx, found, None)
    commands.begin_next_stage(tx, found)


def raise_the_stop_loss(tx: Transaction, found: CampaignSummary) -> None:
    commands.set_paused(tx, found, "It has cost 2.00 INR.", "stop-loss")
    set_stop_loss(tx, found.id, 9_000_000, "INR")
    commands.run_or_schedule(tx, found, None)


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("prepared", "decide"),
    [
        (scheduled, choose_another_start),
        (after_a_bad_canary, send_the_rest),
        (at_its_stop_loss, raise_the_stop_loss),
    ],
)
def test_a_worker_that_is_late_does_not_undo_what_an_operator_has_decided(
    db: Database, prepared: Callable[[Database], str], decide: Callable[[Transaction, CampaignSummary], None]
) -> None:
    """The worker has read the campaign, and waits for its row, which the operator's transaction has locked."""
    identity = prepared(db)
    with ThreadPoolExecutor(1) as thread:
        with db.write() as tx:
            found = commands.lock_campaign(tx, identity, *CampaignState)
            working = thread.submit(advance_campaigns, db)
            wait_for_a_lock(db)
            decide(tx, found)
        assert working.result(PATIENCE) == {}
    now = get_campaign(db, identity)
    assert (now.state, now.code, now.stage) == (found.state, None, found.stage + (found.stages > 1))
