"""The round of alarms: what measures the goals, and who receives what it finds."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import cache, partial

from config.files import ConfigFiles
from config.settings import settings
from config.wiring.background import rounds
from config.wiring.loaded_files import of_files
from config.wiring.shared import database, lanes, reminder_plan
from harkara.alarms.receivers import Receiver, WhatsAppReceiver
from harkara.alarms.round import AlarmRound, Source
from harkara.alarms.services import measure_disk, measure_redis
from harkara.errors import Invalid
from harkara.ledger.alarms.measure import measure
from harkara.ledger.messages.accept import accept
from harkara.phone import normalize
from harkara.redis_client import connect


@of_files
def alarm_round(files: ConfigFiles) -> AlarmRound:
    return AlarmRound(database(), rounds(), files.goals, _sources(), receivers())


@cache
def receivers() -> Sequence[Receiver]:
    """Return who receives alarms. Raises SystemExit, with the next step, for a setting that is wrong."""
    return [*_by_url(), *_by_whatsapp()]


def _sources() -> Sequence[Source]:
    redis = connect(settings().broker_url, seconds=3)
    return (
        lambda goals: measure(database(), goals, lanes()),
        partial(measure_redis, connection=redis),
        partial(measure_disk, folder=settings().var, host=socket.gethostname()),
    )


def _by_url() -> list[Receiver]:
    urls = settings().alarm_urls
    if not urls:
        return []
    try:
        from harkara.alarms.apprise_receiver import AppriseReceiver  # imported here: few deployments have the extra
    except ModuleNotFoundError:
        raise SystemExit("HARKARA_ALARM_URLS needs the extra alarms: pip install 'harkara[alarms]'") from None
    found: list[Receiver] = []
    for position, url in enumerate(urls, start=1):
        try:
            found.append(AppriseReceiver(url.get_secret_value()))
        except Invalid as error:
            raise SystemExit(f"HARKARA_ALARM_URLS: number {position} {error.rule}") from None
    return found


def _by_whatsapp() -> list[Receiver]:
    s = settings()
    if not s.alarm_number:
        return []
    try:
        number = normalize(s.alarm_number, with_country_code=True)
    except Invalid as error:
        raise SystemExit(f"HARKARA_ALARM_NUMBER: {error.rule}") from None
    if s.alarm_lane not in lanes():
        raise SystemExit(f"HARKARA_ALARM_LANE: no lane is named {s.alarm_lane}; lanes: {', '.join(sorted(lanes()))}")
    store = partial(accept, database(), deadlines=s.deadlines, queued_seconds=0.0, direct_hints=False)
    return [WhatsAppReceiver(number, s.alarm_lane, lambda: reminder_plan().catalogue, store)]
