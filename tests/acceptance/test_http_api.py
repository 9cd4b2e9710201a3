"""The HTTP API on processes as deployed: each accepted message is stored and sent once, even after a crash."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from itertools import count
from pathlib import Path

from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment
from tests.acceptance.http_client import API_TOKENS, request

CALLERS = 8


def test_kill_9_of_the_http_api_loses_no_message_that_it_accepted(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    with deployment(tmp_path, redis_server, database_url, **API_TOKENS) as harkara:
        harkara.start_worker()
        web = harkara.start_web()
        keys = count()
        with ThreadPoolExecutor(CALLERS) as pool:
            posting = [pool.submit(post_until_it_is_killed, harkara.web, keys.__next__) for _ in range(CALLERS)]
            time.sleep(1.5)
            web.kill()
        answered = {key: job for each in posting for key, job in each.result().items()}
        assert len(answered) >= CALLERS

        harkara.start_web()
        total = next(keys)
        repeated = {key: send(harkara.web, key) for key in range(total)}
        assert {key: repeated[key] for key in answered} == answered
        assert len(set(repeated.values())) == total
        assert harkara.wait_settled(total) == {"accepted": total}
        assert set(harkara.sandbox.accepted().values()) == {1}
        assert len(harkara.sandbox.accepted()) == total


def post_until_it_is_killed(web: str, next_key: Callable[[], int]) -> dict[int, str]:
    """Return the job id of each successful response, by its key."""
    answered: dict[int, str] = {}
    while True:
        key = next_key()
        try:
            answered[key] = send(web, key)
        except (OSError, HTTPException):  # killed before or within its response
            return answered


def send(web: str, key: int) -> str:
    body = {"recipient_mobile_number": f"9198765{key:05d}", "message": f"Your order {key} is ready"}
    return str(request(f"{web}/send_message", body, headers={"Idempotency-Key": f"order {key}"})["jobId"])
