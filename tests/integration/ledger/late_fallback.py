"""Messages with a fallback, and webhooks that report them as failed."""

from __future__ import annotations

import json
from typing import Any

from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.messages import Envelope, Template
from harkara.outcomes import Outcome
from tests.integration.ledger.steps import (
    ACCEPTED,
    claim_messages,
    record_outcome,
    reply,
)
from tests.integration.ledger.webhooks import (
    begin_again,
    status_webhook,
)

FALLBACK = Template("table_ready", body=["493817"])
CODES = (131047, 131026)


def with_fallback(n: int = 0, **options: Any) -> Envelope:
    return reply(n, **{"fallback": FALLBACK} | options)


def failed(db: Database, code: int = 131047, wamid: str | None = "wamid.1", n: int = 0, **fields: Any) -> bytes:
    return status_webhook(db, "failed", wamid, n, error={"code": code, "message": "Re-engagement message"}, **fields)


def send_fallback(db: Database, message_id: str, outcome: Outcome = ACCEPTED) -> Claimed:
    (claimed,) = claim_messages(db, message_id)
    assert begin_again(db, claimed)
    record_outcome(db, claimed, outcome)
    return claimed


def fallback_webhook(db: Database, status: str, claimed: Claimed, wamid: str = "wamid.2") -> bytes:
    template = json.loads(claimed.body)["messages"][0]["template"]
    return status_webhook(db, status, wamid, message={"type": "template", "template": template})
