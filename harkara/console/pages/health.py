"""Health: whether everything runs that sending needs, the alarms, and the callbacks that were not delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from harkara.console.forms import Form
from harkara.console.languages import MOST_COUNTED, N_
from harkara.console.visitors import Admin, Operator, SignedIn, Viewer
from harkara.errors import Conflict, HarkaraError, NotFound, Unavailable
from harkara.health.check import Check
from harkara.health.history_check import history_check
from harkara.health.ledger_checks import halt_checks, ledger_checks
from harkara.health.process_checks import process_checks
from harkara.health.redis_checks import clock_check, pairing_checks, redis_checks
from harkara.ledger.alarms import alarms
from harkara.ledger.audit_runs import audit_status, request_audit
from harkara.ledger.callbacks import dead_callbacks
from harkara.ledger.events.recent import list_orphans, recent_events
from harkara.ledger.identity import live_processes
from harkara.ledger.users.acts import newest_act
from harkara.masking import mask_numbers

router = APIRouter()

ROWS = 20
"""Most rows of a list; `harkara callbacks list` and `harkara alarms list` show the rest."""

MOST_EVENTS = 50

QUEUES = {
    "harkara.urgent": N_("codes to send"),
    "harkara.accept": N_("messages to accept"),
    "harkara.send": N_("messages to send"),
    "harkara.think": N_("turns of the assistant"),
    "harkara.upkeep": N_("upkeep"),
    "intake": N_("messages of applications without the database"),
    "webhooks": N_("webhooks that wait for the database"),
}
"""What waits in each queue."""

PARTS = {
    "messages": N_("messages"),
    "POSTs": N_("POSTs"),
    "lines of traces": N_("lines of traces"),
    "campaigns": N_("campaigns"),
    "turns": N_("turns"),
    "conversations": N_("conversations"),
    "charges": N_("charges"),
}
"""What the audit checks, in the words of its progress."""


@router.get("/health")
def health(visitor: Viewer) -> Response:
    """Show the checks, the alarms and the callbacks of the user's lanes."""
    return _page(visitor)


@router.get("/health/events")
def orphans(visitor: Viewer, lane: str = "", before: Annotated[int | None, Query(ge=1, le=2**62)] = None) -> Response:
    """Show the events of the last day that are about no message of ours, without their values."""
    lanes = visitor.lanes
    if lane and lane not in lanes:
        raise HTTPException(403)
    chosen = lane or next(iter(lanes), "")
    most = MOST_COUNTED + 1
    rows = list_orphans(visitor.console.db, chosen, most=most, before=before, limit=MOST_EVENTS + 1)
    return visitor.page(
        "health_events.html", lane=chosen, lanes=lanes, events=rows[:MOST_EVENTS], more=len(rows) > MOST_EVENTS
    )


@router.get("/health/settings")
def settings(visitor: Admin) -> Response:
    """Show the settings of this process without secrets."""
    return visitor.page("health_settings.html", settings=visitor.console.health.settings())


@router.post("/health/acknowledge")
def acknowledge(visitor: Operator, form: Form) -> Response:
    try:
        alarms.acknowledge(
            visitor.console.db, form["id"], visitor.user.name, lanes=visitor.user.lanes, actor=visitor.actor
        )
    except (NotFound, Conflict):
        return _page(visitor, 409, N_("This alarm is closed: its goal is met again."))
    return visitor.redirect("/health?done=alarm.acknowledged")


@router.post("/health/retry")
def retry(visitor: Operator, form: Form) -> Response:
    """Retry one callback, or all dead ones of the user's lanes."""
    db, which = visitor.console.db, form["id"]
    try:
        if which:
            dead_callbacks.retry(db, [which], lanes=visitor.user.lanes, actor=visitor.actor)
        else:
            dead_callbacks.retry_dead(db, lanes=visitor.user.lanes, actor=visitor.actor)
    except NotFound:
        return _page(visitor, 409, N_("This callback was delivered in the meantime."))
    except Conflict:
        return _page(visitor, 409, N_("This callback cannot be sent again: its data is erased."))
    return visitor.redirect("/health?done=callbacks.retried")


@router.post("/health/audit")
def audit(visitor: Admin, _form: Form) -> Response:
    """Request an audit, or the progress of the one that was requested before: a worker runs it."""
    request_audit(visitor.console.db, visitor.actor)
    return visitor.redirect("/health/audit")


@router.get("/health/audit")
def show_audit(visitor: Admin) -> Response:
    """Show the audit that was requested or runs, and the result of the last one."""
    return visitor.page("health_audit.html", run=audit_status(visitor.console.db), parts=PARTS)


def _page(visitor: SignedIn, status: int = 200, problem: str | None = None) -> Response:
    db, lanes = visitor.console.db, visitor.user.lanes
    known = visitor.console.files().lanes
    checks = [replace(check, values=_masked(check.values)) for check in _checks(visitor)]
    return visitor.page(
        "health.html",
        status,
        problem=problem and visitor.language.texts.gettext(problem),
        checks=checks,
        failed=[check for check in checks if not check.well],
        alarms=alarms.list_alarms(db, open_only=True, lanes=lanes, limit=ROWS),
        closed=[each for each in alarms.list_alarms(db, lanes=lanes, limit=2 * ROWS) if each.state == "closed"],
        callbacks=dead_callbacks.count_callbacks(db, lanes=lanes, most=MOST_COUNTED + 1),
        dead=dead_callbacks.list_callbacks(db, ["dead"], ROWS, lanes=lanes),
        events=recent_events(db, filter(visitor.user.may_use, known), most=MOST_COUNTED + 1),
        lanes=known,
        queues=_queues(visitor),
        queue_names=QUEUES,
        processes=live_processes(db),
        audited=newest_act(db, "audit.run"),
        now=datetime.now(UTC),
    )


def _checks(visitor: SignedIn) -> Iterator[Check]:
    """Run the checks of `harkara doctor` that a running process can fail."""
    console, may_use = visitor.console, visitor.user.may_use
    lanes = {name: lane for name, lane in console.files().lanes.items() if may_use(name)}
    yield from halt_checks(console.db, lanes)
    yield from ledger_checks(console.db, lanes, console.health.silence_seconds)
    yield from history_check(console.db, console.health.history_days)
    yield from process_checks(console.db)
    if console.health.redis is not None:
        yield from _safely(lambda: _redis_checks(visitor))


def _redis_checks(visitor: SignedIn) -> Iterator[Check]:
    db, connect = visitor.console.db, visitor.console.health.redis
    assert connect is not None
    with closing(connect()) as connection:
        yield from redis_checks(connection)
        yield from pairing_checks(db, connection)
        yield clock_check(db, connection)


def _safely(checks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Run the checks. A Redis that does not answer is a failed check."""
    try:
        yield from checks()
    except HarkaraError as error:
        yield Check("redis", False, "%(error)s", {"error": error})


def _masked(values: Mapping[str, object]) -> dict[str, object]:
    """Mask phone numbers: the reason of a halt is what an operator wrote, or Chat Mitra."""
    return {name: mask_numbers(str(value)) for name, value in values.items()}


def _queues(visitor: SignedIn) -> dict[str, Any]:
    try:
        return dict(visitor.console.health.queues())
    except Unavailable:
        return {}
