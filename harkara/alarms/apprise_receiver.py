"""Receivers by URL, through Apprise: mail, Slack, Teams and a hundred others. It needs the extra `alarms`."""

from __future__ import annotations

import logging
from hashlib import blake2b

from apprise import Apprise, NotifyType

from harkara.alarms.receivers import body, title
from harkara.errors import Invalid
from harkara.goals import Goals
from harkara.goals.alarm import Alarm
from harkara.ledger.alarms.alarms import OPENED

# Apprise logs addresses; the round logs whether a notice was delivered.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)


class AppriseReceiver:
    """One URL of Apprise, which is a secret. Raises Invalid, without the URL, if Apprise does not know it."""

    def __init__(self, url: str) -> None:
        found = Apprise.instantiate(url)
        if found is None:
            schema = url.partition("://")[0]
            raise Invalid("", f"is not a URL of Apprise; it begins with {schema}://", None)
        self._service = found
        self.id = blake2b(url.encode(), digest_size=8).hexdigest()
        self.name = str(found.service_name)

    def wants(self, event: str) -> bool:
        return True

    def notify(self, event: str, alarm: Alarm, goals: Goals) -> bool:
        """POST the notice; the URL's own `cto` and `rto` limit the time, 4 s each without them."""
        kind = NotifyType.FAILURE if event == OPENED else NotifyType.SUCCESS
        return bool(self._service.notify(body(event, alarm, goals), title(event, alarm), kind))
