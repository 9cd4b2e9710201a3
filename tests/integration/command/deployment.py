"""Starts the command as people do, and puts messages into its ledger."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from typer.testing import Result

from config.environment import ROOT, process_environment
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept
from harkara.ledger.messages.begin import BeginRequest, begin
from harkara.ledger.messages.claim import claim
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.record import record
from harkara.messages import Envelope, Message, Text
from harkara.outcomes import Outcome
from harkara.shared_defaults import DEADLINES
from harness.python import run_module

NUMBER = "919876543210"

Harkara = Callable[..., Result]
"""Runs one command line in this process."""


def start(environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harkara", *words],
        cwd=ROOT,
        env=process_environment() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(environment: dict[str, str], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command as a process of its own."""
    ended = run_module(["harkara", *words], process_environment() | environment)
    return ended.returncode, ended.stdout, ended.stderr


def store(db: Database, message: Message | None = None, **options: Any) -> str:
    """A message in the ledger, due in two hours."""
    options = {"at": datetime.now(UTC) + timedelta(hours=2)} | options
    envelope = Envelope(to=NUMBER, messages=[message or Text("Hello")], **options)
    accept(db, [envelope], deadlines=DEADLINES, queued_seconds=10, direct_hints=False)
    return envelope.id


def attempted(db: Database, outcome: Outcome, *, fingerprint: str | None = None, **options: Any) -> str:
    """A message that was POSTed once, with this outcome; with a fingerprint, in a lane that receives webhooks."""
    identity = store(db, at=None, **options)
    claimed = claim(db, [identity], lease_seconds=10)[0]
    with db.write() as tx:
        begin(tx, [BeginRequest(claimed, "test", "passed", 10, fingerprint)])
    with db.write() as tx:
        record(tx, [ClaimResult.of(claimed, outcome, posted=True)])
    return identity


def listed(db: Database) -> list[str]:
    with db.read() as tx:
        return list(tx.execute(text("SELECT id FROM message")).scalars())
