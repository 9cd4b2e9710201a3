"""`harkara audit`: check that the ledger keeps its own rules."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from workers.command.deployment import ledger
from workers.command.options import AsJson
from workers.command.output import ERROR, emit, print_line, status_line, table

if TYPE_CHECKING:
    from harkara.ledger.audit import Finding, Report


def audit(as_json: AsJson = False) -> None:
    """Check that every message is in exactly one state and that none was silently sent twice. Exits with 1 if not."""
    from harkara.ledger.audit import audit as run_audit

    with ledger() as db, status_line() as show:
        report = run_audit(db, lambda what, checked: show(f"{checked:,} {what} checked"))
    if as_json:
        emit({"clean": report.clean, **asdict(report)})
    else:
        _report(report)
    if not report.clean:
        raise typer.Exit(ERROR)


def _report(report: Report) -> None:
    print_line(f"{report.messages} messages, {report.claims} claims, {report.attempts} POSTs, {report.flagged} flagged")
    table(("state", "messages"), sorted(report.by_state.items()))
    if letters := sum(report.dead_letters.values()):
        print_line(f"{letters} dead letters: `harkara dead-letters list` shows what could not be applied")
    for finding in report.findings:
        print_line(f"\nBroken: {finding.rule}: {finding.broken} {_rows(finding)}")
        for identity in finding.ids:
            print_line(f"  {identity}")
        if finding.broken > len(finding.ids) > 0:
            print_line(f"  and {finding.broken - len(finding.ids)} more")
    if report.clean:
        print_line("\nClean.")
        return
    print_line("\nNot clean: docs/how-to/runbook.md says what to do. `harkara status ID` shows the trace of a message.")


def _rows(finding: Finding) -> str:
    """Name what the ids are of: rules are also about campaigns, conversations, turns and the charges of a day."""
    return "messages" if all(each.startswith("job_") for each in finding.ids) else "rows"
