"""Watch: tasks that prove that the parts work together, and the audit."""

from __future__ import annotations

import structlog

from config.celery_app import app
from config.metrics import FINDINGS
from config.wiring.background import watchdog
from config.wiring.shared import database, process_name
from harkara.errors import Unavailable
from harkara.ledger.audit import audit as examine
from harkara.ledger.leases import mark_done
from tasks.task import Task

log = structlog.get_logger(__name__)


@app.task(base=Task, name="harkara.pulse")
def pulse() -> None:
    """Arrive through this worker's own queue, which proves that the worker still consumes."""
    watchdog().confirm()


@app.task(base=Task, name="harkara.heartbeat", throws=(Unavailable,))
def heartbeat() -> None:
    """Write the time to the database, which proves that beat, Redis, a worker and the database work together."""
    mark_done(database(), "heartbeat", process_name())


@app.task(base=Task, name="harkara.audit", throws=(Unavailable,))
def audit() -> None:
    """Log the findings of `harkara audit` and count them in a metric."""
    report = examine(database())
    FINDINGS.set(len(report.findings))
    if report.dead_letters:
        log.warning("dead letters found", action="dead_letters", **report.dead_letters)
    for finding in report.findings:
        log.error("audit rule broken", action="audit", rule=finding.rule, broken=finding.broken)
