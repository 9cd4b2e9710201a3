"""Answers of Chat Mitra that contain text which no database stores."""

from __future__ import annotations

from harkara.answers import Replied
from harkara.chatmitra.parse_answer import parse_answer


def test_characters_that_no_database_stores_are_replaced() -> None:
    accepted = parse_answer(202, b'{"status": "success", "jobId": "job\\u0000-\\ud83d1"}')
    assert isinstance(accepted, Replied)
    assert (accepted.ok, accepted.job_id) == (True, "job-?1")
    refused = parse_answer(400, b'{"status": "error", "message": "Busy\\u0000 \\ud83d now"}')
    assert isinstance(refused, Replied)
    assert refused.text == "Busy ? now"
