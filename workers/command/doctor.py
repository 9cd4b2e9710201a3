"""`harkara doctor`: whether everything that sending needs is there, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import typer

from harkara.errors import HarkaraError
from workers.command.deployment import configured, ledger
from workers.command.options import AsJson
from workers.command.output import ERROR, emit, table

_ALIVE_SECONDS = 15.0


class Check(NamedTuple):
    """One thing that was looked at, and what was found or what to do."""

    check: str
    well: bool
    found: str


def doctor(as_json: AsJson = False) -> None:
    """Check settings, lanes, database, workers, callbacks and Redis; ends with 1 when one is not well."""
    checks = [check for look in (_settings, _lanes, _database, _callbacks, _redis) for check in _safely(look)]
    well = all(check.well for check in checks)
    if as_json:
        emit({"well": well, "checks": [check._asdict() for check in checks]})
    else:
        table(("check", "", "found"), ((check, "ok" if fine else "PROBLEM", found) for check, fine, found in checks))
    if not well:
        raise typer.Exit(ERROR)


def _safely(look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """A service that does not answer is a finding, not a failure of this command."""
    try:
        yield from look()
    except (HarkaraError, SystemExit) as error:
        yield Check(look.__name__.removeprefix("_"), False, f"{error} ({type(error).__name__})")


def _settings() -> Iterator[Check]:
    from config.settings import settings

    yield Check("settings", True, f"sends to {settings().chatmitra_api_url}")


def _lanes() -> Iterator[Check]:
    known = sorted(configured())
    yield Check("lanes", bool(known), ", ".join(known) or "no lane has a token: set CHATMITRA_API_TOKEN")


def _database() -> Iterator[Check]:
    from config.settings import settings
    from harkara.ledger import halts
    from harkara.ledger.events.silence import webhook_silences
    from harkara.ledger.messages import queries

    with ledger() as db:
        yield Check("database", True, f"{db.url.get_backend_name()}, schema of this release")
        for halt in halts.list_halts(db):
            held = f"{halt.template or 'the lane'} is {halt.state}: {halt.reason}"
            yield Check(f"lane {halt.lane}", False, f"{held} `harkara lanes unpark {halt.lane}` lets it go")
        seconds = queries.seconds_since(db, "sweep")  # not `dispatch`: `harkara lanes unpark` does that too
        for lane, silent in webhook_silences(db, configured()).items():
            if silent > settings().silence.total_seconds():
                heard = f"no webhook for {silent:.0f} s though messages went out: look at address and secret there"
                yield Check(f"webhooks of {lane}", False, heard)
    alive = seconds is not None and seconds < _ALIVE_SECONDS
    found = "none has ever made its rounds" if seconds is None else f"last round {seconds:.0f} s ago"
    yield Check("workers", alive, found if alive else f"{found}: run `celery -A workers.sender worker`, or `make up`")


def _callbacks() -> Iterator[Check]:
    from config.callbacks import endpoint
    from config.settings import settings
    from harkara.ledger.callbacks.dead_callbacks import count_callbacks

    if endpoint(settings()) is None:
        return
    with ledger() as db:
        left = count_callbacks(db)
    found = f"{left['waiting']} waiting, {left['dead']} dead"
    yield Check("callbacks", not left["dead"], f"{found}: `harkara callbacks list` says why" if left["dead"] else found)


def _redis() -> Iterator[Check]:
    from config.settings import settings
    from harkara.redis_client import connect, redis_errors

    with (
        redis_errors(advice="see that it runs at HARKARA_REDIS_URL"),
        connect(settings().broker_url, seconds=3) as connection,
    ):
        told = connection.info()
    yield Check("redis", True, "answers")
    on_disk = bool(told.get("aof_enabled"))
    yield Check(
        "redis disk", on_disk, "append-only file on" if on_disk else "set appendonly yes, or a crash loses the intake"
    )
    policy = told.get("maxmemory_policy")
    keeps = policy == "noeviction"
    yield Check(
        "redis memory", keeps, policy if keeps else f"{policy}: set maxmemory-policy noeviction, or it drops messages"
    )
