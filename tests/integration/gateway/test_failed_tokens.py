"""Wrong tokens are slowed by address; a right token never is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from harkara.gateway import create_app
from harkara.gateway.failed_tokens import (
    FREE,
    LONGEST_SECONDS,
    MAX_ADDRESSES,
    MAX_WAITING,
    FailedTokens,
)
from harkara.ledger.database import Database
from tests.integration.gateway.fixtures import SHOP, dependencies_of

WRONG = {"Authorization": "Bearer a-guess"}


def delays(failed: FailedTokens, address: str, number: int) -> list[float | None]:
    found = []
    for _ in range(number):
        with failed.count(address) as seconds:
            found.append(seconds)
    return found


def test_the_delay_doubles_after_a_few_wrong_tokens_up_to_ten_seconds() -> None:
    assert delays(FailedTokens(), "192.0.2.1", FREE + 8) == [0.0] * FREE + [0.25, 0.5, 1, 2, 4, 8, 10, 10]
    assert delays(FailedTokens(), "192.0.2.1", 3_000)[-1] == LONGEST_SECONDS


def test_each_address_is_counted_for_itself_and_a_network_of_ipv6_as_one() -> None:
    failed = FailedTokens()
    assert delays(failed, "192.0.2.1", FREE + 1)[-1] == 0.25
    assert delays(failed, "192.0.2.2", 1) == [0.0]
    assert delays(failed, "2001:db8::1", FREE)[-1] == 0.0
    assert delays(failed, "2001:db8::ffff:1", 1) == [0.25]
    assert delays(failed, "2001:db8:0:1::1", 1) == [0.0]
    assert delays(failed, "::ffff:192.0.2.1", 1) == [0.5]


def test_few_answers_of_an_address_wait_at_the_same_time() -> None:
    failed = FailedTokens()
    waiting = [failed.count("192.0.2.1") for _ in range(MAX_WAITING)]
    for each in waiting:
        each.__enter__()
    assert delays(failed, "192.0.2.1", 1) == [None]
    assert delays(failed, "192.0.2.2", 1) == [0.0]
    waiting[0].__exit__(None, None, None)
    assert delays(failed, "192.0.2.1", 1) != [None]


def test_the_table_of_addresses_is_bounded() -> None:
    failed = FailedTokens()
    delays(failed, "203.0.113.9", FREE)
    for number in range(MAX_ADDRESSES):
        delays(failed, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1)
    assert delays(failed, "203.0.113.9", 1) == [0.0]  # it was the oldest
    assert len(failed._records) == MAX_ADDRESSES


@pytest.fixture
def stranger(db: Database) -> Iterator[TestClient]:
    with TestClient(create_app(dependencies_of(db))) as client:
        yield client


def test_a_wrong_token_waits_and_a_right_one_from_the_same_address_does_not(stranger: TestClient) -> None:
    for _ in range(FREE + 2):
        assert stranger.get("/campaigns", headers=WRONG).status_code == 401
    began = time.monotonic()
    assert stranger.get("/campaigns", headers=SHOP).status_code == 200
    assert stranger.get("/campaigns").status_code == 401  # without a token nothing is guessed
    right = time.monotonic() - began
    began = time.monotonic()
    answer = stranger.get("/campaigns", headers=WRONG)
    wrong = time.monotonic() - began
    assert wrong > 0.9
    assert wrong > right
    assert answer.json() == {"status": "error", "message": "no caller has this token"}


def test_many_wrong_tokens_at_once_are_refused_without_waiting(db: Database) -> None:
    import httpx2

    app = create_app(dependencies_of(db))

    async def guess() -> list[int]:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            answers = await asyncio.gather(*(client.get("/campaigns", headers=WRONG) for _ in range(MAX_WAITING + 10)))
            refused = [answer for answer in answers if answer.status_code == 429]
            assert {answer.headers["Retry-After"] for answer in refused} <= {"10"}
            return [answer.status_code for answer in answers]

    statuses = asyncio.run(asyncio.wait_for(guess(), 60))
    assert set(statuses) == {401, 429}
