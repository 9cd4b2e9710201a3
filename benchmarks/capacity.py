"""What each step of a message costs, and five hundred accounts at their limit: the figures of the page on capacity."""

from __future__ import annotations

import json
import os
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis
from sqlalchemy import text as sql

from benchmarks.about import About
from benchmarks.costs import STATISTICS, StepCost, count_statements, measured
from benchmarks.environment import TOKEN, WEBHOOK_SECRET, WORKERS, Deployment, Environment
from benchmarks.figure import Figure, at_least, at_most
from benchmarks.http_clients import Request, post_all
from benchmarks.messages import recipient, text
from benchmarks.resource_usage import Usage
from benchmarks.stand_in_client import Post
from benchmarks.webhooks import status_webhook, template
from harkara import Envelope, Text
from harness.postgres import postgres
from harness.waiting import wait_until

BATCH = 500
CLIENTS = 16
PATIENCE = 300.0

PER_MINUTE = 20
"""The allowance of each account."""

BACKLOG = 3 * PER_MINUTE
"""Messages that wait for each account at the start."""

MINUTE = 60.0

ABOUT = About(
    "Capacity",
    "One deployment on PostgreSQL with one worker passes the same messages through each step, and each step has a "
    f"cost a message. Then {WORKERS} workers send for many accounts of {PER_MINUTE} messages a minute that all have a "
    "backlog; the share is of what their limits permit in a minute.",
    "the CPU of the callers of the HTTP API, and of the server that answers; TLS; and the statements "
    "that only begin or end a transaction.",
)

_BYTES = sql("SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables")


def measure(environment: Environment, quick: bool) -> list[Figure]:
    number, accounts = (200, 20) if quick else (2_000, 500)
    with postgres(*STATISTICS) as server:
        own = Environment(server, environment.folder)
        with own.deploy(CHATMITRA_WEBHOOK_SECRET=WEBHOOK_SECRET) as deployment:
            count_statements(server, deployment.database_url)
            figures = [*_journey(deployment, number)]
    return [*figures, *_accounts(environment, accounts)]


def _journey(deployment: Deployment, number: int) -> Iterator[Figure]:
    """Measure each step; three ways to hand over are taken by `number` messages each."""
    yield from _idle(deployment, 10)
    empty = _bytes(deployment)
    yield from _one_by_one(deployment, range(number))
    yield from _in_bulk(deployment, range(number, 2 * number))
    yield from _over_http(deployment, range(2 * number, 3 * number))
    yield from _send(deployment, 3 * number)
    yield from _webhooks(deployment, range(number))
    yield Figure("tables and indexes", "bytes/message", [(_bytes(deployment) - empty) / (3 * number)])
    yield _waiting_in_redis(deployment, range(3 * number, 4 * number))
    deployment.check()


def _idle(deployment: Deployment, seconds: int) -> Iterator[Figure]:
    (worker,) = deployment.start_workers(1)
    with measured(deployment, worker.popen.pid) as cost:
        time.sleep(seconds)
    worker.terminate()
    yield from cost.figures("an idle worker", "the worker", seconds, "s")


def _one_by_one(deployment: Deployment, numbers: range) -> Iterator[Figure]:
    with deployment.client() as client, _measured_here(deployment) as cost:
        for n in numbers:
            client.send_many([template(n)])
    yield from cost.figures("accept one by one", "the client", len(numbers))


def _in_bulk(deployment: Deployment, numbers: range) -> Iterator[Figure]:
    with deployment.client() as client, _measured_here(deployment) as cost:
        for first in numbers[::BATCH]:
            client.send_many([template(n) for n in range(first, min(first + BATCH, numbers.stop))])
    yield from cost.figures(f"accept in bulk of {BATCH}", "the client", len(numbers))


def _over_http(deployment: Deployment, numbers: range) -> Iterator[Figure]:
    url = deployment.start_web()
    with measured(deployment, deployment.web[-1].popen.pid) as cost:
        post_all(url, [_request(n) for n in numbers], CLIENTS)
    yield from cost.figures("accept by the HTTP API", "the HTTP API", len(numbers))


def _send(deployment: Deployment, number: int) -> Iterator[Figure]:
    """Measure from the worker's readiness to the last outcome."""
    (worker,) = deployment.start_workers(1, ready=False)
    worker.wait_for_output("ready.")
    with measured(deployment, worker.popen.pid) as cost:
        before = deployment.states()["accepted"]
        wait_until(lambda: deployment.states()["accepted"] >= number, PATIENCE, "every message is sent", interval=0.2)
    yield from cost.figures("send and record", "the worker", number - before)


def _webhooks(deployment: Deployment, numbers: range) -> Iterator[Figure]:
    """Store both webhooks of each message without a worker, then let one apply them."""
    deployment.workers[-1].terminate()
    url = deployment.start_web()
    requests = [status_webhook(status, n) for status in ("sent", "delivered") for n in numbers]
    with measured(deployment, deployment.web[-1].popen.pid) as cost:
        post_all(url, requests, CLIENTS)
    yield from cost.figures("store a webhook", "the HTTP API", len(requests), "webhook")
    (worker,) = deployment.start_workers(1, ready=False)
    wait_until(lambda: deployment.states()["delivered"] > 0, PATIENCE, "a webhook is applied", interval=0.01)
    with measured(deployment, worker.popen.pid) as cost:
        before = deployment.states()["delivered"]
        wait_until(lambda: deployment.states()["delivered"] >= len(numbers), PATIENCE, "every webhook is applied")
    worker.terminate()
    yield from cost.figures("apply both webhooks", "the worker", len(numbers) - before)


def _waiting_in_redis(deployment: Deployment, numbers: range) -> Figure:
    """Return what a message takes in Redis that waits there for a worker."""
    with redis.Redis.from_url(deployment.valkey.url) as server, deployment.intake_client() as client:
        before = int(server.info("memory")["used_memory"])
        client.send_many([template(n) for n in numbers])
        taken = int(server.info("memory")["used_memory"]) - before
    return Figure("a message that waits in Redis", "bytes/message", [taken / len(numbers)])


@contextmanager
def _measured_here(deployment: Deployment) -> Iterator[StepCost]:
    """Measure with the CPU of this process as the step's own: the client is in it."""
    with measured(deployment) as cost:
        start = time.process_time()
        yield cost
        seconds = time.process_time() - start
    cost.process = seconds


def _request(n: int) -> Request:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    return Request("/developer/api/send_message", json.dumps(template(n).body()).encode(), headers)


def _bytes(deployment: Deployment) -> int:
    with deployment.ledger.connect() as connection:
        return int(connection.execute(_BYTES).scalar() or 0)


def _accounts(environment: Environment, number: int) -> Iterator[Figure]:
    """Measure the second minute: in the first, the accounts may send at once what they may send in a minute."""
    lanes = [f"account-{n}" for n in range(number)]
    allowance, tokens = f"{PER_MINUTE}/{MINUTE:.0f}s", ",".join(f"{lane}:benchmark" for lane in lanes)
    with environment.deploy(HARKARA_ALLOWANCE=allowance, HARKARA_LANE_TOKENS=tokens) as deployment:
        with deployment.client() as client:
            for each in _backlog(lanes):
                client.send_many(each)
        deployment.start_workers()
        start = wait_until(lambda: deployment.api.count_posts() > 0, 60, "the first POST") + MINUTE
        time.sleep(max(0.0, start - time.time()))
        before = deployment.usage()
        time.sleep(max(0.0, start + MINUTE - time.time()))
        after = deployment.usage()
        memory = Usage.now([worker.popen.pid for worker in deployment.workers]).megabytes
        posts = deployment.api.posts()
        deployment.check()
    sent = sum(start <= post.at < start + MINUTE for post in posts)
    busy = (after.seconds - before.seconds) / (after.at - before.at) / (os.cpu_count() or 1)
    what = f"{number} accounts of {PER_MINUTE} a minute, {WORKERS} workers"
    yield Figure(f"{what}: share of their limits used", "", [sent / (number * PER_MINUTE)], at_least(0.95), sent)
    yield Figure(f"{what}: most of an account in a minute", "", [_most(posts)], at_most(PER_MINUTE), len(posts))
    yield Figure(f"{what}: CPU left idle", "%", [100 * (1 - busy)], None, sent)
    yield Figure(f"{what}: memory of the workers", "MB", [memory])


def _backlog(lanes: Sequence[str]) -> Iterator[list[Envelope]]:
    """Yield the messages of three minutes of each account, to recipients of its own."""
    for number, lane in enumerate(lanes):
        recipients = range(number * BACKLOG, (number + 1) * BACKLOG)
        yield [Envelope(to=recipient(n), messages=[Text(text(n))], category="utility", lane=lane) for n in recipients]


def _most(posts: Sequence[Post]) -> int:
    """Return the most messages that one account sent in any minute."""
    sent: dict[int, list[float]] = defaultdict(list)
    for post in posts:
        sent[(int(post.to) - int(recipient(0))) // BACKLOG].append(post.at)
    return max(bisect_left(times, at + MINUTE) - number for times in sent.values() for number, at in enumerate(times))
