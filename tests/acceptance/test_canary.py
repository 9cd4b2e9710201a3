"""A number, a code, a word and a token go through every door and meet every fate, and are seen nowhere after."""

from __future__ import annotations

import json
import urllib.request
from base64 import b64decode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Iterator
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
from harkara.intake.stream import STREAM, WEBHOOKS
from harkara.ledger.callbacks.dead_callbacks import counts
from harkara.ledger.tables import event, message
from harkara.redis_client import connect
from harness.ports import free_port
from harness.valkey import ValkeyServer
from tests.acceptance import caller
from tests.acceptance.deployment import Deployment, deployment, locked
from tests.integration.test_callbacks import SECRET, Application, listening

REDIS, LEDGER, TASK, COMMAND, HTTP = "919811122233", "919822233344", "919833344455", "919844455566", "919855566677"
CODE = "73915482"
WORD = "marzipan"
NUMBERS = (REDIS, LEDGER, TASK, COMMAND, HTTP)
SAID = {*NUMBERS, *(number[2:] for number in NUMBERS), CODE, WORD}
"""What Chat Mitra must be told."""

TOKEN, SIGNATURE = "a-token-of-nougat", "a-secret-of-praline"
SECRETS = (*SAID, TOKEN, SIGNATURE, caller.TOKEN, SECRET)
REFUSED = f"*{WORD}* for {CODE}"
"""No message may hold an asterisk."""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_secret_is_found_nowhere_but_in_the_ledger(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    metrics, flower = free_port(), free_port()
    application = Application(port=free_port(), answers=lambda number: (500 if number == 1 else 204, {}))
    settings = {"CHATMITRA_API_TOKEN": TOKEN, "CHATMITRA_WEBHOOK_SECRET": SIGNATURE, **caller.DOOR}
    settings |= {"HARKARA_CALLBACK_URL": application.url, "HARKARA_CALLBACK_SECRET": SECRET}
    settings |= {"HARKARA_CALLBACK_PRIVATE": "True", "HARKARA_DATABASE_PATIENCE": "1", "HARKARA_LOG_LEVEL": "DEBUG"}
    with listening(application), deployment(tmp_path, redis_server, database_url, **settings) as harkara:
        redis = connect(redis_server.url, seconds=3)
        harkara.customers_write(NUMBERS)
        harkara.start_worker(HARKARA_METRICS_PORT=str(metrics))
        harkara.start_beat()
        harkara.start_web()
        harkara.start_flower(flower, FLOWER_UNAUTHENTICATED_API="true").wait_for_output("Connected to")
        pages = Flower(f"http://127.0.0.1:{flower}")
        with locked(tmp_path / "harkara.db"):
            by_task_name(redis_server.url)
            refused_by_http(harkara, contents(HTTP)[0].body(), 503)
            harkara.wait(lambda: "RETRY" in pages.read("/api/tasks"), "Flower sees that the ledger is away")
            assert secrets_in(*pages.all()) == set()  # while the worker has it in hand
            assert secrets_in(*everything_in(redis)) >= {TASK, CODE, WORD}  # as it must, until the ledger has it
        through_all_doors(harkara)
        harkara.wait(lambda: "FAILURE" in pages.read("/api/tasks"), "Flower sees the task that was refused")
        harkara.wait(lambda: not redis.xlen(STREAM) and not redis.hlen("unacked"), "everything is handed over")
        with locked(tmp_path / "harkara.db"):
            harkara.sandbox.customer(LEDGER, text=f"My {WORD} for {CODE}?")
            harkara.wait(lambda: redis.xlen(WEBHOOKS), "Redis has what the customer wrote")
            assert secrets_in(*everything_in(redis)) >= {LEDGER, CODE, WORD}  # the same
        harkara.wait(lambda: folded(harkara) and not sum(counts(harkara.ledger).values()), "all is folded and told")
        assert secrets_in(str(application.heard)) == {LEDGER, LEDGER[2:], CODE, WORD}
        assert secrets_in(*everything_in(redis)) == set()
        assert secrets_in(*pages.all(), read(f"http://127.0.0.1:{metrics}/metrics")) == set()
        assert secrets_in(str(caller.call(f"{harkara.web}/messages")), read(f"{harkara.web}/metrics")) == set()
        assert secrets_in(*(process.output() for process in harkara.processes)) == set()
        assert secrets_in(str(harkara.sandbox.requests())) == SAID
        assert codes_kept(harkara) == []


def through_all_doors(harkara: Deployment) -> None:
    """Some are sent at the second try, some refused by Chat Mitra, some by us; of one only a webhook knows."""
    echo = {"number": REDIS, "message": f"{REDIS} takes no {CODE}", "code": None}
    harkara.sandbox.faults(unavailable_next=3, refuse_numbers=[echo])
    with harkara.client() as client, harkara.direct_client() as direct:
        client.send_many(contents(REDIS))
        direct.send_many(contents(LEDGER))
        refuse(client)
        by_command(harkara)
        by_http(harkara)
        harkara.wait(lambda: harkara.states() == {"read": 8, "failed": 2}, "eight are read")
        assert harkara.sandbox.met("unavailable") == 3
        harkara.sandbox.faults(never_answer_share=1)
        client.send(f"Is the {WORD} for {CODE} there?", to=LEDGER)
        harkara.wait(lambda: harkara.states() == {"read": 9, "failed": 2}, "nine are read")


def folded(harkara: Deployment) -> bool:
    """Everything that was heard: three steps of nine messages, and the customer."""
    with harkara.ledger.read() as tx:
        return Counter(row["state"] for row in tx.rows(select(event.c.state))) == {"folded": 28}


def codes_kept(harkara: Deployment) -> list[str]:
    with harkara.ledger.read() as tx:
        rows = tx.rows(select(message.c.state, message.c.body).where(message.c.category == "authentication"))
        told = tx.rows(select(event.c.body).where(event.c.body.like(f"%{CODE}%"), event.c.about != "received"))
    assert sorted(row["state"] for row in rows) == ["failed"] + ["read"] * 4
    return [row["body"] for row in [*rows, *told] if row["body"] is not None]


def contents(number: str) -> list[Envelope]:
    code = Template("login_code", body=[CODE], buttons=[CopyCode(CODE)], category="authentication")
    return [Envelope(to=number, messages=[content]) for content in (code, Text(f"Your {WORD} is ready."))]


def refuse(client: Client) -> None:
    with pytest.raises(Invalid) as refusal:
        client.send(REFUSED, to=REDIS)
    assert secrets_in(str(refusal.value), repr(refusal.value)) == set()


def by_task_name(redis_url: str) -> None:
    """As a shop that knows no more of Harkara than the task's name."""
    refused = {"recipient_mobile_number": TASK, "message": REFUSED}
    with Celery(broker=redis_url, set_as_current=False) as shop:
        for body, category in [(e.body(), e.category) for e in contents(TASK)] + [(refused, "reply")]:
            shop.send_task("harkara.enqueue", args=[body], kwargs={"category": category}, queue=ACCEPT)


def by_command(harkara: Deployment) -> None:
    code = ["--template", "login_code", "--param", CODE, "--copy-code", CODE, "--category", "authentication"]
    for content, status in ((code, 0), ([f"Your {WORD} is ready."], 0), ([REFUSED], 4)):
        assert harkara.start("command", "-m", "harkara", "send", COMMAND, *content).popen.wait(60) == status


def by_http(harkara: Deployment) -> None:
    """To the end, and to each refusal; a webhook whose signature is somebody else's is one."""
    for envelope in contents(HTTP):
        caller.post(harkara.web, envelope)
    refused_by_http(harkara, {"recipient_mobile_number": HTTP, "message": REFUSED}, 400)
    forged = {"event": "message.received", "message_id": "wamid.1", "from": HTTP, "message": f"{WORD} {CODE}"}
    refused_by_http(harkara, forged, 401, "/webhooks/chatmitra")


def refused_by_http(harkara: Deployment, body: object, status: int, path: str = "/send_message") -> None:
    with pytest.raises(HTTPError) as refusal:
        caller.call(harkara.web + path, body)
    assert refusal.value.code == status
    assert secrets_in(refusal.value.read().decode()) == set()


TASKS = urlencode(
    {"draw": 1, "start": 0, "length": 100, "search[value]": "", "order[0][column]": 0, "order[0][dir]": "asc"}
    | {"columns[0][data]": "name"}
)
"""What Flower's page of tasks asks for."""


class Flower:
    """Its API, which anybody may read here, and its pages."""

    def __init__(self, url: str) -> None:
        self._url = url

    def read(self, path: str) -> str:
        return read(self._url + path)

    def all(self) -> Iterator[str]:
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


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def everything_in(redis: Redis) -> Iterator[str]:
    """Every key and value, and what base64 in them hides, as Celery's bodies are."""
    for key in redis.scan_iter():
        kind = cast(str, redis.type(key))
        readers: dict[str, Any] = {
            "string": redis.get,
            "hash": redis.hgetall,
            "list": lambda name: redis.lrange(name, 0, -1),
            "set": redis.smembers,
            "zset": lambda name: redis.zrange(name, 0, -1),
            "stream": redis.xrange,
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
