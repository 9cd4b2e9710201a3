"""Settings of the processes: workers, logs and metrics."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from config.fields import Duration
from config.settings.section import SettingsSection
from harkara.shared_defaults import CHUNK, LEASE_SECONDS


class WorkerSettings(SettingsSection):
    """How a worker runs and what it shows."""

    threads: int = Field(default=160, ge=1, le=512, description="Sender threads of a worker process")
    chunks: int = Field(default=12, ge=2, le=64, description="Celery tasks that a worker process runs at once")
    chunk_size: int = Field(default=CHUNK, ge=1, le=500, description="Messages in one hint")
    depth: int = Field(default=4000, ge=1, description="Most queued messages of a lane without a limit")
    lease: Duration = Field(
        default=timedelta(seconds=LEASE_SECONDS),
        ge=timedelta(seconds=1),
        description="Time that a message stays queued or claimed; below 5s a lane cannot use its whole allowance",
    )
    kill_at: str | None = Field(default=None, description="For crash tests only: where a worker kills itself")

    log_format: Literal["text", "json"] = Field(default="text", description="Form of log lines: text or json")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Lowest level to log")
    metrics_port: int | None = Field(
        default=None, ge=1, le=65_535, description="Port of a worker's Prometheus metrics; empty for none"
    )
    metrics_address: str = Field(default="127.0.0.1", description="Address that a worker's metrics listen on")
