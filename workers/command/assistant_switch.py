"""`harkara assistant status`, `off` and `on`: what the assistant does today, and whether it answers at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from workers.command.deployment import ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, By, me
from workers.command.output import emit, print_line, table

if TYPE_CHECKING:
    from config.files import ConfigFiles
    from harkara.ledger.database import Database


def add_to(app: typer.Typer) -> None:
    """Add the commands to the group of the assistant."""
    app.command(epilog="Example: harkara assistant status --json")(status)
    app.command(epilog="Example: harkara assistant off")(off)
    app.command(epilog="Example: harkara assistant on")(on)


def status(as_json: AsJson = False) -> None:
    """Show where the assistant answers, its model, and the figures of today, which begins at midnight in each lane."""
    from config.files import ConfigFiles
    from config.settings import settings

    files = ConfigFiles.load(settings())
    with ledger() as db:
        shown = _status(db, files)
    emit(shown) if as_json else _print(shown)


def off(by: By = None, as_json: AsJson = False) -> None:
    """Stop the assistant in every lane and worker at once: it says nothing more until `harkara assistant on`."""
    from harkara.ledger.assistant_switch import switch_assistant_off
    from harkara.ledger.users.acts import Actor

    with ledger() as db:
        changed = switch_assistant_off(db, by=Actor(by or me(), "command"))
    _report("off", changed, "The assistant is off: people answer.", as_json)


def on(by: By = None, as_json: AsJson = False) -> None:
    """Let the assistant answer again what customers write from now on, in the lanes of config/assistant.toml."""
    from harkara.ledger.assistant_switch import switch_assistant_on
    from harkara.ledger.users.acts import Actor

    with ledger() as db:
        changed = switch_assistant_on(db, by=Actor(by or me(), "command"))
    _report("on", changed, "The assistant is on, in the lanes of config/assistant.toml.", as_json)


def _status(db: Database, files: ConfigFiles) -> dict[str, Any]:
    from harkara.ledger.assistant_switch import off_since
    from harkara.ledger.model_halt import read_breaker

    rules, since, breaker = files.assistant, off_since(db), read_breaker(db)
    return {
        "state": "off" if since else "on" if rules.lanes else "no lane",
        "off_since": _iso(since),
        "mode": rules.mode,
        "share": rules.share,
        "only": len(rules.only),
        "model": {
            "name": rules.model.name or None,
            "breaker": breaker.state,
            "since": _iso(breaker.since),
            "until": _iso(breaker.until),
        },
        "lanes": [_of_lane(db, files, lane) for lane in rules.lanes],
    }


def _of_lane(db: Database, files: ConfigFiles, lane: str) -> dict[str, Any]:
    from datetime import UTC, timedelta

    from harkara.ledger.conversations.proposals import count_drafts
    from harkara.ledger.conversations.report import get_report

    now = db.now().astimezone(files.lanes[lane].zone if lane in files.lanes else UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    report = get_report(db, [lane], days=(now - midnight) / timedelta(days=1))
    return {
        "lane": lane,
        "configured": lane in files.lanes,
        "currency": files.prices.currency,
        "today": dict(report),
        "drafts_waiting": count_drafts(db, [lane])[lane],
    }


def _print(shown: Mapping[str, Any]) -> None:
    local, model = LocalTime(), shown["model"]
    since = f" since {local.show(shown['off_since'], 'default')}" if shown["off_since"] else ""
    only = f", only {shown['only']} numbers" if shown["only"] else ""
    rollout = f"mode {shown['mode']}, share {shown['share']}{only}"
    print_line(f"The assistant is {_STATES[shown['state']]}{since}; {rollout}.")
    down = f"; tried again at {local.show(model['until'], 'default')}" if model["until"] else ""
    print_line(f"Model: {model['name'] or 'none'}, breaker {model['breaker']}{down}.")
    if shown["lanes"]:
        columns = (
            "answered",
            "handed over",
            "failed",
            "superseded",
            "shadow",
            "95 % within",
            "tokens",
            "spent",
            "drafts",
        )
        table(("lane today", *columns), map(_row, shown["lanes"]))


def _row(shown: Mapping[str, Any]) -> tuple[object, ...]:
    today = shown["today"]
    counts = (today[name] for name in ("answered", "handed_over", "failed", "superseded", "shadow"))
    return (
        shown["lane"] if shown["configured"] else f"{shown['lane']} (not configured)",
        *counts,
        "" if today["p95_ms"] is None else f"{today['p95_ms'] / 1000:.1f} s",
        today["tokens"],
        f"{today['spent']} {shown['currency']}",
        shown["drafts_waiting"],
    )


_STATES = {"off": "off", "on": "on", "no lane": "enabled for no lane"}


def _report(state: str, changed: bool, words: str, as_json: bool) -> None:
    if as_json:
        emit({"state": state, "changed": changed})
    else:
        print_line(words if changed else f"The assistant was {state} already.")


def _iso(at: Any) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
