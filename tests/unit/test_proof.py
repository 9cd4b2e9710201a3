"""A proof of delivery: equal evidence gives equal bytes, and each changed byte is found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harkara.errors import Invalid
from harkara.proof import dump_proof, verify_proof

HEAD = {"message": {"id": "msg_1", "state": "read"}, "texts": [{"body": "नमस्ते, your table is ready"}]}
RECORDS: list[dict[str, Any]] = [
    {"at": "2026-05-03T10:30:00.000000+00:00", "record": "attempt", "number": 1, "outcome": "accepted", "status": 200},
    {"at": "2026-05-03T10:30:05.250000+00:00", "record": "webhook", "status": "sent", "webhook_sha256": "ab" * 32},
    {"at": "2026-05-04T00:00:01.000000+00:00", "record": "webhook", "status": "read", "webhook_sha256": None},
]


def test_each_changed_byte_is_found() -> None:
    file = dump_proof(HEAD, RECORDS)
    for position in range(len(file)):
        for changed in (file[position] ^ 1, file[position] ^ 32):
            with pytest.raises(Invalid):
                verify_proof(file[:position] + bytes([changed]) + file[position + 1 :])


def test_a_missing_or_an_added_byte_is_found() -> None:
    file = dump_proof(HEAD, RECORDS)
    for damaged in (b"", file[:-1], file[1:], file + b" ", file.replace(b"\n", b"\r\n"), b"[" * 100_000, b"{}"):
        with pytest.raises(Invalid):
            verify_proof(damaged)


def test_records_are_chained_from_day_to_day() -> None:
    file = dump_proof(HEAD, reversed(RECORDS))
    assert file == dump_proof(HEAD, RECORDS)
    first, second = verify_proof(file)["days"]
    assert [day["day"] for day in (first, second)] == ["2026-05-03", "2026-05-04"]
    assert first["digest"] == first["records"][-1]["digest"] == second["follows"]
    assert verify_proof(dump_proof(HEAD, []))["days"] == []


def test_the_place_of_a_change_is_named() -> None:
    proof = json.loads(dump_proof(HEAD, RECORDS))
    proof["days"][0]["records"][1]["status"] = "delivered"
    with pytest.raises(Invalid, match=r"at the record of 2026-05-03T10:30:05\.250000"):
        verify_proof(json.dumps(proof).encode())


def test_another_digest_follows_when_anything_else_is_claimed() -> None:
    digests = {
        verify_proof(dump_proof(head, records))["digest"]
        for head in (HEAD, HEAD | {"consent": []})
        for records in (RECORDS, RECORDS[:-1])
    }
    assert len(digests) == 4
