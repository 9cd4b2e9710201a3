"""The client of an event loop does what the other client does."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime, timedelta

import pytest
import redis

from harkara import AsyncClient, Client, Invalid, NotFound, Template, Unavailable
from harkara.ledger.database import Database
from harness.ledger import migrated
from harness.ports import free_port
from harness.valkey import ValkeyServer
from tests.integration.client.worker import ASHA, running_worker


def test_both_clients_have_the_same_calls() -> None:
    calls = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    own = {name for name, _ in inspect.getmembers(AsyncClient, inspect.isfunction) if not name.startswith("_")}
    assert own - {"aclose"} == calls - {"close"}
    waiting = {name for name in own if inspect.iscoroutinefunction(getattr(AsyncClient, name))}
    assert own - waiting == {"envelope"}


def test_a_message_is_sent_followed_and_cancelled(
    valkey_server: ValkeyServer, redis_client: redis.Redis, db: Database
) -> None:
    async def call() -> None:
        async with AsyncClient(valkey_server.url, producer="shop") as client:
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            handle = await client.send(Template("reminder", category="utility"), to=ASHA, at=tomorrow, reference="a")
            assert (await client.status("a"))["id"] == handle.id
            assert await client.cancel(handle)
            with pytest.raises(NotFound):
                await client.status("b")
            with pytest.raises(Invalid, match=r"^to: "):
                await client.send("Hello", to="12")

    with running_worker(valkey_server, db):
        asyncio.run(call())


def test_a_client_of_the_ledger_stores_the_message_itself(database_url: str) -> None:
    async def call() -> None:
        async with AsyncClient(database_url=migrated(database_url)) as client:
            handles = await asyncio.gather(*(client.send("Hello", to=ASHA, reference=f"{n}") for n in range(5)))
            assert len({handle.id for handle in handles}) == 5
            assert (await client.status("4"))["state"] == "waiting"

    asyncio.run(call())


def test_without_redis_it_raises_unavailable() -> None:
    async def call() -> None:
        async with AsyncClient(f"redis://127.0.0.1:{free_port()}/0", seconds=0.5) as client:
            await client.send("Hello", to=ASHA)

    with pytest.raises(Unavailable):
        asyncio.run(call())
