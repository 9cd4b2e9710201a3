"""`harkara audit`: proves that the ledger keeps its own rules."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from workers.command.deployment import ledger
from workers.command.options import AsJson
from workers.command.output import ERROR, emit, say, table

if TYPE_CHECKING:
    from harkara.ledger.audit import Report


def audit(as_json: AsJson = False) -> None:
    """Check that every message is in exactly one state and that nothing was sent in silence; ends with 1 if not."""
    from harkara.ledger.audit import audit as examine

    with ledger() as db:
        report = examine(db)
    if as_json:
        emit({"clean": report.clean, **asdict(report)})
    else:
        _tell(report)
    if not report.clean:
        raise typer.Exit(ERROR)


def _tell(report: Report) -> None:
    say(f"{report.messages} messages, {report.claims} claims, {report.attempts} POSTs, {report.flagged} flagged")
    table(("state", "messages"), sorted(report.by_state.items()))
    for finding in report.findings:
        say(f"\nBroken: {finding.rule}: {finding.broken} messages")
        for identity in finding.ids:
            say(f"  {identity}")
        if finding.broken > len(finding.ids) > 0:
            say(f"  and {finding.broken - len(finding.ids)} more")
    say("\nClean." if report.clean else "\nNot clean: `harkara status ID` shows what happened to each of these.")
