"""What Chat Mitra says is kept whatever it holds."""

from __future__ import annotations

from harkara.answers import Replied
from harkara.chatmitra.answers import read


def test_what_no_database_would_take_costs_the_answer_nothing() -> None:
    taken = read(202, b'{"status": "success", "jobId": "job\\u0000-\\ud83d1"}')
    assert isinstance(taken, Replied)
    assert (taken.ok, taken.job_id) == (True, "job-?1")
    refused = read(400, b'{"status": "error", "message": "Busy\\u0000 \\ud83d now"}')
    assert isinstance(refused, Replied)
    assert refused.text == "Busy ? now"
