"""A short piece of the chaos that `make chaos` makes for minutes."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.chaos import prey, run


def test_in_the_chaos_nothing_is_lost_and_nothing_goes_twice_in_silence(tmp_path: Path) -> None:
    with prey(tmp_path, None) as harkara:
        result = run(harkara, messages=400, seconds=16, seed=7)
    print(result)
    result.verdict.assert_kept(uncertain=100)
    assert {result.verdict.fates[each].accepted for each in result.verdict.uncertain} <= {0}, (
        "webhooks tell of the others"
    )
    assert result.forgotten == 0
    assert len(result.verdict.fates) == 400
    assert {"kills", "freezes", "Redis kills", "Redis emptied", "web kills"} <= result.harms.keys()
