"""Settings of messages: deadlines, retention and files of rules."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from config.environment import CONFIG
from config.fields import Duration, Secret
from config.settings.section import SettingsSection
from harkara.shared_defaults import DEADLINES
from harkara.text_files import is_missing


class MessageSettings(SettingsSection):
    """How long messages are sent and kept, and the rules for them."""

    deadline_authentication: Duration = Field(
        default=timedelta(seconds=DEADLINES["authentication"]),
        gt=timedelta(),
        description="How long after its due time a one-time code is still sent",
    )
    deadline_reply: Duration = Field(
        default=timedelta(seconds=DEADLINES["reply"]),
        gt=timedelta(),
        description="How long after its due time a reply, a message that is not a template, is still sent",
    )
    deadline_utility: Duration = Field(
        default=timedelta(seconds=DEADLINES["utility"]),
        gt=timedelta(),
        description="How long after its due time a utility template is still sent",
    )
    deadline_marketing: Duration = Field(
        default=timedelta(seconds=DEADLINES["marketing"]),
        gt=timedelta(),
        description="How long after its due time a marketing template is still sent",
    )
    deadline_campaign: Duration = Field(
        default=timedelta(days=30),
        gt=timedelta(),
        description="How long after the load of a campaign its messages are still sent",
    )
    error_share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="A campaign pauses itself when more than this share of its latest messages failed",
    )
    config: Path = Field(
        default=CONFIG,
        description="Folder of the files that `harkara reload` reads: lanes, reminders, templates and others",
    )
    prices_file: Path = Field(default=CONFIG / "prices.toml", description="What a message of each category costs you")
    assistant_file: Path = Field(
        default=CONFIG / "assistant.toml",
        description="Where the assistant answers customers, and how; off while the file is missing or names no lane",
    )
    faq_file: Path = Field(
        default=CONFIG / "faq.toml", description="Questions of customers that the assistant knows, and its answers"
    )
    synonyms_file: Path = Field(
        default=CONFIG / "synonyms.toml",
        description="Words with one meaning, by which the assistant finds an entry of the FAQ",
    )
    retention_days: float | None = Field(
        default=90,
        ge=0,
        le=36_500,
        description="Days until the text and the number of a finished message are erased",
    )
    history_days: float | None = Field(
        default=None,
        gt=0,
        le=36_500,
        description="Days until a finished message is deleted for good; empty to keep its row for ever, as a proof",
    )
    erasure_key: Secret | None = Field(
        default=None,
        description="Key of the digests that stay of erased people, for `harkara person erase` and for workers",
    )
    playbook_file: Path = Field(
        default=CONFIG / "playbook.toml", description="What Harkara does after each error of Chat Mitra"
    )
    templates_file: Path = Field(
        default=CONFIG / "templates.local.toml",
        description="Your own kinds of template and approved names; the file may be missing",
    )
    reminders_file: Path = Field(
        default=CONFIG / "reminders.toml", description="Which reminders each kind of occasion gets, and when"
    )

    @field_validator("history_days")
    @classmethod
    def _after_the_retention(cls, days: float | None, info: ValidationInfo) -> float | None:
        retention = info.data.get("retention_days") or 0.0
        if days is not None and days < retention:
            raise ValueError(
                f"is {days:g}, less than HARKARA_RETENTION_DAYS ({retention:g}); give as many days or more, or leave "
                "it empty to keep the rows"
            )
        return days

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
    def history_seconds(self) -> float | None:
        return None if self.history_days is None else self.history_days * 86_400

    @property
    def template_files(self) -> list[Path]:
        """The catalogue, then this deployment's own file. The second may be missing unless the environment names it."""
        own = self.templates_file
        given = not is_missing(own) or "templates_file" in self.model_fields_set
        return [self.config / "templates.toml", *([own] if given else [])]
