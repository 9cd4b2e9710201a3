"""`kill -9` of every worker in the middle of a backlog, and new ones started at once."""

from __future__ import annotations

import time
from collections import Counter

from sqlalchemy import text

from benchmarks.about import About
from benchmarks.environment import WORKERS, Deployment, Environment
from benchmarks.figure import Figure, at_most
from benchmarks.messages import envelopes
from config.settings.workers import WorkerSettings
from harness.waiting import wait_until

IN_FLIGHT = WorkerSettings.model_fields["threads"].default * WORKERS
"""The most messages that the workers send at the same time."""

ABOUT = About(
    "`kill -9` of every worker",
    "Two workers send a backlog of 2,000 with the default settings. After a third, both die of SIGKILL, and two others "
    "start at the same moment. A message is settled when its outcome is known, or when the ledger names it "
    "`uncertain`: whether it arrived is not known, and it is not sent again by itself. Times are from the kill.",
    "the webhooks and people that decide later whether an uncertain message arrived. It is one run, and the number of "
    "uncertain messages depends on the moment.",
)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    number = 600 if quick else 2000
    with environment.deploy() as deployment:
        with deployment.client() as client:
            client.send_many(envelopes(number, category="reply"))
        deployment.start_workers()
        wait_until(lambda: deployment.api.count_posts() >= number // 3, 60, "a third is sent", interval=0.005)
        for worker in deployment.workers:
            worker.kill()
        killed = time.time()
        held = _held_or_queued(deployment)
        deployment.start_workers(ready=False)
        freed = wait_until(lambda: not held & _held_or_queued(deployment), 120, "every held message moves") - killed
        settled = wait_until(lambda: _settled(deployment), 120, "every outcome is known, or uncertain") - killed
        states = deployment.states()
        posts = Counter(post.to for post in deployment.api.posts())
        deployment.check()
    lost = number - states["accepted"] - states["uncertain"]
    unsent = max(0, number - len(posts) - states["uncertain"])  # an uncertain message may not have been sent
    return [
        Figure("all settled after", "s", [settled], at_most(15)),
        Figure("every message of the dead workers is free or settled after", "s", [freed], at_most(12)),
        Figure("lost", "", [lost + unsent], at_most(0), number),
        Figure("sent twice", "", [sum(times > 1 for times in posts.values())], at_most(0), number),
        Figure("uncertain", "", [states["uncertain"]], at_most(IN_FLIGHT), number),
    ]


def _held_or_queued(deployment: Deployment) -> set[tuple[str, int]]:
    """Return the messages that a worker holds or a hint names, each with its epoch."""
    with deployment.ledger.connect() as connection:
        rows = connection.execute(text("SELECT id, epoch FROM message WHERE state IN ('queued', 'claimed')"))
        return {(id, epoch) for id, epoch in rows}


def _settled(deployment: Deployment) -> bool:
    return not deployment.states().keys() - {"accepted", "uncertain"}
