"""The callers of the HTTP API, from the settings."""

from __future__ import annotations

import structlog

from config.lanes import DEFAULT
from config.settings import Settings
from harkara.errors import Invalid
from harkara.gateway import Callers
from harkara.limits import Allowance

log = structlog.get_logger(__name__)


def callers(settings: Settings, configured: frozenset[str]) -> Callers:
    """Return the callers by token. Raises SystemExit for a setting that is wrong.

    `configured` holds the lanes that have a token of Chat Mitra; without any, the lanes of callers are not checked.
    """
    tokens = {name: token.get_secret_value() for name, token in settings.api_tokens.items()}
    lanes = {name: _lanes(settings.api_lanes.get(name)) for name in tokens}
    _check(settings, lanes, configured)
    try:
        found = Callers(tokens, lanes, Allowance.parse(settings.api_limit))
    except Invalid as error:
        raise SystemExit(f"HARKARA_API_TOKENS, HARKARA_API_LIMIT: {error}") from error
    if not found:
        log.warning("no API tokens configured: set HARKARA_API_TOKENS to name:token", action="no_callers")
    return found


def _lanes(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split("+")) if text else (DEFAULT,)


def _check(settings: Settings, lanes: dict[str, tuple[str, ...]], configured: frozenset[str]) -> None:
    for name in settings.api_lanes.keys() - lanes.keys():
        raise SystemExit(f"HARKARA_API_LANES: {name} has no token in HARKARA_API_TOKENS")
    for name, own in lanes.items():
        for lane in sorted(set(own) - configured) if configured else ():
            raise SystemExit(f"HARKARA_API_LANES: {name} is for lane {lane}, which has no token of Chat Mitra")
