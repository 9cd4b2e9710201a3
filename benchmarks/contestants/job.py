"""The job of every contestant: validate one message, POST it, and store a row with its outcome."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated, cast

from pydantic import BaseModel, StringConstraints
from sqlalchemy import Engine, Table, create_engine
from sqlmodel import Field, SQLModel

API_URL = os.environ.get("BENCH_API_URL", "")
REDIS_URL = os.environ.get("BENCH_REDIS_URL", "")
DATABASE_URL = os.environ.get("BENCH_DATABASE_URL", "")

HEADERS = {"Authorization": "Bearer test-token", "Content-Type": "application/json"}


class Request(BaseModel):
    """A request to Chat Mitra with a text; its lengths are checked, as Harkara checks them."""

    recipient_mobile_number: Annotated[str, StringConstraints(pattern=r"^\d{10,15}$")]
    message: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


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
    """Validate a message and return its request. Raises pydantic.ValidationError."""
    return Request(recipient_mobile_number=recipient, message=text).model_dump_json().encode()


def engine(connections: int) -> Engine:
    return create_engine(DATABASE_URL, pool_size=connections)


def create_table() -> None:
    SQLModel.metadata.create_all(engine(1), tables=[cast(Table, Outcome.__table__)])  # type: ignore[attr-defined]  # SQLModel adds it at run time
