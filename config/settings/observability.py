"""Settings of traces and error reports, which leave the machine."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import NoDecode

from config.fields import HttpUrl, Secret, pairs
from config.settings.section import SettingsSection


class ObservabilitySettings(SettingsSection):
    """Where spans and errors go; nowhere by default."""

    otlp_endpoint: HttpUrl | None = Field(
        default=None,
        validation_alias="otel_exporter_otlp_endpoint",
        description="URL of an OpenTelemetry collector that takes OTLP over HTTP; empty for no traces",
    )
    otlp_headers: Annotated[dict[str, Secret], NoDecode, pairs("name=value,name=value", "=")] = Field(
        default_factory=dict,
        validation_alias="otel_exporter_otlp_headers",
        description="Headers of each request to the collector, such as its token: name=value,name=value",
    )
    trace_ratio: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the messages without a traceparent that are traced, from 0 to 1",
    )
    sentry_dsn: Secret | None = Field(
        default=None, description="DSN of a Sentry project that gets the errors of processes, without any content"
    )
