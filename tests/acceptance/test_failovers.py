"""A promoted replica of Redis and a promoted standby of PostgreSQL, while two workers send."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.failovers import (
    COUNT,
    MOST_UNCERTAIN,
    Scenario,
    postgres_killed,
    redis_killed,
    redis_suspended,
    run,
)


@pytest.mark.soak
@pytest.mark.parametrize("scenario", [redis_killed, redis_suspended, postgres_killed])
def test_after_a_failover_under_load_nothing_is_missing_or_sent_twice_unflagged(
    tmp_path: Path, scenario: Scenario
) -> None:
    found = run(tmp_path, scenario)
    found.verdict.assert_kept(uncertain=MOST_UNCERTAIN)
    assert found.refused == 0
    assert found.most_in_window <= COUNT
