"""Campaign commands while several senders run."""

from __future__ import annotations

import random
import time
from contextlib import suppress

import pytest

from harkara.errors import Conflict
from harkara.ledger.audit import audit
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.queries import get_campaign, get_progress
from harkara.ledger.database import Database
from tests.integration.ledger.campaigns import CHUNK, count_settled, running_senders, start_campaign, wait_for


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
