"""A backlog behind a limit of 80 in any second: the share that is used, and its cost."""

from __future__ import annotations

import os
import time

from benchmarks.about import About
from benchmarks.environment import WORKERS, Environment
from benchmarks.figure import Figure, at_least, at_most
from benchmarks.messages import envelopes
from benchmarks.resource_usage import CommandCounter
from harness.waiting import wait_until

PER_SECOND = 80
WARM_UP = 3.0
"""Seconds after the first POST in which the workers open their connections."""

ABOUT = About(
    "A backlog behind a rate limit",
    f"Two workers send a backlog; the server refuses with 429 what exceeds {PER_SECOND} requests in any second. The "
    "share is of what the limit permits in 30 seconds. Idle is the CPU time of both cores that workers, PostgreSQL and "
    "Redis leave.",
    f"the first {WARM_UP:g} seconds; the CPU of the server that answers; and the commands that a script runs inside "
    "Redis, which cost no round trip.",
)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    span = 5.0 if quick else 30.0
    with environment.deploy(limit=f"{PER_SECOND}/1s") as deployment:
        with deployment.client() as client:
            client.send_many(envelopes(int(PER_SECOND * (WARM_UP + span + 3))))
        deployment.start_workers()
        start = wait_until(lambda: deployment.api.count_posts() > 0, 30, "the first POST") + WARM_UP
        time.sleep(WARM_UP)
        commands, before = CommandCounter(deployment.valkey.url), deployment.usage()
        time.sleep(max(0.0, start + span - time.time()))
        sent, after = commands.count(), deployment.usage()
        posts = [post for post in deployment.api.posts() if start <= post.at < start + span]
    accepted = sum(post.status == 202 for post in posts)
    busy = (after.seconds - before.seconds) / (after.at - before.at) / (os.cpu_count() or 1)
    what, of = f"{PER_SECOND}/s, {WORKERS} workers", len(posts)
    return [
        Figure(f"{what}: share of the limit used", "", [accepted / (PER_SECOND * span)], at_least(0.985), of),
        Figure(f"{what}: answers of 429", "", [len(posts) - accepted], at_most(0), of),
        Figure(f"{what}: CPU left idle", "%", [100 * (1 - busy)], at_least(85), of),
        Figure(f"{what}: Redis commands per message", "", [sent / accepted], at_most(2), of),
    ]
