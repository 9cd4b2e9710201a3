"""A number, a code, a word and a token go through every door and meet every fate, and are seen nowhere after."""

from __future__ import annotations

import json
import random
import urllib.request
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator
from pathlib import Path
from re import findall
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from celery import Celery
from redis import Redis
from sqlalchemy import select

from harkara import Client, CopyCode, Envelope, Invalid, Template, Text
from harkara.broker import ACCEPT
from harkara.intake import STREAM, connect
from harkara.ledger.tables import event, message
from tests.acceptance.deployment import Deployment, deployment, locked
from tests.acceptance.hooks import SECRET, put_through, tell_all
from tests.services import Server, free_port

REDIS, LEDGER, TASK, COMMAND = "919811122233", "919822233344", "919833344455", "919844455566"
CODE = "73915482"
WORD = "marzipan"
TOKEN = "a-token-of-nougat"
NUMBERS = (REDIS, LEDGER, TASK, COMMAND)
SECRETS = (*NUMBERS, *(number[2:] for number in NUMBERS), CODE, WORD, TOKEN)
REFUSED = f"*{WORD}* for {CODE}"
"""No message may hold an asterisk."""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_secret_is_found_nowhere_but_in_the_ledger(
    tmp_path: Path, redis_server: Server, database_url: str
) -> None:
    metrics, flower = free_port(), free_port()
    settings = {"CHATMITRA_API_TOKEN": TOKEN, "HARKARA_DATABASE_PATIENCE": "1", "HARKARA_LOG_LEVEL": "DEBUG"}
    settings["CHATMITRA_WEBHOOK_SECRET"] = SECRET
    with deployment(tmp_path, redis_server, database_url, **settings) as harkara:
        redis = connect(redis_server.url, seconds=3)
        harkara.start_worker(HARKARA_METRICS_PORT=str(metrics))
        harkara.start_beat()
        harkara.start_flower(flower, FLOWER_UNAUTHENTICATED_API="true").wait_for("Connected to")
        pages = Flower(f"http://127.0.0.1:{flower}")
        with locked(tmp_path / "harkara.db"):
            by_task_name(redis_server.url)
            harkara.wait(lambda: "RETRY" in pages.read("/api/tasks"), "Flower sees that the ledger is away")
            assert secrets_in(*pages.all()) == set()  # while the worker has it in hand
            assert secrets_in(*everything_in(redis)) >= {TASK, CODE, WORD}  # as it must, until the ledger has it
        through_all_doors(harkara)
        harkara.wait(lambda: "FAILURE" in pages.read("/api/tasks"), "Flower sees the task that was refused")
        harkara.wait(lambda: not redis.xlen(STREAM) and not redis.hlen("unacked"), "everything is handed over")
        with locked(tmp_path / "harkara.db"):
            by_webhook(harkara)
            assert secrets_in(*everything_in(redis)) >= {LEDGER, CODE, WORD}  # the same
        harkara.wait(lambda: harkara.states()["delivered"] == 7 and folded(harkara), "webhooks are folded")
        assert secrets_in(*everything_in(redis)) == set()
        assert secrets_in(*pages.all(), read(f"http://127.0.0.1:{metrics}/metrics")) == set()
        assert secrets_in(*(process.said() for process in harkara.processes)) == set()
        assert secrets_in(str(harkara.sandbox.requests())) == set(SECRETS) - {TOKEN}
        assert codes_kept(harkara) == []


def through_all_doors(harkara: Deployment) -> None:
    """Some are sent at the second try, some refused by Chat Mitra, some by us; of one nobody knows."""
    echo = {"number": REDIS, "message": f"{REDIS} takes no {CODE}", "code": None}
    harkara.sandbox.faults(unavailable_next=3, refuse_numbers=[echo])
    with harkara.client() as client, harkara.direct_client() as direct:
        client.send_many(contents(REDIS))
        direct.send_many(contents(LEDGER))
        refuse(client)
        by_command(harkara)
        assert harkara.wait_settled(8) == {"accepted": 6, "failed": 2}
        assert harkara.sandbox.met("unavailable") == 3
        harkara.sandbox.faults(never_answer_share=1)
        client.send(f"Is the {WORD} for {CODE} there?", to=LEDGER)
        assert harkara.wait_settled(9) == {"accepted": 6, "failed": 2, "uncertain": 1}


def by_webhook(harkara: Deployment) -> None:
    """Of each message that it was delivered, with all that it said; and a customer writes."""
    tell_all(harkara, random.Random(47), patience=0.1)
    said = {"event": "message.received", "message_id": f"wamid.{LEDGER}", "from": LEDGER, "message": f"My {WORD}?"}
    put_through(harkara, [json.dumps(said).encode()], patience=0.1)


def folded(harkara: Deployment) -> bool:
    with harkara.ledger.read() as tx:
        return {row["state"] for row in tx.rows(select(event.c.state))} == {"folded"}


def codes_kept(harkara: Deployment) -> list[str]:
    with harkara.ledger.read() as tx:
        rows = tx.rows(select(message.c.state, message.c.body).where(message.c.category == "authentication"))
        told = tx.rows(select(event.c.body).where(event.c.body.like(f"%{CODE}%"), event.c.about != "received"))
    assert sorted(row["state"] for row in rows) == ["delivered"] * 3 + ["failed"]
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
