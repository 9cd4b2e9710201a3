"""Logging: one line for each event, as text or JSON, with long runs of digits and bearer tokens masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any, TextIO

import structlog

from config.error_reports import error_processors
from config.settings import settings

# Phone numbers have ten digits or more and codes have six; message and job ids are hexadecimal words and stay. Times
# and fractions of a second stay, too, so a code next to a colon does; a number is longer than any of their parts.
_DIGITS = re.compile(
    r"(?<![0-9A-Za-z_.:-])\+?\d(?:[\s-]?\d){5,}(?![0-9A-Za-z_:-])|(?<![0-9A-Za-z.])\d{10,15}(?![0-9A-Za-z])"
)
_BEARER = re.compile(r"(?i)bearer\s+\S+")

_LEVELS = {
    # Beat publishes a task every second, which would bury all other lines.
    "celery.worker.strategy": logging.WARNING,
    "celery.app.trace": logging.WARNING,
    "celery.beat": logging.WARNING,
    # A worker without neighbors is normal, and so is Flower, which turns events on.
    "celery.worker.consumer.mingle": logging.WARNING,
    "celery.worker.control": logging.WARNING,
    # Below INFO it quotes the arguments of every task.
    "celery.pool": logging.INFO,
}

_LOSS_OF_REDIS = ("celery.worker.request", "celery.bootsteps")
"""Loggers for acknowledgements that Redis refuses, and for parts of the consumer that end without their connection."""


def set_up() -> None:
    """Send the records of structlog and of the standard library, so Celery's too, through one mask to stderr.

    Raises SystemExit for a DSN of Sentry that is wrong.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *error_processors(),
        structlog.processors.format_exc_info,
        mask,
    ]
    renderer = _renderer()
    handler = _handler(shared, renderer)
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=partial(_Lines, handler),
        wrapper_class=structlog.make_filtering_bound_logger(settings().log_level),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings().log_level)
    for name, level in _LEVELS.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger("celery.worker.consumer.consumer").addFilter(remove_body)
    for name in _LOSS_OF_REDIS:
        logging.getLogger(name).addFilter(remove_traceback)


def remove_body(record: logging.LogRecord) -> bool:
    """Rewrite Celery's record of a message that it discards: the record quotes the body, with a number or a code."""
    if isinstance(record.args, tuple) and "body" in str(record.msg):
        problem = record.args[0]
        # An unknown task is a KeyError of its name; the text of any other error may quote the body again.
        record.args = (problem if isinstance(problem, KeyError) else type(problem).__name__,)
        record.msg, record.exc_info = "Discarded a message that is no task of this release: %s", None
    return True


def remove_traceback(record: logging.LogRecord) -> bool:
    """Shorten Celery's records about a connection that is lost: their text names the error already."""
    record.exc_info = record.exc_text = None
    return True


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask numbers, codes and tokens in every text of the event, tracebacks included."""
    for key, value in event.items():
        if isinstance(value, str) and key != "timestamp":
            event[key] = _BEARER.sub("Bearer ***", _DIGITS.sub("***", value))
    return event


class _Lines:
    """Writes the events of a structlog logger where the root handler writes.

    A record of the standard library for each event would take more CPU than the event itself.
    """

    def __init__(self, handler: logging.StreamHandler[TextIO], name: str = "") -> None:
        self.name = name
        self._handler = handler

    def msg(self, line: str) -> None:
        # As with the handler, a full disk or a closed pipe must not fail what is logged.
        with suppress(OSError, ValueError), self._handler.lock or nullcontext():
            self._handler.stream.write(f"{line}\n")
            self._handler.flush()

    debug = info = warning = error = critical = msg


def _renderer() -> Any:
    json = settings().log_format == "json"
    return structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)


def _handler(shared: list[structlog.typing.Processor], renderer: Any) -> logging.StreamHandler[TextIO]:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    return handler
