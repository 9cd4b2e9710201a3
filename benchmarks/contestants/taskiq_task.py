"""Contestant: a taskiq task for each message on a Redis stream, asynchronous throughout."""

from __future__ import annotations

import asyncio
import sys

import aiohttp  # type: ignore[import-not-found]  # only the environment of `make bench` holds the contestants
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession
from taskiq import TaskiqEvents  # type: ignore[import-not-found]  # the same
from taskiq_redis import RedisStreamBroker  # type: ignore[import-not-found]  # the same

from benchmarks.contestants.job import API_URL, DATABASE_URL, HEADERS, REDIS_URL, body, create_table, outcome
from benchmarks.messages import recipient as number_of
from benchmarks.messages import text as text_of

CONNECTIONS = 32

broker = RedisStreamBroker(REDIS_URL)
_engine = create_async_engine(DATABASE_URL, pool_size=CONNECTIONS)


async def open_session(state: object) -> None:
    broker.state.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def send(recipient: str, text: str) -> None:
    async with broker.state.http.post(API_URL, data=body(recipient, text), headers=HEADERS) as answer:
        row = outcome(recipient, answer.status, await answer.json())
    async with AsyncSession(_engine) as session:
        session.add(row)
        await session.commit()


broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, open_session)
task = broker.register_task(send, task_name="send")


async def _produce(number: int) -> None:
    await broker.startup()
    for n in range(number):
        await task.kiq(number_of(n), text_of(n))
    await broker.shutdown()


if __name__ == "__main__":
    create_table()
    asyncio.run(_produce(int(sys.argv[1])))
