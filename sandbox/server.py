"""The server process: listens, responds until it is stopped, and leaves no connection open."""

from __future__ import annotations

import asyncio
import signal
import sys
from http import HTTPStatus

import h11

from sandbox.account import Account, Decision
from sandbox.arrival import TimedListener
from sandbox.connection import BodyTooLarge, Connection, Request
from sandbox.control_api import ControlAPI
from sandbox.fault_state import Faults
from sandbox.history import History
from sandbox.model.model import ModelAccount
from sandbox.phones.phones import Phones
from sandbox.responses import error_response
from sandbox.settings import Settings
from sandbox.switches import Switches
from sandbox.template_texts import ReadTemplate, know_no_template
from sandbox.webhooks.outbox import Outbox

BODY_MAX = 1_048_576
SEND_PATHS = ("/developer/api/send_message", "/send_message")
MODEL_PATH = "/v1/chat/completions"


class Server:
    """Passes each request to the account or to the control API, with one task for each connection."""

    def __init__(self, settings: Settings, switches: Switches, read: ReadTemplate = know_no_template) -> None:
        """`read` fills the approved texts of templates; a message that does not fit its text fails by webhook."""
        history = self._history = History(settings.history)
        self._host, self._port = settings.host, settings.port
        self._faults = Faults(switches)
        self._account = Account(settings.allowed_tokens, self._faults, history)
        self._outbox = Outbox(self._faults, settings.history)
        self._phones = Phones(self._faults, self._outbox, settings.history, read)
        self._model = ModelAccount(self._faults, settings.history)
        self._control_api = ControlAPI(
            self._account, self._faults, history, self._phones, self._outbox, self._model, read
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then cancel the requests that still hang."""
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        self._listener = TimedListener(self._host, self._port)
        server = await asyncio.start_server(self._handle_connection, sock=self._listener, backlog=1024)
        port = self._listener.getsockname()[1]
        sys.stdout.write(f"sandbox listening on http://{self._host}:{port}\n")
        sys.stdout.flush()
        await stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._outbox.close()

    async def _handle_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection(reader, writer, lambda: self._listener.received_at(writer))
        try:
            while request := await connection.read_request(self._faults.switches.keepalive_seconds):
                await self._handle_request(connection, request)
        except h11.RemoteProtocolError as problem:
            await connection.send_error(error_response(problem.error_status_hint, "Not a request in HTTP/1.1"))
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # the client left, was too slow, or the process stops: there is no client to respond to
        finally:
            connection.close()
            self._tasks.discard(task)

    async def _handle_request(self, connection: Connection, request: Request) -> None:
        if request.path in SEND_PATHS and request.method == "POST":
            await self._send_message(connection, request)
            return
        try:
            if (request.method, request.path) == ("POST", MODEL_PATH):
                await self._complete_chat(connection, request)
                return
            response = self._control_api.handle(request, await connection.read_body(BODY_MAX))
        except BodyTooLarge:
            response = error_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Body must not be larger than 1 MiB")
        await connection.send_response(response)

    async def _complete_chat(self, connection: Connection, request: Request) -> None:
        raw = await connection.read_body(BODY_MAX)
        answer = self._model.receive(request.header(b"authorization"), raw, connection.received_at())
        if answer.delay:
            await asyncio.sleep(answer.delay)
        await connection.send_response(answer.response, answer.mode)

    async def _send_message(self, connection: Connection, request: Request) -> None:
        authorization = request.header(b"authorization")
        if self._account.resets_before_reading(authorization):
            connection.reset()
            return
        try:
            raw = await connection.read_body(BODY_MAX)
            content_type = request.header(b"content-type")
            decision = self._account.receive(authorization, content_type, raw, connection.received_at())
        except BodyTooLarge:
            decision = self._account.refuse_too_large(authorization)
        if decision.entry.delivered:
            self._phones.deliver(decision.entry)
        await self._respond(connection, decision)

    async def _respond(self, connection: Connection, decision: Decision) -> None:
        switches, entry = self._faults.switches, decision.entry
        if delay := self._faults.delay_seconds(switches.latency_ms):
            await asyncio.sleep(delay)
        pause = switches.slow_drip_ms / 1000
        arrived = await connection.send_response(decision.response, decision.mode, pause)
        self._history.record_response(entry, informed=arrived and entry.outcome != "server_error_after_accept")
