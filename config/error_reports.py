"""Error reports: whether errors go to Sentry. Its library is imported only then."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from structlog.typing import Processor

from config.settings import settings


@cache
def error_processors() -> Sequence[Processor]:
    """Return what sees each line of the log before it is written; nothing without a DSN.

    Raises SystemExit, with the next step, for a setting that is wrong.
    """
    dsn = settings().sentry_dsn
    if dsn is None:
        return ()
    try:
        from config import sentry_reports
    except ModuleNotFoundError:
        raise SystemExit("HARKARA_SENTRY_DSN needs the extra sentry: pip install 'harkara[sentry]'") from None
    try:
        sentry_reports.start(dsn.get_secret_value())
    except ValueError as error:
        raise SystemExit(f"HARKARA_SENTRY_DSN {error}: copy it from the settings of the project") from None
    return (sentry_reports.report,)


def close_reports() -> None:
    """Send the reports that are left, within seconds."""
    if error_processors():
        from config import sentry_reports

        sentry_reports.close()
