"""Logs: one line an event, for people or machines, with every long run of digits masked, wherever it came from."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from config.settings import settings

# Phone numbers have ten digits or more, codes six; ids and job ids are hexadecimal words and stay.
_DIGITS = re.compile(r"(?<![0-9A-Za-z_.:-])\+?\d(?:[\s-]?\d){5,}(?![0-9A-Za-z_:-])")
_BEARER = re.compile(r"(?i)bearer\s+\S+")


def set_up() -> None:
    """Routes structlog and the standard library's records (Celery's, too) through the same mask."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
        mask,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    machine = settings().log_format == "json"
    render: Any = structlog.processors.JSONRenderer() if machine else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings().log_level)
    # A hint every second would drown everything else.
    logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)
    logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
    logging.getLogger("celery.beat").setLevel(logging.WARNING)
    logging.getLogger("celery.pool").setLevel(logging.INFO)  # below that it quotes the arguments of every task
    logging.getLogger("celery.worker.consumer.consumer").addFilter(without_body)


def without_body(record: logging.LogRecord) -> bool:
    """Celery quotes the whole of a message that it throws away, which may hold a number, a text or a code."""
    if isinstance(record.args, tuple) and "body" in str(record.msg):
        problem = record.args[0]
        # An unknown task is a KeyError of its name; what other errors say may quote the message again.
        record.args = (problem if isinstance(problem, KeyError) else type(problem).__name__,)
        record.msg, record.exc_info = "Threw away what is no task of this release: %s", None
    return True


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hides numbers, codes and tokens in every text of the event, tracebacks included."""
    for key, value in event.items():
        if isinstance(value, str) and key != "timestamp":
            event[key] = _BEARER.sub("Bearer ***", _DIGITS.sub("***", value))
    return event
