"""Checks of the processes that report themselves: that all run one release, and that PostgreSQL has room for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harkara.health.check import Check
from harkara.ledger.connection_budget import connection_limits, tightest
from harkara.ledger.database import Database
from harkara.ledger.process_reports import ProcessReport, live_reports


def process_checks(db: Database) -> Iterator[Check]:
    """Check the processes that live. Raises Unavailable."""
    reports = live_reports(db)
    if reports:
        yield _releases(reports)
    yield from _connections(db, reports)


def _releases(reports: Sequence[ProcessReport]) -> Check:
    found = sorted({each.runs for each in reports})
    if len(found) == 1:
        return Check("releases", True, "all processes run %(release)s", {"release": found[0]})
    names = "; ".join(f"{each}: {', '.join(one.name for one in reports if one.runs == each)}" for each in found)
    return Check(
        "releases", False, "processes of several releases run (%(names)s): finish the upgrade", {"names": names}
    )


def _connections(db: Database, reports: Sequence[ProcessReport]) -> Iterator[Check]:
    needed = sum(each.connections or db.most_connections() for each in reports)
    limit = tightest(connection_limits(db), needed)
    if limit is None:
        return
    about = {
        "needed": needed,
        "limit": limit.name,
        "most": limit.most,
        "others": limit.others,
        "missing": limit.missing(needed),
    }
    if not limit.missing(needed):
        yield Check(
            "database connections",
            True,
            "the processes need at most %(needed)s of %(most)s (%(limit)s); others use %(others)s",
            about,
        )
        return
    yield Check(
        "database connections",
        False,
        "the processes need up to %(needed)s, others use %(others)s, and %(limit)s allows %(most)s: raise it by "
        "%(missing)s, lower HARKARA_DATABASE_CONNECTIONS, or put PgBouncer before PostgreSQL",
        about,
    )
