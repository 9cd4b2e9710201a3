"""Watch: signs of life, and the audit that beat asks for."""

from __future__ import annotations

import structlog

from config.celery_app import app
from config.metrics import FINDINGS
from config.wiring import database, pulse, worker_name
from harkara.errors import Unavailable
from harkara.ledger.audit import audit as examine
from harkara.ledger.leases import mark_done

log = structlog.get_logger(__name__)


@app.task(name="harkara.pulse")
def own_pulse() -> None:
    """Came through this worker's own queue, so it hears."""
    pulse().felt()


@app.task(name="harkara.heartbeat", throws=(Unavailable,))
def heartbeat() -> None:
    """Beat rang, Redis carried it, a worker took it and the database wrote it down."""
    mark_done(database(), "heartbeat", worker_name())


@app.task(name="harkara.audit", throws=(Unavailable,))
def audit() -> None:
    """Says in log and metrics what `harkara audit` would find."""
    report = examine(database())
    FINDINGS.set(len(report.findings))
    for finding in report.findings:
        log.error("the audit found something", action="audit", rule=finding.rule, broken=finding.broken)
