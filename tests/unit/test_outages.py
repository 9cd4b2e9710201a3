"""An outage is logged when it begins and when it is over."""

from __future__ import annotations

from structlog.testing import capture_logs

from harkara.errors import Unavailable
from harkara.outages import QUIET_SECONDS, OutageLog


def replica(action: str) -> Unavailable:
    error = Unavailable(f"Redis did not {action} (it is a replica)")
    error.outage = "Redis: it is a replica; use the primary"
    return error


def test_one_reason_is_logged_once_however_many_calls_meet_it_and_once_when_it_is_over() -> None:
    now = [0.0]
    outages = OutageLog(lambda: now[0])
    with capture_logs() as lines:
        for now[0] in (0.0, 1.0, 2.0):
            outages.failed("dispatch", replica("count the hints"))
            outages.failed("accept", replica("answer"))
            outages.worked()
        outages.failed("sweep", Unavailable("the database cannot be used now (Connection refused)"))
        now[0] = 2.0 + QUIET_SECONDS
        outages.worked()
        outages.worked()
        outages.failed("accept", replica("answer"))
    assert [(line["event"], line["error"].split(":")[0].split(" (")[0]) for line in lines] == [
        ("work suspended", "Redis"),
        ("work suspended", "the database cannot be used now"),
        ("work resumed", "Redis"),
        ("work resumed", "the database cannot be used now"),
        ("work suspended", "Redis"),
    ]
    assert lines[2]["seconds"] == 2
