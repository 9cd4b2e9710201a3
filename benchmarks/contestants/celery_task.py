"""Contestant: a plain Celery task for each message, with a SQLModel session and a commit for its outcome."""

from __future__ import annotations

import math
import sys
import threading
import time

import requests
from celery import Celery
from sqlmodel import Session

from benchmarks.contestants.job import API_URL, HEADERS, REDIS_URL, body, create_table, engine, outcome
from benchmarks.messages import recipient as number_of
from benchmarks.messages import text as text_of

THREADS = 32

app = Celery("contestant", broker=REDIS_URL)
app.conf.update(
    worker_pool="threads",
    worker_concurrency=THREADS,
    worker_prefetch_multiplier=1,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)

_engine = engine(THREADS)
_local = threading.local()


@app.task(name="send")
def send(recipient: str, text: str) -> None:
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        _local.session.trust_env = False
    answer = _local.session.post(API_URL, data=body(recipient, text), headers=HEADERS, timeout=10)
    with Session(_engine) as session:
        session.add(outcome(recipient, answer.status_code, answer.json()))
        session.commit()


def produce(number: int, per_second: float) -> None:
    """Call the task for each message, and print the time of each call in seconds since the epoch."""
    start = time.monotonic()
    with app.producer_or_acquire() as producer:
        for n in range(number):
            time.sleep(max(0.0, start + n / per_second - time.monotonic()))
            print(time.time())
            send.apply_async((number_of(n), text_of(n)), producer=producer)


if __name__ == "__main__":
    create_table()
    produce(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else math.inf)
