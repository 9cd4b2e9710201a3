"""Contestant: a dramatiq actor for each message, with a SQLModel session and a commit for its outcome."""

from __future__ import annotations

import sys
import threading

import dramatiq  # type: ignore[import-not-found]  # only the environment of `make bench` holds the contestants
import requests
from dramatiq.brokers.redis import RedisBroker  # type: ignore[import-not-found]  # the same
from sqlmodel import Session

from benchmarks.contestants.job import API_URL, HEADERS, REDIS_URL, body, create_table, engine, outcome
from benchmarks.messages import recipient as number_of
from benchmarks.messages import text as text_of

THREADS = 32

broker = RedisBroker(url=REDIS_URL)
dramatiq.set_broker(broker)

_engine = engine(THREADS)
_local = threading.local()


def send(recipient: str, text: str) -> None:
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        _local.session.trust_env = False
    answer = _local.session.post(API_URL, data=body(recipient, text), headers=HEADERS, timeout=10)
    with Session(_engine) as session:
        session.add(outcome(recipient, answer.status_code, answer.json()))
        session.commit()


actor = dramatiq.actor(send)


if __name__ == "__main__":
    create_table()
    for n in range(int(sys.argv[1])):
        actor.send(number_of(n), text_of(n))
