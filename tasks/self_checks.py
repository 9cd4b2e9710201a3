"""Watch: tasks that prove that the parts work together, and the audit."""

from __future__ import annotations

from config.celery_app import app
from config.wiring.audits import run_requested_audit
from config.wiring.background import watchdog
from config.wiring.shared import database, process_name
from harkara.errors import Unavailable
from harkara.ledger.audit_runs import request_audit
from harkara.ledger.leases import mark_done
from tasks.task import Task


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
    """Check the ledger, unless the audit of a person is under way, and log what is found."""
    request_audit(database())
    run_requested_audit()
