"""FastAPI's own telemetry, which is off: it would record what no trace may hold.

Its spans have the path and the query of a request, which may name a person, and its records the text of an exception.
FastAPI turns it on by itself where another library has set up OpenTelemetry for the whole process.
"""

from __future__ import annotations

from typing import Final

from fastapi.telemetry import TelemetryConfig

NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
