"""Who receives alarms, from the settings."""

from __future__ import annotations

from collections.abc import Collection

from config.settings import Settings
from harkara.alarms.receivers import Receiver
from harkara.errors import Invalid
from harkara.phone import normalize


def receivers_by_url(settings: Settings) -> list[Receiver]:
    """Return the services of Apprise. Raises SystemExit, with the next step, for a URL that is wrong."""
    urls = settings.alarm_urls
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


def operator_number(settings: Settings, lanes: Collection[str]) -> str | None:
    """Return the number of the operator, None for none. Raises SystemExit for a wrong one, and for an unknown lane."""
    if not settings.alarm_number:
        return None
    try:
        number = normalize(settings.alarm_number, with_country_code=True)
    except Invalid as error:
        raise SystemExit(str(Invalid("HARKARA_ALARM_NUMBER", error.rule, error.measure))) from None
    if settings.alarm_lane not in lanes:
        known = ", ".join(sorted(lanes))
        raise SystemExit(f"HARKARA_ALARM_LANE: no lane is named {settings.alarm_lane}; lanes: {known}")
    return number
