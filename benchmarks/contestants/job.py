"""The job of every contestant: POST one message, and store a row with its outcome."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Engine, Table, create_engine
from sqlmodel import Field, SQLModel

API_URL = os.environ.get("BENCH_API_URL", "")
REDIS_URL = os.environ.get("BENCH_REDIS_URL", "")
DATABASE_URL = os.environ.get("BENCH_DATABASE_URL", "")

HEADERS = {"Authorization": "Bearer test-token", "Content-Type": "application/json"}


class Outcome(SQLModel, table=True):
    """The outcome of one message."""

    id: int | None = Field(default=None, primary_key=True)
    recipient: str
    status: int
    job_id: str
    at: datetime


def outcome(recipient: str, status: int, answer: dict[str, str]) -> Outcome:
    return Outcome(recipient=recipient, status=status, job_id=answer["jobId"], at=datetime.now(UTC))


def body(recipient: str, text: str) -> bytes:
    return json.dumps({"recipient_mobile_number": recipient, "message": text}).encode()


def engine(connections: int) -> Engine:
    return create_engine(DATABASE_URL, pool_size=connections)


def create_table() -> None:
    SQLModel.metadata.create_all(engine(1), tables=[cast(Table, Outcome.__table__)])  # type: ignore[attr-defined]  # SQLModel adds it at run time
