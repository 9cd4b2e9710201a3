"""Settings of the processes: workers, logs and metrics."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from config.fields import Duration
from harkara.shared_defaults import CHUNK, LEASE_SECONDS


class WorkerSettings(BaseSettings):
    """How a worker runs and what it shows."""

    threads: int = Field(default=64, ge=1, le=512, description="Sender threads of a worker process")
    chunks: int = Field(default=12, ge=2, le=64, description="Celery tasks that a worker process runs at once")
    chunk_size: int = Field(default=CHUNK, ge=1, le=500, description="Messages in one hint")
    depth: int = Field(default=4000, ge=1, description="Most queued messages of a lane without a limit")
    connect_timeout: Duration = Field(
        default=timedelta(seconds=3.05), gt=timedelta(), description="Longest time to connect to Chat Mitra"
    )
    read_timeout: Duration = Field(
        default=timedelta(seconds=15), gt=timedelta(), description="Longest time for Chat Mitra's whole answer"
    )
    keepalive: Duration = Field(
        default=timedelta(seconds=4),
        ge=timedelta(),
        description="Time that an idle connection to Chat Mitra stays open",
    )
    lease: Duration = Field(
        default=timedelta(seconds=LEASE_SECONDS),
        ge=timedelta(seconds=1),
        description="Time that a message stays queued or claimed; below 5s a lane cannot use its whole allowance",
    )
    kill_at: str | None = Field(default=None, description="For crash tests only: where a worker kills itself")

    log_format: Literal["text", "json"] = Field(default="text", description="Form of log lines: text or json")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Lowest level to log")
    metrics_port: int | None = Field(default=None, description="Port of a worker's Prometheus metrics; empty for none")
    metrics_address: str = Field(default="127.0.0.1", description="Address that a worker's metrics listen on")

    @model_validator(mode="after")
    def _bound_post_timeout(self) -> Self:
        if self.post_timeout > timedelta(minutes=10):
            raise ValueError(
                "HARKARA_CONNECT_TIMEOUT and HARKARA_READ_TIMEOUT together must not exceed 10m, "
                f"and are {self.post_timeout.total_seconds():g}s"
            )
        return self

    @property
    def post_timeout(self) -> timedelta:
        """The longest time that one POST can take."""
        return self.connect_timeout + self.read_timeout
