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
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import NamedTuple

import harkara
from harness.forked_command import request

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
    """What a fork is to run: `python -m ARGUMENTS`, in which folder, and the descriptors of its streams."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    streams: list[int]


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
        self._folder = TemporaryDirectory(prefix="forks-")
        self.address = f"{self._folder.name}/requests"
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(self.address)
            listener.listen()
            descriptors = [theirs.fileno(), listener.fileno()]
            command = [sys.executable, "-m", "harness.fork_server", *map(str, descriptors)]
            self._server = subprocess.Popen(
                command, cwd=ROOT, pass_fds=descriptors, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._pid = os.getpid()
        atexit.register(self._close)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], out: int, err: int) -> Fork:
        """Run `python -m ARGUMENTS` with this environment and these descriptors as stdout and stderr."""
        with self._lock, open(os.devnull, "rb") as nothing:
            pid, status = request(self._socket, arguments, environment, str(ROOT), [nothing.fileno(), out, err])
        return Fork(arguments, pid, status)

    def command(self, path: Path, *arguments: str) -> None:
        """Write an executable file that runs `python -m ARGUMENTS` with those given to it, as a fork of this server."""
        client = Path(__file__).with_name("forked_command.py")
        words = shlex.join([sys.executable, "-IS", str(client), self.address, *arguments])
        path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        path.chmod(0o755)

    def _close(self) -> None:
        if os.getpid() == self._pid:
            self._socket.close()
            self._server.wait()
            self._folder.cleanup()


@cache
def fork_server() -> ForkServer | None:
    """Return the fork server of this process, or None where the system has no descriptors of processes."""
    return ForkServer() if hasattr(os, "pidfd_open") else None


def _serve(owner: socket.socket, listener: socket.socket) -> _Order:
    """Fork until the owner closes its socket. Returns in the forks alone, with what they are to run."""
    with selectors.DefaultSelector() as selector:
        selector.register(owner, selectors.EVENT_READ)
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    selector.register(listener.accept()[0], selectors.EVENT_READ)
                elif not isinstance(caller := key.fileobj, socket.socket):
                    _report_end(selector, key)
                elif order := _fork(selector, caller):
                    return order
                elif caller.fileno() < 0 and caller is owner:
                    sys.exit()


def _fork(selector: selectors.BaseSelector, caller: socket.socket) -> _Order | None:
    """Fork for a request, and return the order in the fork; close the socket of a caller that has gone."""
    message, descriptors, _, _ = socket.recv_fds(caller, _LARGEST_REQUEST, 4)
    if not message:
        selector.unregister(caller)
        caller.close()
        return None
    *streams, status = descriptors
    pid = os.fork()
    if not pid:
        arguments, environment, folder = json.loads(message)
        return _Order(arguments, environment, folder, streams)
    caller.send(str(pid).encode())
    for stream in streams:
        os.close(stream)
    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, status))
    return None


def _report_end(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
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
    for number, stream in enumerate(order.streams):
        os.dup2(stream, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for name in os.environ.keys() - order.environment.keys():
        del os.environ[name]
    os.environ.update(order.environment)
    os.chdir(order.folder)
    sys.argv = order.arguments
    # New objects, since those of the server know whether its own streams can seek; unbuffered, as by PYTHONUNBUFFERED.
    sys.stdout, sys.stderr = _output(1), _output(2)


def _output(number: int) -> TextIOWrapper:
    return TextIOWrapper(open(number, "wb", buffering=0, closefd=False), write_through=True)


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
    with socket.socket(fileno=int(sys.argv[1])) as owner, socket.socket(fileno=int(sys.argv[2])) as listener:
        order = _serve(owner, listener)
    _become(order)
    runpy.run_module(order.arguments[0], run_name="__main__", alter_sys=True)
