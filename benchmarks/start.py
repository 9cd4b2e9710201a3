"""What a process costs before it sends: the import of the client, and `harkara status` from a shell."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from benchmarks.about import About
from benchmarks.environment import Deployment, Environment
from benchmarks.figure import Figure, at_most
from benchmarks.messages import recipient, text
from harness.process import ROOT

ABOUT = About(
    "Start and memory",
    "New Python processes, one after the other, with compiled bytecode and warm files. The import is "
    "`from harkara import Client`; its memory is the peak of the whole process, with Python itself. `harkara status` "
    "runs from the shell with a ledger in PostgreSQL.",
    "the first start after an installation, which compiles the code and reads it from disk. The memory of two workers "
    "is in the first table.",
)

PRODUCER = """
import json, re, sys, time
def peak():  # getrusage would count the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024 / 1e6
start = time.perf_counter()
from harkara import Client
seconds = time.perf_counter() - start
imported = peak()
client = Client(sys.argv[1])
client.send(sys.argv[3], to=sys.argv[2])
print(json.dumps([1000 * seconds, imported, peak()]))
"""
"""Prints the milliseconds of the import, and the megabytes after it and after the first message."""


def measure(environment: Environment, quick: bool) -> list[Figure]:
    number = 3 if quick else 20
    with environment.deploy() as deployment:
        with deployment.client() as client:
            handle = client.send(text(0), to=recipient(0))
        _status(deployment, handle.id)
        _import(deployment, 0)
        status, producers = [], []
        for n in range(1, number + 1):
            status.append(_status(deployment, handle.id))
            producers.append(_import(deployment, n))
    times, imported, sent = zip(*producers, strict=True)
    return [
        Figure("import of the client", "ms", times, at_most(150)),
        Figure("memory of a producer after the import", "MB", imported, at_most(40)),
        Figure("memory of a producer after its first message, Redis alone", "MB", sent),
        Figure("`harkara status` from the shell", "ms", status, at_most(350)),
    ]


def _status(deployment: Deployment, id: str) -> float:
    """Return the milliseconds of the whole command."""
    start = time.perf_counter()
    done = deployment.run_command("status", id)
    assert done.returncode == 0, done.stderr
    return 1000 * (time.perf_counter() - start)


def _import(deployment: Deployment, n: int) -> tuple[float, float, float]:
    command = [sys.executable, "-c", PRODUCER, deployment.valkey.url, recipient(n), text(n)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    milliseconds, imported, sent = json.loads(done.stdout)
    return milliseconds, imported, sent
