"""Every setting of this deployment, read once from the environment (and `.env`)."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import AliasChoices, BaseModel, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from harkara.defaults import CHUNK, DEADLINES, LEASE_SECONDS

ROOT = Path(__file__).resolve().parent.parent

VAR = Path(os.environ.get("HARKARA_VAR") or ROOT / "var")
LOCAL = VAR / "local.env"
"""What `make up` runs by itself (its Redis, the sandbox), told to the commands that are typed beside it."""

DOTENV = Path(os.environ.get("HARKARA_ENV_FILE") or ROOT / ".env")

CHATMITRA_URL = "https://backend.chatmitra.com/developer/api/send_message"


class LaneSettings(BaseModel):
    """One entry of the lanes file; what it leaves out is as for the lane `default`."""

    model_config = {"extra": "forbid"}

    allowance: str | None = None
    gap: float | None = Field(default=None, ge=0)
    timezone: str | None = None
    quiet_hours: str | None = None
    reengage: str | None = None


class _QuietHours(BaseSettings):
    """The one setting of which an empty value means something: no quiet hours."""

    model_config = SettingsConfigDict(env_file=DOTENV, extra="ignore")

    harkara_quiet_hours: str = "20:00-09:00"


class Settings(BaseSettings):
    """Names are those of the environment variables, in lower case."""

    model_config = SettingsConfigDict(
        env_file=(LOCAL, DOTENV),
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,  # it may be a token
    )

    chatmitra_api_url: str = Field(default=CHATMITRA_URL, description="Where to send: the full send_message URL")
    chatmitra_api_token: SecretStr | None = Field(default=None, description="Token of the lane `default`")
    chatmitra_webhook_secret: SecretStr | None = Field(
        default=None, description="Signs the webhooks of the lane `default`; without it none is let in"
    )

    harkara_redis_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("harkara_redis_url", "redis_url"),
        description="Redis or Valkey; without it `make up` runs an embedded Valkey under var/",
    )
    harkara_database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("harkara_database_url", "database_url"),
        description="PostgreSQL or SQLite; without it SQLite under var/",
    )
    harkara_var: Path = Field(default=VAR, description="Where the embedded Valkey and SQLite keep their files")

    harkara_allowance: str = Field(
        default="20/60s", description="Messages in any window of the lane; `none` for no limit"
    )
    harkara_gap: float = Field(default=0.0, ge=0, description="Least seconds between two messages of a lane")
    harkara_burst: int = Field(default=5, ge=1, description="Messages that may go at once after a quiet time")
    harkara_reserve: float = Field(default=0.1, ge=0, lt=1, description="Part of the allowance kept from marketing")
    harkara_timezone: str = Field(default="Asia/Kolkata", description="Zone of the quiet hours")
    harkara_quiet_hours: str = Field(
        default_factory=lambda: _QuietHours().harkara_quiet_hours,
        description="When marketing and reminders wait; empty for never",
    )
    harkara_lanes_file: Path = Field(default=ROOT / "config" / "lanes.toml", description="More lanes, if there are")
    harkara_lane_tokens: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict, description="Their tokens: lane:token,lane:token"
    )
    harkara_lane_webhook_secrets: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict, description="The secrets of their webhooks: lane:secret,lane:secret"
    )
    harkara_reengage: str | None = Field(
        default=None, description="Template, without parameters, that goes instead of a raw message outside the window"
    )

    port: int = Field(default=8000, ge=0, le=65_535, description="Where the web door listens")
    harkara_web_address: str = Field(default="127.0.0.1", description="On which address")
    harkara_api_tokens: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict, description="Who may call it: name:token,name:token; nobody when empty"
    )
    harkara_api_lanes: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, description="For which lanes: name:lane+lane,name:lane; otherwise `default` alone"
    )
    harkara_api_limit: str = Field(
        default="600/60s", description="Requests of each of them in any window; `none` for no limit"
    )
    harkara_callback_url: str | None = Field(
        default=None, description="Where your application hears of states and answers; nowhere when empty"
    )
    harkara_callback_secret: SecretStr | None = Field(
        default=None, description="Signs what it hears, in the form of Standard Webhooks: whsec_ and base64"
    )
    harkara_callback_private: bool = Field(
        default=False, description="Whether that may be an address of this machine or of a private network"
    )
    harkara_words_file: Path = Field(default=ROOT / "config" / "words.toml", description="What customers' answers mean")
    harkara_silence: float = Field(
        default=900, gt=0, description="Seconds without any webhook after accepted messages that are an alarm"
    )

    harkara_deadline_authentication: float = Field(
        default=DEADLINES["authentication"], gt=0, description="Seconds a code is worth sending"
    )
    harkara_deadline_reply: float = Field(
        default=DEADLINES["reply"], gt=0, description="Seconds a raw reply is worth sending"
    )
    harkara_deadline_utility: float = Field(
        default=DEADLINES["utility"], gt=0, description="Seconds a utility template is"
    )
    harkara_deadline_marketing: float = Field(
        default=DEADLINES["marketing"], gt=0, description="Seconds a marketing template is"
    )
    harkara_deadline_campaign: float = Field(
        default=2_592_000, gt=0, description="Seconds a campaign's messages are, from its load"
    )
    harkara_error_share: float = Field(
        default=0.1, gt=0, le=1, description="Part of its latest messages that may fail before a campaign pauses itself"
    )
    harkara_prices_file: Path = Field(default=ROOT / "config" / "prices.toml", description="What a message costs you")
    harkara_retention_days: float | None = Field(
        default=90, description="Days until text and number of a finished message are erased"
    )
    harkara_playbook_file: Path = Field(default=ROOT / "config" / "playbook.toml", description="What each error means")
    harkara_templates_file: Path = Field(
        default=ROOT / "config" / "templates.local.toml",
        description="Approved names of templates and kinds of your own, if there are",
    )
    harkara_reminders_file: Path = Field(
        default=ROOT / "config" / "reminders.toml", description="Which reminders an occasion gets, and when"
    )

    harkara_threads: int = Field(default=64, ge=1, le=512, description="Sender threads of a worker process")
    harkara_chunks: int = Field(default=12, ge=2, le=64, description="Celery tasks that a worker process runs at once")
    harkara_chunk_size: int = Field(default=CHUNK, ge=1, le=500, description="Messages in one hint")
    harkara_depth: int = Field(default=4000, ge=1, description="Most queued messages of a lane without a limit")
    harkara_connect_timeout: float = Field(default=3.05, gt=0, description="Seconds to reach Chat Mitra")
    harkara_read_timeout: float = Field(default=15.0, gt=0, description="Seconds for its whole answer")
    harkara_keepalive: float = Field(default=4.0, ge=0, description="Seconds that an idle connection is kept")
    harkara_lease: float = Field(
        default=LEASE_SECONDS,
        ge=1,
        description="Seconds that a queued or claimed message is held; below 5 limits are not used to the full",
    )
    harkara_database_patience: float = Field(default=5.0, gt=0, description="Seconds to wait for a locked database")

    harkara_metrics_port: int | None = Field(default=None, description="Prometheus metrics of a worker; off when empty")
    harkara_metrics_address: str = Field(default="127.0.0.1", description="Where they are served")
    harkara_log_format: Literal["text", "json"] = Field(default="text", description="Log lines for people or machines")
    harkara_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="From which level"
    )
    harkara_kill_at: str | None = Field(default=None, description="Only for crash tests: where a worker kills itself")

    @field_validator(
        "harkara_lane_tokens",
        "harkara_lane_webhook_secrets",
        "harkara_api_tokens",
        "harkara_api_lanes",
        mode="before",
    )
    @classmethod
    def _pairs(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return value
        # A live token holds a colon itself, so only the first one separates.
        pairs = [pair.strip().partition(":") for pair in value.split(",") if pair.strip()]
        if any(not name or not token for name, _, token in pairs):
            form = str(cls.model_fields[str(info.field_name)].description).partition(": ")[2].partition(";")[0]
            raise ValueError(f"must be {form}")
        return {name: token for name, _, token in pairs}

    @model_validator(mode="after")
    def _patient_leases(self) -> Self:
        if self.harkara_chatmitra_seconds > 600:
            raise ValueError("HARKARA_CONNECT_TIMEOUT and HARKARA_READ_TIMEOUT together must stay below ten minutes")
        return self

    @property
    def harkara_chatmitra_seconds(self) -> float:
        """The longest that one POST can take."""
        return self.harkara_connect_timeout + self.harkara_read_timeout

    @property
    def database_url(self) -> str:
        return self.harkara_database_url or f"sqlite:///{self.harkara_var / 'harkara.db'}"

    @property
    def tells(self) -> bool:
        """Whether the application is told what changes in the ledger."""
        return bool(self.harkara_callback_url)

    @property
    def redis_url(self) -> str:
        """Raises SystemExit when nobody gave one, and `make up` does not run either."""
        if self.harkara_redis_url:
            return self.harkara_redis_url
        raise SystemExit("There is no Redis: set HARKARA_REDIS_URL, or run `make up`, which brings its own.")

    @property
    def deadlines(self) -> dict[str, float]:
        """Seconds by category after which a message that names no deadline of its own is not sent any more."""
        return {
            "authentication": self.harkara_deadline_authentication,
            "reply": self.harkara_deadline_reply,
            "utility": self.harkara_deadline_utility,
            "marketing": self.harkara_deadline_marketing,
        }

    @property
    def retention_seconds(self) -> float | None:
        return None if self.harkara_retention_days is None else self.harkara_retention_days * 86_400

    @property
    def template_files(self) -> list[Path]:
        """What Harkara knows, and what the deployment says over it; a file that was named has to be there."""
        own = self.harkara_templates_file
        given = own.exists() or "harkara_templates_file" in self.model_fields_set
        return [ROOT / "config" / "templates.toml", *([own] if given else [])]

    def more_lanes(self) -> dict[str, LaneSettings]:
        if not self.harkara_lanes_file.exists():
            return {}
        entries = tomllib.loads(self.harkara_lanes_file.read_text())
        return {name: LaneSettings.model_validate(entry) for name, entry in entries.items()}


def process_environment() -> dict[str, str]:
    """The environment and `.env`, for processes that are started from here."""
    written = {name: value for name, value in dotenv_values(DOTENV).items() if value is not None}
    return written | os.environ


def bare_environment() -> dict[str, str]:
    """The environment without a setting, nor `.env`: for a run on parts of its own, which must send for nobody."""
    ours = ("HARKARA_", "CHATMITRA_", "SANDBOX_", "FLOWER_")
    others = {"REDIS_URL", "DATABASE_URL", "PORT"}
    rest = {name: value for name, value in os.environ.items() if not name.startswith(ours) and name not in others}
    return rest | {"HARKARA_ENV_FILE": os.devnull}


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
