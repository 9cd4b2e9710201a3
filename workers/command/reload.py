"""`harkara reload`: every process reads the files of `config/` again, without a restart."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from workers.command.deployment import check_redis, ledger
from workers.command.options import AsJson
from workers.command.output import ERROR, emit, note, table

if TYPE_CHECKING:
    from harkara.reload_requests import ReloadAnswer

Check = Annotated[bool, typer.Option("--check", help="Only check the files.")]

ANSWER_SECONDS = 20.0
"""The processes read requests every second. One that was killed leaves the register within 15 s."""

POLL_SECONDS = 0.2


def reload(check: Check = False, as_json: AsJson = False) -> None:
    """Let every process read the files of config/ again, without a restart.

    A file with a mistake changes nothing. Settings in .env and the environment need a restart of the processes.
    """
    from config.files import ConfigFiles
    from config.settings import settings

    files = ConfigFiles.load(settings())
    answers = {} if check else _reload()
    refused = any(answer is None or answer.problem for answer in answers.values())
    if as_json:
        processes = [{"process": name, **_fields(answer)} for name, answer in answers.items()]
        emit({"valid": sorted(files.digests), "processes": processes})
    elif check:
        note("The files are valid.")
    else:
        _show(answers)
    if refused:
        raise typer.Exit(ERROR)


def _reload() -> dict[str, ReloadAnswer | None]:
    """Request a reload, and return the answer of each process that runs; None for one that has not answered."""
    from config.settings import settings
    from harkara.ledger.identity import live_processes
    from harkara.redis_client import connect
    from harkara.reload_requests import ReloadRequests

    with ledger() as db, connect(settings().broker_url, seconds=3) as connection:
        check_redis(db)
        requests = ReloadRequests(connection)
        request = requests.request()
        end = time.monotonic() + ANSWER_SECONDS
        running = {each.name for each in live_processes(db)}
        while running - requests.answers(request).keys() and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
            running &= {each.name for each in live_processes(db)}
        answers = requests.answers(request)
    return {name: answers.get(name) for name in sorted(running | answers.keys())}


def _show(answers: Mapping[str, ReloadAnswer | None]) -> None:
    if not answers:
        note("The files are valid. No process runs; each reads them when it starts.")
        return
    rows = [(name, answer.kind if answer else "", _result(answer)) for name, answer in answers.items()]
    table(("process", "kind", "result"), rows)
    if any(answer and answer.restart for answer in answers.values()):
        note(".env has changed since a process started: settings need a restart of the processes.")


def _result(answer: ReloadAnswer | None) -> str:
    if answer is None:
        return "no answer: restart it, unless it has just ended"
    if answer.problem:
        return f"keeps its previous files: {answer.problem}"
    return f"loaded {', '.join(answer.changed)}" if answer.changed else "nothing has changed"


def _fields(answer: ReloadAnswer | None) -> dict[str, object]:
    if answer is None:
        return {"answered": False}
    return {
        "answered": True,
        "kind": answer.kind,
        "changed": list(answer.changed),
        "problem": answer.problem,
        "restart": answer.restart,
    }
