"""The audit of a worker: runs the requested one, logs what it finds and counts it in a metric."""

from __future__ import annotations

import structlog

from config.metrics import FINDINGS
from config.wiring.shared import database, process_name, stopping
from harkara.ledger.audit_runs import run_requested

log = structlog.get_logger(__name__)


def run_requested_audit() -> None:
    """Run the audit that was requested, if there is one and no other worker runs it. Raises Unavailable."""
    report = run_requested(database(), process_name(), stopping.is_set)
    if report is None:
        return
    FINDINGS.set(len(report.findings))
    if report.dead_letters:
        log.warning("dead letters found", action="dead_letters", **report.dead_letters)
    for finding in report.findings:
        log.error("audit rule broken", action="audit", rule=finding.rule, broken=finding.broken)
