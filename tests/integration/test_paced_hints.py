"""Paced hints at the end of a process, and after a fork: none is left behind, and none is published twice."""

from __future__ import annotations

import os
import subprocess
import sys
from queue import Queue

from harkara.delivery.hints import Hints
from harkara.delivery.paced_hints import PacedHints

SECONDS = 10.0

SCRIPT = """
from harkara.delivery.hints import Hints
from harkara.delivery.paced_hints import PacedHints
hints = PacedHints(Hints(lambda ids, *, urgent: print(*ids, flush=True), 50), 0.2)
for name in ("first", "second", "third"):
    hints.publish([(name, 2)])
"""


def test_a_process_that_ends_publishes_what_waits() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["first", "second third"]


def test_after_a_fork_the_parent_publishes_what_waited_in_it() -> None:
    published: Queue[list[str]] = Queue()
    hints = PacedHints(Hints(lambda ids, *, urgent: published.put(list(ids)), 50), 0.5)
    hints.publish([("first", 2)])
    hints.publish([("second", 2)])
    child = os.fork()
    if child == 0:
        published.queue.clear()
        hints.publish([("of the child", 0)])
        os._exit(0 if list(published.queue) == [["of the child"]] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [published.get(timeout=SECONDS) for _ in range(2)] == [["first"], ["second"]]
