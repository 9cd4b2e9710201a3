"""A promoted replica of Redis and a promoted standby of PostgreSQL, while workers send."""

from __future__ import annotations

from pathlib import Path

import pytest

from harkara.ledger.halts import FAILOVER
from tests.acceptance.failovers import (
    COUNT,
    MOST_UNCERTAIN,
    Scenario,
    postgres_killed,
    postgres_switched,
    redis_killed,
    redis_suspended,
    run,
    stop_replication,
    wait_replayed,
    with_standby,
)
from tests.acceptance.messages import new_message, new_messages
from tests.acceptance.promises import ONCE
from tests.acceptance.test_restored_backups import command, halts


@pytest.mark.soak
@pytest.mark.parametrize("scenario", [redis_killed, redis_suspended, postgres_killed, postgres_switched])
def test_after_a_failover_under_load_nothing_is_missing_or_sent_twice_unflagged(
    tmp_path: Path, scenario: Scenario
) -> None:
    found = run(tmp_path, scenario)
    found.verdict.assert_kept(uncertain=MOST_UNCERTAIN)
    assert found.refused == 0
    assert found.most_in_window <= COUNT


@pytest.mark.soak
def test_what_a_promoted_standby_has_forgotten_is_not_sent_again_in_silence(tmp_path: Path) -> None:
    """The commits of POSTs are lost with the primary, and the standby shows their messages as unsent."""
    slow = {"HARKARA_ALLOWANCE": "20/1s"}
    with with_standby(tmp_path, synchronous=False, **slow) as (harkara, primary, following):
        before, fresh = new_messages(300, ("reply",)), new_message()
        harkara.accept(before)
        wait_replayed(primary, following)
        worker = harkara.start_worker()
        harkara.wait_accepted(20)
        stop_replication(following)
        harkara.wait_accepted(harkara.sandbox.counts()["accepted"] + 20)
        primary.kill()
        following.promote()

        harkara.wait_until(lambda: halts(harkara) == [("default", "parked", FAILOVER)], "the lane is parked")
        worker.terminate()
        code, found = command(harkara, "recover", "--apply", "--by", "Asha")
        assert (code, found["send"]) == (0, 0)
        harkara.start_worker()
        harkara.accept([fresh])
        assert command(harkara, "lanes", "unpark", "default")[0] == 0
        verdict = harkara.wait_verdict([*before, fresh])
        verdict.assert_kept(uncertain=len(before))
        assert [each for each in verdict.results.values() if each.accepted > 1] == []
        assert any(result.accepted and result.state == "uncertain" for result in verdict.results.values())
        assert verdict.results[fresh.id] == ONCE
        assert halts(harkara) == []
