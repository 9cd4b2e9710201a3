"""Times as people read them: in the zone of the lane, with the offset."""

from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from workers.command.deployment import configured

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


class LocalTime:
    """Shows times in the zone of their lane; without a lane of this deployment, in the deployment's zone."""

    def __init__(self) -> None:
        from config.settings import settings

        self._zones = {name: lane.zone for name, lane in configured().items()}
        self._own = ZoneInfo(settings().timezone)

    def show(self, moment: datetime | str | None, lane: str | None = None) -> str:
        """Return a time, or its ISO 8601 form, such as `2026-11-24 10:30:00+05:30`; nothing for None."""
        return show_time(moment, self.zone(lane))

    def zone(self, lane: str | None) -> ZoneInfo:
        """Return the zone of a lane; of one that this deployment does not have, the deployment's."""
        return self._zones.get(lane or "", self._own)

    def within(self, text: str, lane: str | None = None) -> str:
        """Return a text whose times in ISO 8601 are in this zone: reasons and traces are stored in UTC."""
        return _ISO.sub(lambda found: self.show(found[0], lane), text)


def show_time(moment: date | str | None, zone: ZoneInfo) -> str:
    """Return a time, or its ISO 8601 form, in this zone; a date as it is, and nothing for None."""
    if not moment:
        return ""
    time = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return time.astimezone(zone).isoformat(" ", "seconds") if isinstance(time, datetime) else time.isoformat()
