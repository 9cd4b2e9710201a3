"""A worker that may not run tasks gives those back that carry the only copy of something, and does not hurry."""

from __future__ import annotations

import redis

from harkara.backends.broker import ACCEPT, UPKEEP
from harness.ports import free_port
from harness.valkey import ValkeyServer
from tests.integration.test_occasions import run_with

TASKS = {"harkara.record": UPKEEP, "harkara.enqueue": ACCEPT, "harkara.occasion": ACCEPT}
"""The tasks that carry the only copy of something, with their queues."""


def test_tasks_that_may_not_run_return_to_their_queues_after_a_wait(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    """The worker started without Redis, which has returned while the database is away."""
    script = f"""
import time
from queue import SimpleQueue
from celery.contrib.testing.worker import start_worker
from celery.signals import task_prerun
from config.celery_app import app
taken = SimpleQueue()
def note(task, **_):
    taken.put((task.name, time.monotonic()))
task_prerun.connect(note)
app.loader.import_default_modules()
times = {{name: [] for name in {[*TASKS]}}}
for name in times:
    app.send_task(name, args=["the only copy"])
with start_worker(app, pool="threads", concurrency=3, perform_ping_check=False):
    while min(map(len, times.values())) < 2:
        name, at = taken.get(timeout=30)
        times[name].append(at)
print("seconds", min(second - first for first, second, *_ in times.values()))
"""
    done = run_with(f"postgresql://harkara@127.0.0.1:{free_port()}/harkara", valkey_server.url, script)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split("seconds")[-1]) > 0.9
    kept = sum(redis_client.llen(queue) for queue in set(TASKS.values())) + redis_client.hlen("unacked")
    assert kept == len(TASKS)
