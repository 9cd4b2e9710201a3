"""The round of alarms: what measures the goals, and who receives what it finds."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import cache, partial

from config.alarm_receivers import operator_number, receivers_by_url
from config.files import ConfigFiles
from config.settings import settings
from config.wiring.background import rounds
from config.wiring.loaded_files import of_files
from config.wiring.shared import database, lanes, reminder_plan, stopping
from harkara.alarms.receivers import Receiver, WhatsAppReceiver
from harkara.alarms.round import AlarmRound, Source
from harkara.alarms.services import measure_disk, measure_redis
from harkara.ledger.alarms.measure import measure
from harkara.ledger.messages.accept import accept
from harkara.redis_client import connect


@of_files
def alarm_round(files: ConfigFiles) -> AlarmRound:
    return AlarmRound(database(), rounds(), files.goals, _sources(), receivers(), stopped=stopping.is_set)


@cache
def receivers() -> Sequence[Receiver]:
    """Return who receives alarms. Raises SystemExit, with the next step, for a setting that is wrong."""
    return [*receivers_by_url(settings()), *_by_whatsapp()]


def _sources() -> Sequence[Source]:
    redis = connect(settings().broker_url, seconds=3)
    return (
        lambda goals: measure(database(), goals, lanes()),
        partial(measure_redis, connection=redis),
        partial(measure_disk, folder=settings().var, host=socket.gethostname()),
    )


def _by_whatsapp() -> list[Receiver]:
    s = settings()
    number = operator_number(s, lanes())
    if number is None:
        return []
    store = partial(accept, database(), deadlines=s.deadlines, queued_seconds=0.0, direct_hints=False)
    return [WhatsAppReceiver(number, s.alarm_lane, lambda: reminder_plan().catalogue, store)]
