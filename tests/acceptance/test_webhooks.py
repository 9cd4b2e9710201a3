"""Webhooks settle what nobody could know: workers die between POST and record, and Chat Mitra tells how it went."""

from __future__ import annotations

import random
import time
from contextlib import closing
from pathlib import Path

from harkara.broker import UPKEEP, Broker
from harkara.states import State
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.hooks import SECRET, tell_all
from tests.acceptance.mail import mails
from tests.services import Server

KILLED = 40
"""Messages whose worker dies when it has read Chat Mitra's answer and not recorded it."""


def test_what_a_killed_worker_left_uncertain_is_settled_by_webhooks_within_a_minute(
    tmp_path: Path, redis_server: Server, database_url: str
) -> None:
    letters = mails(KILLED, ("reply", "utility", "marketing"))
    with deployment(tmp_path, redis_server, database_url, CHATMITRA_WEBHOOK_SECRET=SECRET) as harkara:
        harkara.hand_over(letters)
        harkara.start_worker(ready=False, HARKARA_KILL_AT=f"K4*{KILLED}").wait_dead()
        assert harkara.sandbox.counts()["accepted"] == KILLED
        harkara.start_worker()
        harkara.wait(lambda: harkara.states()[State.UNCERTAIN] == KILLED, "all of them are uncertain")
        begun = time.monotonic()
        tell_all(harkara, random.Random(4))
        harkara.wait(lambda: uncertain(harkara) <= KILLED * 0.05, "webhooks settle them", 60)
        print(f"{KILLED - uncertain(harkara)} of {KILLED} settled in {time.monotonic() - begun:.1f} s")
        verdict = harkara.wait_for(letters)
        verdict.assert_kept(uncertain=int(KILLED * 0.05))
        assert set(verdict.states) <= {State.SENT, State.DELIVERED, State.UNCERTAIN}
        assert harkara.sandbox.counts()["accepted"] == KILLED, "nothing went out twice"


def test_webhooks_that_are_faster_than_the_sweep_settle_what_is_still_sending(
    tmp_path: Path, redis_server: Server, database_url: str
) -> None:
    letters = mails(8, ("authentication", "reply", "utility", "marketing"))
    with deployment(tmp_path, redis_server, database_url, CHATMITRA_WEBHOOK_SECRET=SECRET) as harkara:
        harkara.hand_over(letters)
        harkara.start_worker(ready=False, HARKARA_KILL_AT="K4*8").wait_dead()
        tell_all(harkara, random.Random(8))
        worker = harkara.start_worker()
        with closing(Broker.at(harkara.valkey.url)) as broker:
            broker.fold()
            harkara.wait(lambda: not broker.depths()[UPKEEP], "somebody hears the bell")
        verdict = harkara.wait_for(letters)
        verdict.assert_kept()
        assert verdict.states == {State.DELIVERED: 8}
        assert harkara.sandbox.counts()["accepted"] == 8, "no code went out twice"
        assert "unregistered task" not in worker.said()
        assert "Traceback" not in worker.said()


def uncertain(harkara: Deployment) -> int:
    return harkara.states()[State.UNCERTAIN]
