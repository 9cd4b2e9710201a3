"""The answer of a process to `harkara reload`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import structlog

from config.settings import settings
from config.wiring.loaded_files import loaded_files
from config.wiring.shared import pairing
from harkara.errors import Unavailable
from harkara.redis_client import connect
from harkara.reload_requests import ReloadAnswer, ReloadRequests

log = structlog.get_logger(__name__)


def answer_request(reload: Callable[[], ReloadAnswer]) -> None:
    """Call `reload` if a request waits, and answer the request with what it returns."""
    try:
        if request := _requests().pending():
            _requests().answer(request, pairing().name, reload())
    except Unavailable as error:
        # The check of the pairing, which runs beside this one, logs it as a warning.
        log.debug("reload requests not read", action="reload_failed", error=str(error))


def reload_files(kind: str, use: Callable[[], object]) -> ReloadAnswer:
    """Read the files again, and call `use` if one has changed. Raises nothing.

    Logs the changed files, or the problem because of which the former files stay in use.
    """
    files = loaded_files()
    try:
        changed = files.reload()
    except SystemExit as error:
        log.error("files of config/ refused", action="reload_refused", error=str(error))
        return ReloadAnswer(kind, problem=str(error), restart=files.restart_needed)
    if changed:
        use()
        log.info("files of config/ loaded", action="reloaded", files=changed)
    if files.restart_needed:
        log.warning("settings changed, which needs a restart", action="restart_needed", file=".env")
    return ReloadAnswer(kind, tuple(changed), restart=files.restart_needed)


@cache
def _requests() -> ReloadRequests:
    return ReloadRequests(connect(settings().broker_url, seconds=3))
