"""`kill -9` of the only worker in the middle of a backlog, and another one started at once."""

from __future__ import annotations

import time
from collections import Counter

from benchmarks.environment import Deployment, Environment
from benchmarks.figure import Figure, at_most
from benchmarks.messages import envelopes
from harkara.ledger.tables import message
from harness.waiting import wait_until

THREADS = 64


def measure(environment: Environment, quick: bool) -> list[Figure]:
    number, lease, read_timeout = (400, 5.0, 1.0) if quick else (2000, 10.0, 15.0)
    settings = {"HARKARA_LEASE": str(lease), "HARKARA_READ_TIMEOUT": str(read_timeout)}
    with environment.deploy(**settings) as deployment:
        with deployment.client() as client:
            client.send_many(envelopes(number, category="reply"))
        deployment.start_workers(1)
        wait_until(lambda: deployment.api.count_posts() >= number // 3, 60, "a third is sent", interval=0.005)
        deployment.workers[0].kill()
        held = _held_or_queued(deployment)
        killed = time.time()
        deployment.start_workers(1, ready=False)
        freed = wait_until(lambda: not held & _held_or_queued(deployment), 60, "every held message moves") - killed
        settled = wait_until(lambda: _settled(deployment), 120, "every outcome is known, or uncertain") - killed
        states = deployment.states()
        twice = [to for to, times in Counter(post.to for post in deployment.api.posts()).items() if times > 1]
        deployment.check()
    assert states["uncertain"] + states["accepted"] == number, f"{number} were to end, found {states}"
    return [
        Figure("kill -9 of the only worker, everything moves again after", "s", [freed], at_most(lease + 2)),
        Figure("kill -9, every outcome known or named uncertain after", "s", [settled]),
        Figure("kill -9, uncertain", "", [states["uncertain"]], at_most(THREADS)),
        Figure("kill -9, sent twice", "", [len(twice)], at_most(0)),
    ]


def _held_or_queued(deployment: Deployment) -> set[tuple[str, int]]:
    """Return the messages that a worker holds or a hint names, each with its epoch."""
    with deployment.ledger.read() as tx:
        query = message.select().with_only_columns(message.c.id, message.c.epoch)
        return {(row.id, row.epoch) for row in tx.execute(query.where(message.c.state.in_(("queued", "claimed"))))}


def _settled(deployment: Deployment) -> bool:
    return not deployment.states().keys() - {"accepted", "uncertain"}
