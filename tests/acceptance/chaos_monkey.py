"""Kills, suspends and empties the parts of a deployment, in an order that a seed decides."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from harkara.intake.producer import STREAM
from harkara.intake.stream import WEBHOOKS
from harkara.redis_client import connect
from harness.postgres import PostgresServer
from harness.process import Process
from tests.acceptance.deployment import WEB_READY, Deployment

WORKERS = 2


class ChaosMonkey:
    """Starts the processes of a deployment, then causes fault after fault from a shuffled list."""

    def __init__(self, harkara: Deployment, random: Random, database: PostgresServer | None) -> None:
        self.faults: Counter[str] = Counter()
        self._harkara = harkara
        self._random = random
        self._database = database
        self._web = harkara.start_web()
        self._workers = harkara.start_workers(WORKERS)
        self._suspended: list[tuple[float, Process]] = []
        self._all_faults = [self._kill] * 4 + [self._suspend] * 2
        self._all_faults += [self._kill_redis, self._empty_redis, self._kill_web]
        self._all_faults += [self._kill_database] if database else []
        harkara.start_beat()

    def run(self, seconds: float) -> None:
        """Cause faults for `seconds` and every kind at least once; return when all processes run again."""
        end = time.monotonic() + seconds
        for place, fault in enumerate(self._shuffled()):
            if time.monotonic() > end and place >= len(self._all_faults):
                break
            time.sleep(self._random.uniform(1.0, 2.0))
            self._resume(time.monotonic())
            self._supervise()
            fault()
        self._resume(float("inf"))
        self._harkara.wait_until(self._is_running, "all processes run again")

    def _shuffled(self) -> Iterator[Callable[[], None]]:
        while True:
            self._random.shuffle(self._all_faults)
            yield from self._all_faults

    def _supervise(self) -> None:
        """Restart workers as a process manager does: a worker ends when it finds no database at its start."""
        self._workers = [each if each.alive else self._harkara.start_worker(ready=False) for each in self._workers]

    def _is_running(self) -> bool:
        self._supervise()
        return WEB_READY in self._web.output() and all("ready." in each.output() for each in self._workers)

    def _kill(self) -> None:
        victim = self._random.choice(self._workers)
        victim.kill()
        self._workers.remove(victim)
        self._suspended = [(until, process) for until, process in self._suspended if process is not victim]
        self._workers.append(self._harkara.start_worker(ready=False))
        self.faults["kills"] += 1

    def _suspend(self) -> None:
        """Suspend a worker for longer than its claims last, sometimes for longer than the lease of `sending`."""
        victim = self._random.choice(self._workers)
        victim.suspend()
        self._suspended.append((time.monotonic() + self._random.choice([3.0, 5.0, 15.0]), victim))
        self.faults["freezes"] += 1

    def _kill_web(self) -> None:
        self._web.kill()
        self._web = self._harkara.start_web(ready=False)
        self.faults["web kills"] += 1

    def _kill_redis(self) -> None:
        """Kill Redis, which has synced every command that it confirmed, as the intake requires."""
        self._harkara.valkey.kill()
        time.sleep(self._random.uniform(0, 2))
        self._harkara.valkey.start()
        self.faults["Redis kills"] += 1

    def _empty_redis(self) -> None:
        """Delete hints, locks and slots, but not the two streams, whose entries exist nowhere else."""
        redis = connect(self._harkara.valkey.url, seconds=30)
        for key in redis.scan_iter():
            if key not in (STREAM, WEBHOOKS):
                redis.delete(key)
        self.faults["Redis emptied"] += 1

    def _kill_database(self) -> None:
        assert self._database
        self._database.kill()
        time.sleep(self._random.uniform(0, 2))
        self._database.start()
        self.faults["database kills"] += 1

    def _resume(self, now: float) -> None:
        for until, process in self._suspended:
            if until <= now:
                process.resume()
        self._suspended = [(until, process) for until, process in self._suspended if until > now]
