"""One rule for times without a time zone, wherever a caller gives one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer

from harkara import Envelope, Invalid, Text
from harkara.campaigns import rehearse
from harkara.gateway.schemas.campaigns import StartCampaign
from harkara.inbound.contact import ConsentChoice
from harkara.occasions import Occasion
from harkara.times import to_utc
from workers.command.occasion import _time as occasion_time
from workers.command.options import moment

NAIVE = datetime(2030, 1, 1, 9)
TEXT = "2030-01-01T09:00:00"
KOLKATA = ZoneInfo("Asia/Kolkata")
NINE_IN_KOLKATA = datetime(2030, 1, 1, 3, 30, tzinfo=UTC)


def envelope(**times: Any) -> Envelope:
    return Envelope(to="919876543210", messages=[Text("Hello")], **times)


WITHOUT_A_ZONE: dict[str, Callable[[], Any]] = {
    "a message's time": lambda: envelope(at=NAIVE),
    "a message's time as text": lambda: envelope(at=TEXT),
    "a message's deadline": lambda: envelope(expires=NAIVE),
    "the start of a campaign by HTTP": lambda: StartCampaign.read({"at": TEXT}),
    "the start of a rehearsal": lambda: rehearse(1, "utility", NAIVE, None),
    "a consent choice": lambda: ConsentChoice.parse(
        "919876543210", action="opt-out", category="everything", how="operator", proof="Form", at=NAIVE
    ),
    "an option of the command": lambda: moment(TEXT),
}


@pytest.mark.parametrize("caller", WITHOUT_A_ZONE)
def test_a_time_without_a_zone_is_refused_where_no_zone_stands_beside_it(caller: str) -> None:
    with pytest.raises((Invalid, typer.BadParameter), match="has no time zone; add one"):
        WITHOUT_A_ZONE[caller]()


@pytest.mark.parametrize("at", [NAIVE, TEXT])
def test_a_time_without_a_zone_is_local_to_the_zone_beside_it(at: datetime | str) -> None:
    occasion = Occasion(kind="appointment", reference="visit 7", to="919876543210", at=at, zone="Asia/Kolkata")
    assert occasion.at == to_utc(at, KOLKATA) == NINE_IN_KOLKATA


def test_an_offset_takes_precedence_over_the_zone_beside_it() -> None:
    assert to_utc(f"{TEXT}Z", KOLKATA) == datetime(2030, 1, 1, 9, tzinfo=UTC)


MISREAD = [
    "2026-11-24 16.45",  # Python: 16:00 and a fraction of a second
    "2026-11-24T16,45",
    "2026-11-24T16:45.5",
    "2026-11-24+05:30",  # Python: the time 05:30; in XML Schema the day in this zone
    "2026-11-24-05:00",
    "2026112416",  # Python: the date alone
    "2026112411645",
    "2026W4821645",  # Python: the Monday of this week
    "2026-W48",
]


@pytest.mark.parametrize("text", MISREAD)
def test_a_text_that_python_reads_as_another_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="must be a time in ISO 8601"):
        to_utc(text, KOLKATA)
    with pytest.raises(Invalid, match="at: must be a time in ISO 8601"):
        Occasion(kind="appointment", reference="visit 7", to="919876543210", at=text, zone="Asia/Kolkata")
    with pytest.raises(typer.BadParameter, match="write 2026-11-24T10:30"):
        occasion_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T16:45",
        "2026-11-24 16:45:00",
        "20261124T1645",
        "20261124 164500",
        "2026-W48-2T16:45",
        "2026W482T1645",
        "2026-11-24T11:15Z",
        "2026-11-24T16:45:00.000000+05:30",
        "2026-11-24 16:45 +0530",
        "2026-11-24T17+05:45",
    ],
)
def test_every_notation_of_iso_8601_is_the_same_time(text: str) -> None:
    assert to_utc(text, KOLKATA) == datetime(2026, 11, 24, 11, 15, tzinfo=UTC)
    assert occasion_time(text) == text


@pytest.mark.parametrize("year", [1, 1999, 2200, 9999])
def test_a_year_outside_of_the_bounds_is_refused_with_and_without_a_zone(year: int) -> None:
    for at, zone in ((datetime(year, 12, 31, 23), KOLKATA), (datetime(year, 12, 31, 23, tzinfo=UTC), None)):
        with pytest.raises(Invalid, match="must lie in the years 2000 to 2199"):
            to_utc(at, zone)
