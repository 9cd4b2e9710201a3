"""Starts Python processes as forks of one that has imported the libraries: most of the CPU of a start is imports.

Only what reads neither settings nor environment is imported before the fork. A fork then runs its module as
`python -m` does, in a session of its own, with the environment and the standard streams that it was given.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from threading import Lock
from typing import NamedTuple, cast

import harkara

ROOT = Path(__file__).resolve().parents[1]

LIBRARIES = (
    "alembic.command",
    "babel.dates",
    "celery.app.log",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.thread",
    "fastapi",
    "kombu.transport.redis",
    "prometheus_client",
    "pydantic_settings",
    "requests",
    "rich.traceback",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlmodel",
    "structlog",
    "time_machine",
    "typer.main",
    "uvicorn.main",
)

_LARGEST_REQUEST = 1 << 18


class _Order(NamedTuple):
    """What a fork is to run: `python -m ARGUMENTS`, and the descriptors of its stdout and stderr."""

    arguments: list[str]
    environment: dict[str, str]
    out: int
    err: int


class Fork:
    """A process of the fork server, with the part of `subprocess.Popen` that tests use."""

    def __init__(self, args: Sequence[str], pid: int, status: int) -> None:
        self.args = args
        self.pid = pid
        self.returncode: int | None = None
        self._status: int | None = status

    def __del__(self) -> None:
        if self._status is not None:
            os.close(self._status)

    def poll(self) -> int | None:
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status, negative for a signal. Raises TimeoutExpired."""
        status = self._wait(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _wait(self, timeout: float | None) -> int | None:
        if self._status is not None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._status, selectors.EVENT_READ)
                if not selector.select(timeout):
                    return None
            self.returncode = os.waitstatus_to_exitcode(int(os.read(self._status, 16)))
            os.close(self._status)
            self._status = None
        return self.returncode


class ForkServer:
    """The server as its callers see it; it ends with this process."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = Lock()
        with theirs:
            command = [sys.executable, "-m", "harness.fork_server", str(theirs.fileno())]
            self._server = subprocess.Popen(
                command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._pid = os.getpid()
        atexit.register(self._close)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], out: int, err: int) -> Fork:
        """Run `python -m ARGUMENTS` with this environment and these descriptors as stdout and stderr."""
        request = json.dumps([list(arguments), dict(environment)]).encode()
        status, theirs = os.pipe()
        with self._lock:
            try:
                socket.send_fds(self._socket, [request], [out, err, theirs])
            finally:
                os.close(theirs)
            pid = int(self._socket.recv(16))
        return Fork(arguments, pid, status)

    def _close(self) -> None:
        if os.getpid() == self._pid:
            self._socket.close()
            self._server.wait()


@cache
def fork_server() -> ForkServer | None:
    """Return the fork server of this process, or None where the system has no descriptors of processes."""
    return ForkServer() if hasattr(os, "pidfd_open") else None


def _serve(requests: socket.socket) -> _Order:
    """Fork until the socket is closed. Returns in the forks alone, with what they are to run."""
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is requests:
                    message, descriptors, _, _ = socket.recv_fds(requests, _LARGEST_REQUEST, 3)
                    if not message:
                        sys.exit()
                    out, err, status = descriptors
                    pid = os.fork()
                    if not pid:
                        arguments, environment = json.loads(message)
                        return _Order(arguments, environment, out, err)
                    requests.send(str(pid).encode())
                    os.close(out)
                    os.close(err)
                    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, status))
                else:
                    pid, status = key.data
                    ended = os.waitpid(pid, 0)[1]
                    with suppress(BrokenPipeError):  # no one waits for it any more
                        os.write(status, str(ended).encode())
                    os.close(status)
                    selector.unregister(key.fileobj)
                    os.close(key.fd)


def _become(order: _Order) -> None:
    """Let this fork have the session, the streams, the environment and the arguments of the order."""
    os.setsid()
    os.dup2(order.out, 1)
    os.dup2(order.err, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for name in os.environ.keys() - order.environment.keys():
        del os.environ[name]
    os.environ.update(order.environment)
    sys.argv = order.arguments
    cast(TextIOWrapper, sys.stdout).reconfigure(write_through=True)  # as PYTHONUNBUFFERED does at a start


def _import_libraries() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(harkara.__path__, "harkara."):
        if not module.name.endswith("__main__") and ".migrations." not in module.name:
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _import_libraries()
    with socket.socket(fileno=int(sys.argv[1])) as callers:
        order = _serve(callers)
    _become(order)
    runpy.run_module(order.arguments[0], run_name="__main__", alter_sys=True)
