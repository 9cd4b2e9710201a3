"""The erasure of a person, with what the deployment knows: its key, and its Redis."""

from __future__ import annotations

from typing import Any

from config.settings import settings
from harkara.errors import Invalid
from harkara.intake.erasure import RedisErasure
from harkara.ledger.database import Database
from harkara.ledger.personal.find import Progress, no_progress
from harkara.ledger.personal.receipt import erase_with_receipt
from harkara.ledger.users.acts import Actor
from harkara.redis_client import connect

KEY = "HARKARA_ERASURE_KEY"


def erase(db: Database, number: str, by: Actor, progress: Progress = no_progress) -> dict[str, Any]:
    """Erase a person from the ledger and from Redis, and return the receipt (see `erase_with_receipt`).

    Raises Invalid for HARKARA_ERASURE_KEY if it is not set.
    """
    key = settings().erasure_key
    if key is None:
        raise Invalid(KEY, "is not set: set it to the output of `openssl rand -hex 32`, and keep it")
    with connect(settings().broker_url, seconds=3) as connection:
        return erase_with_receipt(db, number, key.get_secret_value(), by, [RedisErasure(connection)], progress)
