"""`harkara doctor`: check everything that sending needs, and name the next step for what fails."""

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
    """One check: its subject, whether it passed, and the finding or the next step."""

    check: str
    well: bool
    found: str


def doctor(as_json: AsJson = False) -> None:
    """Check settings, lanes, database, workers, dead letters, callbacks and Redis. Exits with 1 if a check fails."""
    checks = [check for checks_of in (_settings, _lanes, _database, _callbacks, _redis) for check in _safely(checks_of)]
    well = all(check.well for check in checks)
    if as_json:
        emit({"well": well, "checks": [check._asdict() for check in checks]})
    else:
        table(("check", "", "found"), ((check, "ok" if fine else "PROBLEM", found) for check, fine, found in checks))
    if not well:
        raise typer.Exit(ERROR)


def _safely(checks_of: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Run the checks. A service that does not answer is a failed check, not an error of this command."""
    try:
        yield from checks_of()
    except (HarkaraError, SystemExit) as error:
        yield Check(checks_of.__name__.removeprefix("_"), False, f"{error} ({type(error).__name__})")


def _settings() -> Iterator[Check]:
    from config.settings import settings

    yield Check("settings", True, f"sends to {settings().chatmitra_api_url}")


def _lanes() -> Iterator[Check]:
    known = sorted(configured())
    yield Check("lanes", bool(known), ", ".join(known) or "no lane has a token: set CHATMITRA_API_TOKEN")


def _database() -> Iterator[Check]:
    from config.settings import settings
    from harkara.ledger import halts
    from harkara.ledger.dead_letters import count_dead_letters
    from harkara.ledger.events.silence import webhook_silences
    from harkara.ledger.leases import seconds_since

    with ledger() as db:
        yield Check("database", True, f"{db.url.get_backend_name()}, schema of this release")
        for halt in halts.list_halts(db):
            held = f"{halt.template or 'the lane'} is {halt.state}: {halt.reason}"
            yield Check(f"lane {halt.lane}", False, f"{held} run `harkara lanes unpark {halt.lane}` to continue")
        if letters := count_dead_letters(db):
            sources = ", ".join(f"{number} of {source}" for source, number in sorted(letters.items()))
            yield Check("dead letters", False, f"{sources}: `harkara dead-letters list` shows the reasons")
        seconds = seconds_since(db, "sweep")  # not `dispatch`: `harkara lanes unpark` does that too
        for lane, silent in webhook_silences(db, configured()).items():
            if silent > settings().silence.total_seconds():
                silence = f"no webhook for {silent:.0f} s after accepted messages: check address and secret"
                yield Check(f"webhooks of {lane}", False, silence)
    alive = seconds is not None and seconds < _ALIVE_SECONDS
    found = "no worker has ever run" if seconds is None else f"last round {seconds:.0f} s ago"
    yield Check("workers", alive, found if alive else f"{found}: run `celery -A workers.sender worker`, or `make up`")


def _callbacks() -> Iterator[Check]:
    from config.callback_endpoint import endpoint
    from config.settings import settings
    from harkara.ledger.callbacks.dead_callbacks import count_callbacks

    if endpoint(settings()) is None:
        return
    with ledger() as db:
        left = count_callbacks(db)
    found = f"{left['waiting']} waiting, {left['dead']} dead"
    yield Check(
        "callbacks", not left["dead"], f"{found}: `harkara callbacks list` shows the reasons" if left["dead"] else found
    )


def _redis() -> Iterator[Check]:
    from config.settings import settings
    from harkara.redis_client import connect, redis_errors
    from harkara.redis_eviction import NEXT_STEP

    with (
        redis_errors(advice="check that it runs at HARKARA_REDIS_URL"),
        connect(settings().broker_url, seconds=3) as connection,
    ):
        info = connection.info()
    yield Check("redis", True, "answers")
    on_disk = bool(info.get("aof_enabled"))
    yield Check(
        "redis disk",
        on_disk,
        "append-only file on" if on_disk else "set appendonly yes: without it a crash loses hand-overs",
    )
    policy = info.get("maxmemory_policy")
    never_evicts = policy == "noeviction"
    deleted = f", {info.get('evicted_keys', 0)} keys deleted since its start"
    advice = f"{policy}{deleted}: {NEXT_STEP}, or Redis may delete hand-overs"
    yield Check("redis memory", never_evicts, policy if never_evicts else advice)
