"""`harkara doctor`: check everything that sending needs, and name the next step for what fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer

from harkara.errors import Conflict, HarkaraError, OtherDeployment
from workers.command.deployment import configured, ledger, plan
from workers.command.options import AsJson
from workers.command.output import ERROR, emit, table

_ALIVE_SECONDS = 15.0


class Check(NamedTuple):
    """One check: its subject, whether it passed, and the finding or the next step."""

    check: str
    well: bool
    found: str


AdoptRedis = Annotated[
    bool, typer.Option("--adopt-redis", help="First give the Redis to this ledger, if its own ledger is gone.")
]

_LARGEST_SKEW = 10.0
"""Seconds."""


def doctor(as_json: AsJson = False, adopt_redis: AdoptRedis = False) -> None:
    """Check settings, lanes, database, workers, dead letters, callbacks, Redis, clocks. Exits with 1 if one fails."""
    if adopt_redis:
        _adopt_redis()
    checks = list(_safely(_settings))
    if all(check.well for check in checks):  # every other check reads them
        others = (_lanes, _files, _callers, _database, _callbacks, _redis)
        checks += [check for checks_of in others for check in _safely(checks_of)]
    if {check.check for check in checks if check.well} >= {"database", "redis"}:
        checks += [check for checks_of in (_pairing, _clocks) for check in _safely(checks_of)]
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


def _files() -> Iterator[Check]:
    """Read each file that any process reads, so that one report names all that are wrong."""
    from config.files import readers
    from config.settings import settings

    well = True
    for name, read in (readers(settings()) | {"reminders_file with the templates": plan}).items():
        try:
            read()
        except (HarkaraError, SystemExit) as error:
            well = False
            yield Check(name.replace("_", " "), False, str(error))
    if well:
        yield Check("files", True, "all that any process reads are valid")


def _callers() -> Iterator[Check]:
    from config.callers import callers
    from config.settings import settings

    if settings().api_tokens:
        yield Check("callers", True, f"{len(callers(settings(), frozenset(configured())))} of the HTTP API")


def _lanes() -> Iterator[Check]:
    known = sorted(configured())
    yield Check("lanes", bool(known), ", ".join(known) or "no lane has a token: set CHATMITRA_API_TOKEN")


def _database() -> Iterator[Check]:
    from config.settings import settings
    from harkara.ledger import halts
    from harkara.ledger.alarms.alarms import list_alarms
    from harkara.ledger.dead_letters import count_dead_letters
    from harkara.ledger.events.silence import webhook_silences
    from harkara.ledger.leases import seconds_since

    with ledger() as db:
        through = ", through a pooler" if not db.sqlite and db.pooled() else ""
        yield Check("database", True, f"{db.url.get_backend_name()}, schema of this release{through}")
        for halt in halts.list_halts(db):
            held = f"{halt.template or 'the lane'} is {halt.state}: {halt.reason}"
            yield Check(f"lane {halt.lane}", False, f"{held} run `harkara lanes unpark {halt.lane}` to continue")
        if letters := count_dead_letters(db):
            sources = ", ".join(f"{number} of {source}" for source, number in sorted(letters.items()))
            yield Check("dead letters", False, f"{sources}: `harkara dead-letters list` shows the reasons")
        for alarm in list_alarms(db, open_only=True):
            by = f" Acknowledged by {alarm.acknowledged_by}." if alarm.acknowledged_by else ""
            yield Check(f"alarm {alarm.title}", bool(by), f"{alarm.sentence}{by}")
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
    from harkara.redis_client import connect, redis_errors, require_writable
    from harkara.redis_eviction import NEXT_STEP

    with (
        redis_errors(advice="check that it runs at HARKARA_REDIS_URL"),
        connect(settings().broker_url, seconds=3) as connection,
    ):
        info = connection.info()
        require_writable(connection)
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


def _pairing() -> Iterator[Check]:
    from config.settings import settings
    from harkara.ledger.identity import ledger_identity, live_processes
    from harkara.pairing import refuse_other_ledger
    from harkara.redis_client import connect
    from harkara.redis_identity import read_identity

    with ledger() as db, connect(settings().broker_url, seconds=3) as connection:
        own, found = ledger_identity(db), read_identity(connection)
        elsewhere = [each.name for each in live_processes(db) if each.redis != found.own]
    try:
        refuse_other_ledger(own, found)
    except OtherDeployment as error:
        yield Check("redis and ledger", False, str(error))
    else:
        yield Check("redis and ledger", True, "belong together" if found.ledger else "no process has used this Redis")
    for name in elsewhere:
        yield Check(f"process {name}", False, "uses another Redis: give all processes the same HARKARA_REDIS_URL")


def _clocks() -> Iterator[Check]:
    """Due times follow the database's clock, so a wrong one sends reminders at the wrong hour."""
    from config.settings import settings
    from harkara.ledger.identity import current_time
    from harkara.redis_client import connect, redis_errors

    here = datetime.now(UTC)
    with ledger() as db, redis_errors(), connect(settings().broker_url, seconds=3) as connection:
        seconds, _ = connection.time()
        ahead = {
            "Redis": (datetime.fromtimestamp(seconds, UTC) - here).total_seconds(),
            "the database": (current_time(db) - here).total_seconds(),
        }
    found = ", ".join(f"{name} is {abs(by):.0f} s {'ahead' if by > 0 else 'behind'}" for name, by in ahead.items())
    wrong = max(0.0, *ahead.values()) - min(0.0, *ahead.values()) > _LARGEST_SKEW
    yield Check("clocks", not wrong, f"{found}: set them by NTP" if wrong else "agree")


def _adopt_redis() -> None:
    """Give the Redis to this ledger. Raises Conflict while processes of another one use it."""
    from config.settings import settings
    from harkara.ledger.identity import ledger_identity
    from harkara.redis_client import connect
    from harkara.redis_identity import assign_redis, read_identity

    with ledger() as db, connect(settings().broker_url, seconds=3) as connection:
        own, found = ledger_identity(db), read_identity(connection)
        if found.database and (found.ledger, found.database) != (own.ledger, own.database):
            raise Conflict("processes of another ledger used this Redis within the last 30 s: stop them first")
        assign_redis(connection, own.ledger, own.database)
