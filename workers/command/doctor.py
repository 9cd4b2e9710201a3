"""`harkara doctor`: check everything that sending needs, and name the next step for what fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from harkara.errors import Conflict, HarkaraError
from harkara.health.check import Check
from workers.command.deployment import check_schema, configured, ledger, plan, unchecked_ledger
from workers.command.options import AsJson
from workers.command.output import ERROR, emit, table

if TYPE_CHECKING:
    from redis import Redis

AdoptRedis = Annotated[
    bool, typer.Option("--adopt-redis", help="First give the Redis to this ledger, if its own ledger is gone.")
]


def doctor(as_json: AsJson = False, adopt_redis: AdoptRedis = False) -> None:
    """Check everything that sending needs, with the next step for what fails. Exits with 1 if a check fails."""
    if adopt_redis:
        _adopt_redis()
    checks = list(_safely(_settings))
    if all(check.well for check in checks):  # every other check reads them
        others = (_lanes, _files, _callers, _receivers, _database, _callbacks, _redis)
        checks += [check for checks_of in others for check in _safely(checks_of)]
    if {check.name for check in checks if check.well} >= {"database", "redis"}:
        checks += [check for checks_of in (_pairing, _clocks) for check in _safely(checks_of)]
    well = all(check.well for check in checks)
    if as_json:
        emit(
            {
                "well": well,
                "checks": [{"check": check.name, "well": check.well, "found": check.found} for check in checks],
            }
        )
    else:
        table(
            ("check", "", "found"), ((check.name, "ok" if check.well else "PROBLEM", check.found) for check in checks)
        )
    if not well:
        raise typer.Exit(ERROR)


def _safely(checks_of: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Run the checks. A service that does not answer is a failed check, not an error of this command."""
    try:
        yield from checks_of()
    except (HarkaraError, SystemExit) as error:
        yield Check(checks_of.__name__.removeprefix("_"), False, str(error))


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


def _receivers() -> Iterator[Check]:
    """Check who receives alarms: no worker starts with a wrong one."""
    from config.alarm_receivers import operator_number, receivers_by_url
    from config.settings import settings

    names = [each.name for each in receivers_by_url(settings())]
    if operator_number(settings(), configured().keys()):
        names.append("WhatsApp")
    if names:
        yield Check("receivers", True, f"alarms go to {', '.join(names)}")


def _lanes() -> Iterator[Check]:
    known = sorted(configured())
    yield Check("lanes", bool(known), ", ".join(known) or "no lane has a token: set CHATMITRA_API_TOKEN")


def _database() -> Iterator[Check]:
    from config.settings import settings
    from harkara.health.history_check import history_check
    from harkara.health.ledger_checks import erasure_checks, halt_checks, ledger_checks, unconfigured_checks
    from harkara.health.process_checks import process_checks
    from harkara.ledger.alarms.alarms import list_alarms
    from harkara.ledger.migrate import schema_state
    from workers.command.upgrade_checks import upgrade_checks

    with unchecked_ledger() as db:
        if (state := schema_state(db)).found and state.missing:
            yield from upgrade_checks(db, state)
            return
        check_schema(db)
        yield from ledger_checks(db, configured(), settings().silence.total_seconds())
        yield from history_check(db, settings().history_days)
        yield from process_checks(db)
        yield from halt_checks(db)
        yield from unconfigured_checks(db, configured().keys())
        yield from erasure_checks(db, settings().erasure_key is not None)
        for alarm in list_alarms(db, open_only=True):
            by = f" Acknowledged by {alarm.acknowledged_by}." if alarm.acknowledged_by else ""
            yield Check(f"alarm {alarm.title}", bool(by), f"{alarm.sentence}{by}")


def _callbacks() -> Iterator[Check]:
    from config.callback_endpoint import endpoint
    from config.settings import settings
    from harkara.health.ledger_checks import callback_check

    if endpoint(settings()) is None:
        return
    with ledger() as db:
        yield callback_check(db)


def _redis() -> Iterator[Check]:
    from harkara.health.redis_checks import redis_checks

    with _connection() as connection:
        yield from redis_checks(connection)


def _pairing() -> Iterator[Check]:
    from harkara.health.redis_checks import pairing_checks

    with ledger() as db, _connection() as connection:
        yield from pairing_checks(db, connection)


def _clocks() -> Iterator[Check]:
    from harkara.health.redis_checks import clock_check

    with ledger() as db, _connection() as connection:
        yield clock_check(db, connection)


def _connection() -> Redis:
    from config.settings import settings
    from harkara.redis_client import connect

    return connect(settings().broker_url, seconds=3)


def _adopt_redis() -> None:
    """Give the Redis to this ledger. Raises Conflict while processes of another one use it."""
    from config.settings import settings
    from harkara.delivery.begun_posts import BegunPosts
    from harkara.ledger.identity import ledger_identity
    from harkara.redis_client import connect
    from harkara.redis_identity import assign_redis, read_identity

    with ledger() as db, connect(settings().broker_url, seconds=3) as connection:
        own, found = ledger_identity(db), read_identity(connection)
        if found.database and (found.ledger, found.database) != (own.ledger, own.database):
            raise Conflict("processes of another ledger used this Redis within the last 30 s: stop them first")
        assign_redis(connection, own.ledger, own.database)
        BegunPosts(connection).forget()  # the other ledger's
