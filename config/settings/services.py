"""Settings of Redis and the database."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, Field

from config.environment import ROOT, VAR
from config.fields import DatabaseUrl, Duration, RedisUrl
from config.settings.section import SettingsSection


class ServiceSettings(SettingsSection):
    """Where Redis and the database are."""

    redis_url: RedisUrl | None = Field(
        default=None,
        validation_alias=AliasChoices("harkara_redis_url", "redis_url"),
        description="Redis or Valkey, or its sentinels; without it `make up` runs an embedded Valkey under var/",
    )
    database_url: DatabaseUrl | None = Field(
        default=None,
        validation_alias=AliasChoices("harkara_database_url", "database_url"),
        description="PostgreSQL, also with its standbys, or SQLite; without it the ledger is a SQLite file under var/",
    )
    var: Annotated[Path, AfterValidator(lambda folder: ROOT / folder)] = Field(
        default=VAR, description="Folder of the embedded Valkey and of SQLite"
    )
    database_connections: int = Field(
        default=24, ge=6, le=600, description="Most connections of a process to PostgreSQL; a third is for transactions"
    )
    database_patience: Duration = Field(
        default=timedelta(seconds=5), gt=timedelta(), description="Longest wait for a locked database"
    )

    @property
    def broker_url(self) -> str:
        """The URL of Redis. Raises SystemExit when none is set and `make up` does not run."""
        if self.redis_url:
            return self.redis_url
        raise SystemExit("No Redis is configured: set HARKARA_REDIS_URL, or run `make up`, which brings its own.")

    @property
    def has_ledger(self) -> bool:
        """Whether a database is configured, or the SQLite file under var/ exists. Beat alone may have neither."""
        return self.database_url is not None or (self.var / "harkara.db").exists()

    @property
    def ledger_url(self) -> str:
        return self.database_url or f"sqlite:///{self.var / 'harkara.db'}"
