"""The web door on processes as deployed: what it has answered for is kept and sent once, however it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from itertools import count
from pathlib import Path

from harness.valkey import ValkeyServer
from tests.acceptance.caller import DOOR, call
from tests.acceptance.deployment import deployment

CALLERS = 8


def test_kill_9_of_the_web_door_loses_nothing_that_it_answered_for(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    with deployment(tmp_path, redis_server, database_url, **DOOR) as harkara:
        harkara.start_worker()
        web = harkara.start_web()
        keys = count()
        with ThreadPoolExecutor(CALLERS) as callers:
            told = [callers.submit(post_until_it_dies, harkara.web, keys.__next__) for _ in range(CALLERS)]
            time.sleep(1.5)
            web.kill()
        answered = {key: job for each in told for key, job in each.result().items()}
        assert len(answered) >= CALLERS

        harkara.start_web()
        asked = next(keys)
        again = {key: send(harkara.web, key) for key in range(asked)}
        assert {key: again[key] for key in answered} == answered
        assert len(set(again.values())) == asked
        assert harkara.wait_settled(asked) == {"accepted": asked}
        assert set(harkara.sandbox.accepted().values()) == {1}
        assert len(harkara.sandbox.accepted()) == asked


def post_until_it_dies(web: str, next_key: Callable[[], int]) -> dict[int, str]:
    """The jobs that it answered for, by the key of each."""
    answered: dict[int, str] = {}
    while True:
        key = next_key()
        try:
            answered[key] = send(web, key)
        except (OSError, HTTPException):  # it died before, or with the answer on its lips
            return answered


def send(web: str, key: int) -> str:
    body = {"recipient_mobile_number": f"9198765{key:05d}", "message": f"Your order {key} is ready"}
    return str(call(f"{web}/send_message", body, headers={"Idempotency-Key": f"order {key}"})["jobId"])
