"""Answers of Chat Mitra that contain what no database stores, or what no one may read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harkara.answers import Replied
from harkara.chatmitra.parse_answer import parse_answer
from harkara.messages import Envelope, Template, Text


def test_characters_that_no_database_stores_are_replaced() -> None:
    accepted = parse_answer(202, b'{"status": "success", "jobId": "job\\u0000-\\ud83d1"}')
    assert isinstance(accepted, Replied)
    assert (accepted.ok, accepted.job_id) == (True, "job-?1")
    refused = parse_answer(400, b'{"status": "error", "message": "Busy\\u0000 \\ud83d now"}')
    assert isinstance(refused, Replied)
    assert refused.text == "Busy ? now"


@pytest.mark.parametrize("code", ["4829", "48291", "AB12CD", "482913"])
@pytest.mark.parametrize(
    "message", [lambda code: Template("otp", body=[code, "5"]), lambda code: Text(f"Code:\n{code}")]
)
def test_an_answer_that_repeats_a_code_is_stored_without_it(code: str, message: Any) -> None:
    """A code may be shorter than a phone number, or have letters."""
    request = Envelope(to="+919876543210", messages=[message(code)]).body_json()
    said = f"Parameter {code} is refused: at most 1024 characters in 5 lines of v22, see 132a"
    answer = parse_answer(400, json.dumps({"status": "error", "message": said}).encode(), request=request)
    assert isinstance(answer, Replied)
    assert answer.text == said.replace(code, "…")
