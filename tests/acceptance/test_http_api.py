"""The HTTP API on processes as deployed: each accepted message is stored and sent once, even after a crash."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from itertools import count
from pathlib import Path

import pytest

from harkara.ledger.audit import audit
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment
from tests.acceptance.http_client import API_TOKENS, request

CALLERS = 8


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_kill_9_of_the_http_api_loses_no_message_that_it_accepted(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    with deployment(tmp_path, redis_server, database_url, **API_TOKENS) as harkara:
        harkara.start_worker()
        web = harkara.start_web()
        keys = count()
        with ThreadPoolExecutor(CALLERS) as pool:
            answered: dict[int, str] = {}
            for _ in range(CALLERS):
                pool.submit(post_until_it_is_killed, harkara.web, keys.__next__, answered)
            harkara.wait_until(lambda: len(answered) >= 8 * CALLERS, "it has accepted some")
            web.kill()

        harkara.start_web()
        total = next(keys)
        repeated = {key: send(harkara.web, key, key) for key in range(total)}
        assert {key: repeated[key] for key in answered} == answered
        assert len(set(repeated.values())) == total
        assert harkara.wait_settled(total) == {"accepted": total}
        assert set(harkara.sandbox.accepted().values()) == {1}
        assert len(harkara.sandbox.accepted()) == total


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_repeat_after_a_crash_between_commit_and_response_is_the_same_message_if_it_has_a_key(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Without a key nothing shows that two equal requests are one, so both are messages that people can see."""
    with deployment(tmp_path, redis_server, database_url, **API_TOKENS) as harkara:
        for key in (1, None):
            web = harkara.start_web(HARKARA_KILL_AT="W1")
            with pytest.raises((OSError, HTTPException)):
                send(harkara.web, 1, key)
            web.wait_killed()
        assert harkara.states().total() == 2, "the ledger has the message of each request without a response"
        harkara.start_web()
        harkara.start_worker()
        first, second = send(harkara.web, 1, 1), send(harkara.web, 1, 1)
        assert first == second
        without_key = send(harkara.web, 1, None)
        assert harkara.wait_settled(3) == {"accepted": 3}
        assert without_key != first
        assert list(harkara.sandbox.accepted().values()) == [3]
        assert audit(harkara.ledger).clean


def post_until_it_is_killed(web: str, next_key: Callable[[], int], answered: dict[int, str]) -> None:
    """Add the job id of each successful response, by its key."""
    with suppress(OSError, HTTPException):  # killed before or within its response
        while True:
            key = next_key()
            answered[key] = send(web, key, key)


def send(web: str, order: int, key: int | None) -> str:
    body = {"recipient_mobile_number": f"9198765{order:05d}", "message": f"Your order {order} is ready"}
    headers = {} if key is None else {"Idempotency-Key": f"order {key}"}
    return str(request(f"{web}/send_message", body, headers=headers)["jobId"])
