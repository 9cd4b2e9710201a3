"""A short run of the faults that `make chaos` causes for minutes."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.chaos import chaos_deployment, run


def test_under_random_faults_nothing_is_lost_and_nothing_is_sent_twice_unflagged(tmp_path: Path) -> None:
    with chaos_deployment(tmp_path, None) as harkara:
        summary = run(harkara, messages=240, seconds=10, seed=7)
    print(summary)
    verdict = summary.verdict
    verdict.assert_kept(uncertain=100)
    accepted = {verdict.results[identity].accepted for identity in verdict.uncertain}
    assert accepted <= {0}, "webhooks settle every uncertain message that the sandbox accepted"
    assert summary.lost_webhooks == 0
    assert len(verdict.results) == 240
    assert {"kills", "freezes", "Redis kills", "Redis emptied", "web kills"} <= summary.faults.keys()
