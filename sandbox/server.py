"""The process: listens, answers until it is told to stop, and leaves no connection behind."""

from __future__ import annotations

import asyncio
import signal
import sys
from http import HTTPStatus

import h11

from sandbox.account import Account, Verdict
from sandbox.answers import error
from sandbox.desk import Desk
from sandbox.faults import Faults
from sandbox.history import History
from sandbox.phones.phones import Phones
from sandbox.settings import Settings
from sandbox.switches import Switches
from sandbox.webhooks.outbox import Outbox
from sandbox.wire import Request, TooLarge, Wire

BODY_MAX = 1_048_576
SEND_PATHS = ("/developer/api/send_message", "/send_message")


class Server:
    """Hands each request to the account or to the desk, one task for each connection."""

    def __init__(self, settings: Settings, switches: Switches) -> None:
        history = self._history = History(settings.history)
        self._host, self._port = settings.host, settings.port
        self._faults = Faults(switches)
        self._account = Account(settings.allowed_tokens, self._faults, history)
        self._outbox = Outbox(self._faults, settings.history)
        self._phones = Phones(self._faults, self._outbox, settings.history)
        self._desk = Desk(self._account, self._faults, history, self._phones, self._outbox)
        self._conversations: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; requests that hang are cut off."""
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        server = await asyncio.start_server(self._converse, self._host, self._port, backlog=1024)
        port = server.sockets[0].getsockname()[1]
        sys.stdout.write(f"sandbox listening on http://{self._host}:{port}\n")
        sys.stdout.flush()
        await stop.wait()
        server.close()
        for task in self._conversations:
            task.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        await self._outbox.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        wire = Wire(reader, writer)
        try:
            while request := await wire.request(self._faults.switches.keepalive_seconds):
                await self._serve(wire, request)
        except h11.RemoteProtocolError as problem:
            await wire.complain(error(problem.error_status_hint, "Not a request in HTTP/1.1"))
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # the client left, dawdled, or the process stops: nobody is there to be told
        finally:
            wire.close()
            self._conversations.discard(task)

    async def _serve(self, wire: Wire, request: Request) -> None:
        if request.path in SEND_PATHS and request.method == "POST":
            await self._send_message(wire, request)
            return
        try:
            answer = self._desk.answer(request, await wire.body(BODY_MAX))
        except TooLarge:
            answer = error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Body must not be larger than 1 MiB")
        await wire.send(answer)

    async def _send_message(self, wire: Wire, request: Request) -> None:
        authorization = request.header(b"authorization")
        if self._account.resets_before_reading(authorization):
            wire.reset()
            return
        try:
            raw = await wire.body(BODY_MAX)
            verdict = self._account.receive(authorization, request.header(b"content-type"), raw)
        except TooLarge:
            verdict = self._account.too_large(authorization)
        if verdict.entry.delivered:
            self._phones.take(verdict.entry)
        await self._tell(wire, verdict)

    async def _tell(self, wire: Wire, verdict: Verdict) -> None:
        switches = self._faults.switches
        if delay := self._faults.pause(switches.latency_ms):
            await asyncio.sleep(delay)
        arrived = await wire.send(verdict.answer, verdict.leaves, switches.slow_drip_ms / 1000)
        self._history.note(verdict.entry, told=arrived and verdict.entry.outcome != "server_error_after_accept")
