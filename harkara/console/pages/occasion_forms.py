"""The forms of the calendar: save and move an occasion, end it, and send a reminder now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from secrets import token_hex

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from harkara.console.errors import sentence
from harkara.console.forms import Form, FormFields, printable
from harkara.console.pages.calendar import occasion_page
from harkara.console.visitors import Operator, SignedIn
from harkara.errors import Conflict, Invalid
from harkara.ledger.occasions.calendar import StoredOccasion, change_occasion, find_occasion
from harkara.occasions import Closing, Occasion, ReminderPlan
from harkara.phone import normalize

router = APIRouter()

_CLOSINGS = ("cancelled", "completed", "no-show")


@router.get("/calendar/new/{kind}")
def new_form(visitor: Operator, kind: str, day: str = "") -> Response:
    return _new_page(visitor, kind, given={"day": printable(day)[:10]})


@router.post("/calendar/new/{kind}")
def add_occasion(visitor: Operator, form: Form, kind: str) -> Response:
    plan = visitor.console.files().plan
    lane = form["lane"]
    if lane not in visitor.console.lanes or not visitor.user.may_use(lane):
        raise HTTPException(403)
    try:
        wanted = Occasion(
            kind=kind,
            reference=form["reference"].strip(),
            lane=lane,
            producer="console",
            to=normalize(form["to"]),
            at=_at(form),
            zone=plan.lane_zone(lane),
            parameters=_parameters(form),
        )
        plan.validate_occasion(wanted)
        _change(visitor, wanted, None)
    except (Invalid, Conflict) as error:
        problem, wrong = _problem(visitor, error)
        given = {name: form[name] for name in ("day", "time", "to", "reference", "lane")}
        given |= {f"p.{name}": text for name, text in _parameters(form).items()}
        return _new_page(visitor, kind, 400, given=given, problem=problem, wrong=wrong)
    return visitor.redirect(f"/calendar?day={form['day']}&view=day&done=occasion.saved")


@router.post("/calendar/{identity}/save")
def save_occasion(visitor: Operator, form: Form, identity: str) -> Response:
    """Save the fields of the form; the others stay. The reminders follow."""

    def save(stored: StoredOccasion) -> None:
        plan = visitor.console.files().plan
        at = _moved_to(form, stored.at)
        wanted = Occasion(
            **stored.key._asdict(),
            producer=stored.producer,
            to=normalize(form["to"] or f"+{stored.to}"),
            at=at or stored.at,
            zone=stored.zone,
            parameters=_changed_parameters(form, stored, plan, moved=at is not None),
            language=stored.language,
        )
        plan.validate_occasion(wanted)
        _change(visitor, wanted, _seen(form))

    return _done(visitor, identity, save, "occasion.saved", form)


@router.post("/calendar/{identity}/close")
def close_occasion(visitor: Operator, form: Form, identity: str) -> Response:
    """Cancel the occasion, complete it, or record that the customer did not come."""
    status = form["status"]
    if status not in _CLOSINGS:
        raise HTTPException(400)

    def close(stored: StoredOccasion) -> None:
        reason = form["reason"].strip() or None
        closing = Closing(**stored.key._asdict(), status=status, reason=reason)
        visitor.console.files().plan.validate_closing(closing)
        _change(visitor, closing, _seen(form))

    return _done(visitor, identity, close, f"occasion.{status}", form)


@router.post("/calendar/{identity}/remind")
def send_reminder(visitor: Operator, form: Form, identity: str) -> Response:
    def remind(stored: StoredOccasion) -> None:
        visitor.console.backend.remind(stored.key, visitor.console.files().plan, by=visitor.actor)

    return _done(visitor, identity, remind, "occasion.reminded", form)


def _done(
    visitor: SignedIn, identity: str, act: Callable[[StoredOccasion], None], done: str, form: FormFields
) -> Response:
    """Do what the form asks for, or show the page with what is wrong: with the fields of the form, unless it is stale.

    They stay with the time of the form, since they would otherwise undo a change that its user has not seen.
    """
    stored = find_occasion(visitor.console.db, printable(identity), visitor.user.lanes)
    try:
        act(stored)
    except (Invalid, Conflict) as error:
        problem, wrong = _problem(visitor, error)
        given = {name: form[name] for name in form.names("")} if wrong else None
        return occasion_page(visitor, stored.id, 400 if wrong else 409, problem=problem, wrong=wrong, given=given)
    return visitor.redirect(f"/calendar/{stored.id}?done={done}")


def _change(visitor: SignedIn, update: Occasion | Closing, seen: datetime | None) -> None:
    plan, deadlines = visitor.console.files().plan, visitor.console.backend.deadlines
    change_occasion(visitor.console.db, update, plan, deadlines, seen=seen, by=visitor.actor)


def _new_page(
    visitor: SignedIn,
    kind: str,
    status: int = 200,
    *,
    given: dict[str, str],
    problem: str | None = None,
    wrong: str | None = None,
) -> Response:
    plan = visitor.console.files().plan
    if kind not in plan.rules.kind:
        raise HTTPException(404)
    filled, optional = plan.rules.fill.get(kind, {}), plan.optional_parameters(kind)
    names = [name for name in (*plan.parameters(kind), *optional) if name not in filled]
    return visitor.page(
        "occasion_new.html",
        status,
        kind=kind,
        names=names,
        parameter_fields=[f"p.{name}" for name in names],
        optional={*optional},
        lanes=[lane for lane in visitor.console.lanes if visitor.user.may_use(lane)],
        given={"reference": f"{datetime.now(visitor.console.zone):%y%m%d}-{token_hex(2)}"} | given,
        problem=problem,
        wrong=wrong,
    )


def _problem(visitor: SignedIn, error: Invalid | Conflict) -> tuple[str, str | None]:
    """Return what is wrong, and the field beside which it stands."""
    if isinstance(error, Conflict):
        return sentence(error, visitor.language), None
    field = error.field.rpartition(".")[2]  # a parameter stands behind its kind or its template
    name = {"at": "day", "to": "to", "reference": "reference", "reason": "reason"}.get(error.field, f"p.{field}")
    return visitor.language.texts.gettext(error.rule), name


def _at(form: FormFields) -> str:
    return f"{form['day']}T{form['time']}" if form["time"] else form["day"]


def _moved_to(form: FormFields, stored: date) -> str | None:
    """Return the time of the form, None if it is still the stored one: a form shows neither seconds nor the offset."""
    shown = f"{stored:%Y-%m-%dT%H:%M}" if isinstance(stored, datetime) else f"{stored:%Y-%m-%d}"
    return None if _at(form) == shown else _at(form)


def _changed_parameters(form: FormFields, stored: StoredOccasion, plan: ReminderPlan, *, moved: bool) -> dict[str, str]:
    """Return the stored parameters with those of the form; after a move, without texts about the time before."""
    filled = plan.rules.fill.get(stored.key.kind, {})
    about_time = {name: text for name, text in stored.parameters.items() if name in filled and not moved}
    others = {name: text for name, text in stored.parameters.items() if name not in filled}
    return about_time | (_parameters(form) or others)


def _parameters(form: FormFields) -> dict[str, str]:
    return {name.removeprefix("p."): form[name].strip() for name in form.names("p.") if form[name].strip()}


def _seen(form: FormFields) -> datetime:
    try:
        return datetime.fromisoformat(form["seen"])
    except ValueError:
        raise HTTPException(400) from None
