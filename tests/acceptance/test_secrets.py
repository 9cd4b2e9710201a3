"""Numbers, a code, a word and tokens go through every interface and every outcome, and leak nowhere."""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from re import findall
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest
from celery import Celery
from redis import Redis
from sqlalchemy import select

from harkara import Client, CopyCode, Envelope, Invalid, Template, Text
from harkara.backends.broker import ACCEPT
from harkara.intake.producer import STREAM
from harkara.intake.stream import WEBHOOKS
from harkara.ledger.callbacks.dead_callbacks import count_callbacks
from harkara.ledger.tables import event, message
from harkara.redis_client import connect
from harness.ports import free_port
from harness.valkey import ValkeyServer
from tests.acceptance import http_client
from tests.acceptance.deployment import Deployment, deployment, locked
from tests.integration.callbacks.application import SECRET, Application, listening

REDIS, LEDGER, TASK, COMMAND, HTTP = "919811122233", "919822233344", "919833344455", "919844455566", "919855566677"
CODE = "73915482"
WORD = "marzipan"
NUMBERS = (REDIS, LEDGER, TASK, COMMAND, HTTP)
SENT = {*NUMBERS, *(number[2:] for number in NUMBERS), CODE, WORD}
"""Texts that Chat Mitra must receive."""

TOKEN, SIGNATURE = "a-token-of-nougat", "a-secret-of-praline"
SECRETS = (*SENT, TOKEN, SIGNATURE, http_client.TOKEN, SECRET)
REFUSED = f"*{WORD}* for {CODE}"
"""A text with an asterisk, which no message may contain."""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_secrets_are_found_nowhere_but_in_the_ledger(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    metrics, flower = free_port(), free_port()
    application = Application(port=free_port(), respond=lambda number: (500 if number == 1 else 204, {}))
    settings = {"CHATMITRA_API_TOKEN": TOKEN, "CHATMITRA_WEBHOOK_SECRET": SIGNATURE, **http_client.API_TOKENS}
    settings |= {"HARKARA_CALLBACK_URL": application.url, "HARKARA_CALLBACK_SECRET": SECRET}
    settings |= {"HARKARA_CALLBACK_PRIVATE": "True", "HARKARA_DATABASE_PATIENCE": "1", "HARKARA_LOG_LEVEL": "DEBUG"}
    with listening(application), deployment(tmp_path, redis_server, database_url, **settings) as harkara:
        redis = connect(redis_server.url, seconds=30)
        harkara.open_windows(NUMBERS)
        harkara.start_worker(HARKARA_METRICS_PORT=str(metrics))
        harkara.start_beat()
        harkara.start_web()
        harkara.start_flower(flower, FLOWER_UNAUTHENTICATED_API="true").wait_for_output("Connected to")
        pages = Flower(f"http://127.0.0.1:{flower}")
        # Flower shows workers before it has asked them for the events of tasks.
        harkara.wait_until(lambda: "harkara." in pages.read("/api/tasks"), "Flower shows the tasks of beat")
        with locked(tmp_path / "harkara.db"):
            send_by_task_name(redis_server.url)
            assert_refused_by_http(harkara, contents(HTTP)[0].body(), 503)
            harkara.wait_until(lambda: "RETRY" in pages.read("/api/tasks"), "Flower shows the retry")
            assert secrets_in(*pages.read_all()) == set()  # while the worker holds the task
            assert secrets_in(*everything_in(redis)) >= {TASK, CODE, WORD}  # needed until the ledger has the message
        send_through_all_interfaces(harkara)
        harkara.wait_until(lambda: "FAILURE" in pages.read("/api/tasks"), "Flower shows the refused task")
        harkara.wait_until(lambda: not redis.xlen(STREAM) and not redis.hlen("unacked"), "the ledger has every message")
        with locked(tmp_path / "harkara.db"):
            harkara.sandbox.write_as_customer(LEDGER, text=f"My {WORD} for {CODE}?")
            harkara.wait_until(lambda: redis.xlen(WEBHOOKS), "Redis has the customer's message")
            assert secrets_in(*everything_in(redis)) >= {LEDGER, CODE, WORD}  # the same
        harkara.wait_until(
            lambda: events_applied(harkara) and not sum(count_callbacks(harkara.ledger).values()),
            "all is applied",
        )
        assert secrets_in(str(application.payloads)) == {LEDGER, LEDGER[2:], CODE, WORD}
        assert secrets_in(*everything_in(redis)) == set()
        assert secrets_in(*pages.read_all(), http_client.read_text(f"http://127.0.0.1:{metrics}/metrics")) == set()
        assert (
            secrets_in(
                str(http_client.request(f"{harkara.web}/messages")), http_client.read_text(f"{harkara.web}/metrics")
            )
            == set()
        )
        assert secrets_in(*(process.output() for process in harkara.processes)) == set()
        assert secrets_in(str(harkara.sandbox.requests())) == SENT
        assert stored_codes(harkara) == []


def send_through_all_interfaces(harkara: Deployment) -> None:
    """Some messages need a second try, Chat Mitra or Harkara refuses some, and one depends on its webhook."""
    refusal = {"number": REDIS, "message": f"{REDIS} refuses {CODE}", "code": None}
    harkara.sandbox.set_faults(unavailable_next=3, refuse_numbers=[refusal])
    with harkara.client() as client, harkara.direct_client() as direct:
        client.send_many(contents(REDIS))
        direct.send_many(contents(LEDGER))
        send_invalid(client)
        send_by_command(harkara)
        send_by_http(harkara)
        harkara.wait_until(
            lambda: harkara.states() == {"read": 8, "failed": 2, "waiting": 2}, "eight are read, and two reminders wait"
        )
        assert harkara.sandbox.count("unavailable") == 3
        harkara.sandbox.set_faults(never_answer_share=1)
        client.send(f"Is the {WORD} for {CODE} there?", to=LEDGER)
        harkara.wait_until(
            lambda: harkara.states() == {"read": 9, "failed": 2, "waiting": 2}, "nine are read, and two reminders wait"
        )


def events_applied(harkara: Deployment) -> bool:
    """Return whether all events are applied: three of each of nine messages, and the customer's."""
    with harkara.ledger.read() as tx:
        return Counter(row["state"] for row in tx.rows(select(event.c.state))) == {"folded": 28}


def stored_codes(harkara: Deployment) -> list[str]:
    with harkara.ledger.read() as tx:
        rows = tx.rows(select(message.c.state, message.c.body).where(message.c.category == "authentication"))
        events = tx.rows(select(event.c.body).where(event.c.body.like(f"%{CODE}%"), event.c.about != "received"))
    assert sorted(row["state"] for row in rows) == ["failed"] + ["read"] * 4
    return [row["body"] for row in [*rows, *events] if row["body"] is not None]


def contents(number: str) -> list[Envelope]:
    code = Template("login_code", body=[CODE], buttons=[CopyCode(CODE)], category="authentication")
    return [Envelope(to=number, messages=[content]) for content in (code, Text(f"Your {WORD} is ready."))]


def send_invalid(client: Client) -> None:
    with pytest.raises(Invalid) as refusal:
        client.send(REFUSED, to=REDIS)
    assert secrets_in(str(refusal.value), repr(refusal.value)) == set()


def send_by_task_name(redis_url: str) -> None:
    """Send as an application that knows only the task's name."""
    refused = {"recipient_mobile_number": TASK, "message": REFUSED}
    with Celery(broker=redis_url, set_as_current=False) as application:
        for body, category in [(e.body(), e.category) for e in contents(TASK)] + [(refused, "reply")]:
            application.send_task("harkara.enqueue", args=[body], kwargs={"category": category}, queue=ACCEPT)
        # A message goes into the intake while the ledger is locked; an occasion is retried by Celery.
        visit = {"doctor": WORD, "place": "Room 2", "duration": "20 minutes", "helpline": "080 1234 5678"}
        options = {"to": TASK, "at": (datetime.now(UTC) + timedelta(days=30)).isoformat(), "parameters": visit}
        args = ["save", "appointment", "visit-1"]
        application.send_task("harkara.occasion", args=args, kwargs=options, queue=ACCEPT)


def send_by_command(harkara: Deployment) -> None:
    code = ["--template", "login_code", "--param", CODE, "--copy-code", CODE, "--category", "authentication"]
    for content, status in ((code, 0), ([f"Your {WORD} is ready."], 0), ([REFUSED], 4)):
        assert harkara.start("command", "harkara", "send", COMMAND, *content).popen.wait(60) == status


def send_by_http(harkara: Deployment) -> None:
    """Send messages, and requests that are refused, among them a webhook with a wrong signature."""
    for envelope in contents(HTTP):
        http_client.send(harkara.web, envelope)
    assert_refused_by_http(harkara, {"recipient_mobile_number": HTTP, "message": REFUSED}, 400)
    forged = {"event": "message.received", "message_id": "wamid.1", "from": HTTP, "message": f"{WORD} {CODE}"}
    assert_refused_by_http(harkara, forged, 401, "/webhooks/chatmitra")


def assert_refused_by_http(harkara: Deployment, body: object, status: int, path: str = "/send_message") -> None:
    with pytest.raises(HTTPError) as refusal:
        http_client.request(harkara.web + path, body)
    assert refusal.value.code == status
    assert secrets_in(refusal.value.read().decode()) == set()


TASKS = urlencode(
    {"draw": 1, "start": 0, "length": 100, "search[value]": "", "order[0][column]": 0, "order[0][dir]": "asc"}
    | {"columns[0][data]": "name"}
)
"""The query of Flower's page of tasks."""


class Flower:
    """Flower's API, without authentication here, and its pages."""

    def __init__(self, url: str) -> None:
        self._url = url

    def read(self, path: str) -> str:
        return http_client.read_text(self._url + path)

    def read_all(self) -> Iterator[str]:
        workers: dict[str, Any] = json.loads(self.read("/api/workers?refresh=1"))
        tasks: dict[str, Any] = json.loads(self.read("/api/tasks"))
        assert workers
        assert tasks
        yield json.dumps([workers, tasks])
        for path in ("/", "/workers", "/tasks", f"/tasks/datatable?{TASKS}", "/broker", "/metrics"):
            yield self.read(path)
        yield from (self.read(f"/worker/{name}") for name in workers)
        for name in (name for name, task in tasks.items() if task["name"] in ("harkara.enqueue", "harkara.send")):
            yield self.read(f"/task/{name}")
            yield self.read(f"/api/task/info/{name}")


def everything_in(redis: Redis) -> Iterator[str]:
    """Yield every key and value, and the decoded base64 in them, since Celery encodes its bodies."""
    for key in redis.scan_iter():
        kind = cast(str, redis.type(key))
        readers: dict[str, Any] = {
            "string": redis.get,
            "hash": redis.hgetall,
            "list": lambda name: redis.lrange(name, 0, -1),
            "set": redis.smembers,
            "zset": lambda name: redis.zrange(name, 0, -1),
            "stream": redis.xrange,
            "none": lambda name: "",  # it went after the scan: a lease that expired, a queue that was emptied
        }
        found = f"{key} {readers[kind](key)}"
        yield found
        for word in findall(r"[A-Za-z0-9+/]{16,}={0,2}", found):
            try:
                yield b64decode(word).decode("latin-1")
            except NotBase64:
                continue


def secrets_in(*texts: str) -> set[str]:
    return {secret for secret in SECRETS for text in texts if secret in text}
