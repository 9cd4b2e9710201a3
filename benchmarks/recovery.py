"""`kill -9` of the only worker in mid-drain, and another one started at once."""

from __future__ import annotations

import time
from collections import Counter

from benchmarks.figures import Figure, at_most
from benchmarks.ground import Ground, Harkara, messages
from harkara.ledger.tables import message
from harness.waiting import wait_until

THREADS = 64


def measure(ground: Ground, quick: bool) -> list[Figure]:
    number, lease, read_timeout = (400, 5.0, 1.0) if quick else (2000, 10.0, 15.0)
    settings = {"HARKARA_LEASE": str(lease), "HARKARA_READ_TIMEOUT": str(read_timeout)}
    with ground.harkara(**settings) as harkara:
        with harkara.client() as client:
            client.send_many(messages(number, category="reply"))
        harkara.start_workers(1)
        wait_until(lambda: harkara.api.seen() >= number // 3, 60, "a third is sent", interval=0.005)
        harkara.workers[0].kill()
        held = _in_hand(harkara)
        back = time.time()
        harkara.start_workers(1, ready=False)
        freed = wait_until(lambda: not held & _in_hand(harkara), 60, "what it held moves") - back
        settled = wait_until(lambda: _settled(harkara), 120, "every outcome is known, or named uncertain") - back
        states = harkara.states()
        twice = [to for to, times in Counter(post.to for post in harkara.api.posts()).items() if times > 1]
        harkara.check()
    assert states["uncertain"] + states["accepted"] == number, f"{number} were to end, found {states}"
    return [
        Figure("kill -9 of the only worker, everything moves again after", "s", [freed], at_most(lease + 2)),
        Figure("kill -9, every outcome known or named uncertain after", "s", [settled]),
        Figure("kill -9, uncertain", "", [states["uncertain"]], at_most(THREADS)),
        Figure("kill -9, sent twice", "", [len(twice)], at_most(0)),
    ]


def _in_hand(harkara: Harkara) -> set[tuple[str, int]]:
    """Messages that some worker holds or a hint names, each with the claim that it is held by."""
    with harkara.ledger.read() as tx:
        query = message.select().with_only_columns(message.c.id, message.c.epoch)
        return {(row.id, row.epoch) for row in tx.execute(query.where(message.c.state.in_(("queued", "claimed"))))}


def _settled(harkara: Harkara) -> bool:
    return not harkara.states().keys() - {"accepted", "uncertain"}
