"""Reports the errors of a process to Sentry: which error, where in the code, and nothing that a message could hold.

What leaves is what the lists below allow; everything else is dropped, whatever put it into the report.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import BadDsn, event_from_exception

from harkara.version import __version__

STOP_SECONDS = 2.0
"""Time to send what is left when a process ends."""

_LEVELS = {"error": "error", "critical": "fatal"}
_PLAIN = ("event_id", "timestamp", "platform", "level", "logger", "message", "release", "environment", "sdk")
_TAGS = {
    "action": re.compile(r"[a-z_]+"),
    "error": re.compile(r"[A-Za-z_.]+( at [\w.:< ]+)?"),  # a type and a place; the text of an error may quote anything
    "id": re.compile(r"job_[0-9a-f]{32}"),
    "lane": re.compile(r"[a-z0-9_-]{1,40}"),
    "route": re.compile(r"[A-Z]+ [a-zA-Z_/{}:.-]+"),
    "rule": re.compile(r"[a-z_-]+"),
}
"""Fields of a log line that are reported, if they have this form."""
_OF_A_FRAME = ("filename", "module", "function", "lineno", "in_app")

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def start(dsn: str) -> None:
    """Report the errors of this process to the project of `dsn`. Raises ValueError if it is none."""
    try:
        sentry_sdk.init(
            dsn=dsn,
            release=f"harkara@{__version__}",
            server_name="",
            before_send=allowed_only,
            # Integrations read requests, tasks, statements and arguments; these two see exceptions alone.
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[ExcepthookIntegration(), ThreadingIntegration(propagate_scope=False)],
            send_default_pii=False,
            include_local_variables=False,
            include_source_context=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            auto_session_tracking=False,
            send_client_reports=False,
            shutdown_timeout=int(STOP_SECONDS),
        )
    except BadDsn:
        raise ValueError("is no DSN of Sentry") from None


def report(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Report a line of the log that is an error, as a processor of structlog; the line stays as it is."""
    level = _LEVELS.get(line.get("level", ""))
    if level:
        event: Event = {}
        raised = _raised(line.get("exc_info"))
        if raised[1] is not None:
            event, _ = event_from_exception(raised, client_options=sentry_sdk.get_client().options)  # type: ignore[arg-type]
        # The text of a record of the standard library may quote what its library had.
        own = "_record" not in line
        event["message"] = str(line["event"]) if own else "a library reports an error"
        event["logger"] = str(line.get("logger", ""))
        event["level"] = level  # type: ignore[typeddict-item]
        event["tags"] = {name: line[name] for name in _TAGS if name in line} if own else {}
        sentry_sdk.capture_event(event)
    return line


def allowed_only(event: Event, _hint: Hint) -> Event:
    """Return what may leave of a report: no value of a variable, no text of an exception, no request."""
    given: Mapping[str, Any] = event
    kept: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    tags = given.get("tags") or {}
    kept["tags"] = {name: value for name, value in tags.items() if name in _TAGS and _TAGS[name].fullmatch(str(value))}
    raised = (given.get("exception") or {}).get("values") or ()
    kept["exception"] = {"values": [_exception(each) for each in raised]}
    return kept  # type: ignore[return-value]


def close() -> None:
    """Send the reports that are left, for STOP_SECONDS at most."""
    sentry_sdk.flush(STOP_SECONDS)


def _raised(exc_info: Any) -> ExcInfo:
    """Return the exception of a line: its own, or the one that is being handled."""
    if isinstance(exc_info, BaseException):
        return type(exc_info), exc_info, exc_info.__traceback__
    return exc_info if isinstance(exc_info, tuple) else sys.exc_info()


def _exception(value: Mapping[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or ()
    found = [{name: frame[name] for name in _OF_A_FRAME if name in frame} for frame in frames]
    return {"type": value.get("type"), "module": value.get("module"), "stacktrace": {"frames": found}}
