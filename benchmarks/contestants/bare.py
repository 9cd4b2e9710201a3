"""Contestant: threads with requests and without a queue, which write their outcomes by COPY."""

from __future__ import annotations

import sys
from queue import Empty, SimpleQueue
from threading import Thread

import psycopg
import requests

from benchmarks.contestants.job import API_URL, DATABASE_URL, HEADERS, Outcome, body, create_table, outcome
from benchmarks.messages import recipient, text
from harness.postgres import driver_url

THREADS = 160
BATCH = 500


def main(first: int, number: int) -> None:
    """Send messages `first` to `first + number - 1`; return when all their rows are durable."""
    waiting: SimpleQueue[int] = SimpleQueue()
    for n in range(first, first + number):
        waiting.put(n)
    done: SimpleQueue[Outcome] = SimpleQueue()
    for _ in range(THREADS):
        Thread(target=_send, args=(waiting, done)).start()
    with psycopg.connect(driver_url(DATABASE_URL)) as connection:
        for start in range(0, number, BATCH):
            rows = [done.get() for _ in range(min(BATCH, number - start))]
            with connection.cursor().copy("COPY outcome (recipient, status, job_id, at) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row((row.recipient, row.status, row.job_id, row.at))
            connection.commit()


def _send(waiting: SimpleQueue[int], done: SimpleQueue[Outcome]) -> None:
    with requests.Session() as session:
        session.trust_env = False
        while True:
            try:
                n = waiting.get_nowait()
            except Empty:
                return
            answer = session.post(API_URL, data=body(recipient(n), text(n)), headers=HEADERS, timeout=10)
            done.put(outcome(recipient(n), answer.status_code, answer.json()))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        create_table()
    else:
        main(int(sys.argv[1]), int(sys.argv[2]))
