"""Every setting of this deployment, read once from the environment and `.env`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.environment import DOTENV, LOCAL, ROOT, VAR, process_environment
from config.fields import Duration, pairs
from harkara.defaults import CHUNK, DEADLINES, LEASE_SECONDS

_FILES = ROOT / "config"
_ZERO = timedelta()


def _quiet_hours() -> str:
    """Return the default, or the empty value if one is set: of this setting alone an empty value means something."""
    return process_environment().get("HARKARA_QUIET_HOURS", "20:00-09:00")


class Settings(BaseSettings):
    """One field for each environment variable: its name is the field's in upper case, after `HARKARA_`.

    A field with an alias has the alias as its name instead.
    """

    model_config = SettingsConfigDict(
        env_prefix="HARKARA_",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,  # it may be a token
    )

    # Chat Mitra

    chatmitra_api_url: str = Field(
        default="https://backend.chatmitra.com/developer/api/send_message",
        validation_alias="chatmitra_api_url",
        description="Full URL of Chat Mitra's send_message",
    )
    chatmitra_api_token: SecretStr | None = Field(
        default=None, validation_alias="chatmitra_api_token", description="Chat Mitra's token of the lane `default`"
    )
    chatmitra_webhook_secret: SecretStr | None = Field(
        default=None,
        validation_alias="chatmitra_webhook_secret",
        description="Secret that signs the webhooks of the lane `default`; without it the HTTP API refuses them",
    )

    # Services

    redis_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("harkara_redis_url", "redis_url"),
        description="Redis or Valkey; without it `make up` runs an embedded Valkey under var/",
    )
    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("harkara_database_url", "database_url"),
        description="PostgreSQL or SQLite; without it the ledger is a SQLite file under var/",
    )
    var: Path = Field(default=VAR, description="Folder of the embedded Valkey and of SQLite")
    database_patience: Duration = Field(
        default=timedelta(seconds=5), gt=_ZERO, description="Longest wait for a locked database"
    )

    # Limits and lanes

    allowance: str = Field(
        default="20/60s", description="Most messages that a lane sends in any window of time; `none` for no limit"
    )
    gap: Duration = Field(default=_ZERO, ge=_ZERO, description="Shortest time between two messages of a lane")
    burst: int = Field(default=5, ge=1, description="Messages that a lane may send at once after a pause")
    reserve: float = Field(default=0.1, ge=0, lt=1, description="Share of the allowance that marketing may not use")
    timezone: str = Field(default="Asia/Kolkata", description="Time zone of the quiet hours")
    quiet_hours: str = Field(
        default_factory=_quiet_hours, description="Hours in which marketing and reminders wait; empty for none"
    )
    lanes_file: Path = Field(default=_FILES / "lanes.toml", description="Further lanes; the file may be missing")
    lane_tokens: Annotated[dict[str, SecretStr], NoDecode, pairs("lane:token,lane:token")] = Field(
        default_factory=dict, description="Chat Mitra's tokens of further lanes: lane:token,lane:token"
    )
    lane_webhook_secrets: Annotated[dict[str, SecretStr], NoDecode, pairs("lane:secret,lane:secret")] = Field(
        default_factory=dict, description="Webhook secrets of further lanes: lane:secret,lane:secret"
    )
    reengage: str | None = Field(
        default=None, description="Template without parameters that replaces a raw message outside the 24-hour window"
    )

    # HTTP API

    port: int = Field(
        default=8000, ge=0, le=65_535, validation_alias="port", description="Port that the HTTP API listens on"
    )
    web_address: str = Field(default="127.0.0.1", description="Address that the HTTP API listens on")
    api_tokens: Annotated[dict[str, SecretStr], NoDecode, pairs("name:token,name:token")] = Field(
        default_factory=dict, description="Callers of the HTTP API: name:token,name:token; without any, all are refused"
    )
    api_lanes: Annotated[dict[str, str], NoDecode, pairs("name:lane+lane,name:lane")] = Field(
        default_factory=dict, description="Lanes of each caller: name:lane+lane,name:lane; otherwise `default` alone"
    )
    api_limit: str = Field(
        default="600/60s", description="Most requests of each caller in any window of time; `none` for no limit"
    )

    # Customers' answers and callbacks

    callback_url: str | None = Field(
        default=None,
        description="URL of your application for callbacks with states and answers; empty for no callbacks",
    )
    callback_secret: SecretStr | None = Field(
        default=None, description="Secret that signs callbacks, in the form of Standard Webhooks: whsec_ and base64"
    )
    callback_private: bool = Field(
        default=False, description="Whether the callback URL may be on this machine or in a private network"
    )
    words_file: Path = Field(
        default=_FILES / "words.toml", description="Words by which customers opt out, opt in or answer a reminder"
    )
    silence: Duration = Field(
        default=timedelta(minutes=15),
        gt=_ZERO,
        description="Time without a webhook after an accepted message at which an alarm is raised",
    )

    # Messages

    deadline_authentication: Duration = Field(
        default=timedelta(seconds=DEADLINES["authentication"]),
        gt=_ZERO,
        description="How long after its due time a one-time code is still sent",
    )
    deadline_reply: Duration = Field(
        default=timedelta(seconds=DEADLINES["reply"]),
        gt=_ZERO,
        description="How long after its due time a raw reply is still sent",
    )
    deadline_utility: Duration = Field(
        default=timedelta(seconds=DEADLINES["utility"]),
        gt=_ZERO,
        description="How long after its due time a utility template is still sent",
    )
    deadline_marketing: Duration = Field(
        default=timedelta(seconds=DEADLINES["marketing"]),
        gt=_ZERO,
        description="How long after its due time a marketing template is still sent",
    )
    deadline_campaign: Duration = Field(
        default=timedelta(days=30),
        gt=_ZERO,
        description="How long after the campaign's load its messages are still sent",
    )
    error_share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Share of failures among its latest messages at which a campaign pauses itself",
    )
    prices_file: Path = Field(default=_FILES / "prices.toml", description="What a message of each category costs you")
    retention_days: float | None = Field(
        default=90, description="Days until the text and the number of a finished message are erased"
    )
    playbook_file: Path = Field(
        default=_FILES / "playbook.toml", description="What Harkara does after each error of Chat Mitra"
    )
    templates_file: Path = Field(
        default=_FILES / "templates.local.toml",
        description="Your own kinds of template and approved names; the file may be missing",
    )
    reminders_file: Path = Field(
        default=_FILES / "reminders.toml", description="Which reminders each kind of occasion gets, and when"
    )

    # Workers

    threads: int = Field(default=64, ge=1, le=512, description="Sender threads of a worker process")
    chunks: int = Field(default=12, ge=2, le=64, description="Celery tasks that a worker process runs at once")
    chunk_size: int = Field(default=CHUNK, ge=1, le=500, description="Messages in one hint")
    depth: int = Field(default=4000, ge=1, description="Most queued messages of a lane without a limit")
    connect_timeout: Duration = Field(
        default=timedelta(seconds=3.05), gt=_ZERO, description="Longest time to connect to Chat Mitra"
    )
    read_timeout: Duration = Field(
        default=timedelta(seconds=15), gt=_ZERO, description="Longest time for Chat Mitra's whole answer"
    )
    keepalive: Duration = Field(
        default=timedelta(seconds=4), ge=_ZERO, description="Time that an idle connection to Chat Mitra stays open"
    )
    lease: Duration = Field(
        default=timedelta(seconds=LEASE_SECONDS),
        ge=timedelta(seconds=1),
        description="Time that a message stays queued or claimed; below 5s a lane cannot use its whole allowance",
    )
    kill_at: str | None = Field(default=None, description="For crash tests only: where a worker kills itself")

    # Logs and metrics

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

    @property
    def broker_url(self) -> str:
        """The URL of Redis. Raises SystemExit when none is set and `make up` does not run."""
        if self.redis_url:
            return self.redis_url
        raise SystemExit("No Redis is configured: set HARKARA_REDIS_URL, or run `make up`, which brings its own.")

    @property
    def ledger_url(self) -> str:
        return self.database_url or f"sqlite:///{self.var / 'harkara.db'}"

    @property
    def callbacks_enabled(self) -> bool:
        """Whether the ledger keeps callbacks for the application."""
        return bool(self.callback_url)

    @property
    def deadlines(self) -> dict[str, float]:
        """Seconds by category after which a message without a deadline of its own is no longer sent."""
        return {
            "authentication": self.deadline_authentication.total_seconds(),
            "reply": self.deadline_reply.total_seconds(),
            "utility": self.deadline_utility.total_seconds(),
            "marketing": self.deadline_marketing.total_seconds(),
        }

    @property
    def retention_seconds(self) -> float | None:
        return None if self.retention_days is None else self.retention_days * 86_400

    @property
    def template_files(self) -> list[Path]:
        """The catalogue, then this deployment's own file. The second may be missing unless the environment names it."""
        own = self.templates_file
        given = own.exists() or "templates_file" in self.model_fields_set
        return [_FILES / "templates.toml", *([own] if given else [])]


@cache
def settings() -> Settings:
    """Return the settings of this process. Raises SystemExit that names each variable that is wrong."""
    return read_settings((LOCAL, DOTENV))


def read_settings(files: Sequence[Path]) -> Settings:
    """Read the environment over these files. Raises SystemExit that names each variable that is wrong."""
    try:
        return Settings(_env_file=files)
    except ValidationError as error:
        raise SystemExit(_problems(error)) from None


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        alias = alias.choices[0]
    return alias.upper() if isinstance(alias, str) else f"HARKARA_{field.upper()}"


def _problems(error: ValidationError) -> str:
    """Name the wrong variables without their values: a token may be among them."""
    return f"The settings are not understood. {'; '.join(map(_problem, error.errors()))}"


def _problem(problem: ErrorDetails) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0])  # pydantic gives the field, or its alias if it has one
    return f"{variable(name) if name in Settings.model_fields else name.upper()}: {message}"
