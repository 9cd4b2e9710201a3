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


@pytest.mark.parametrize("year", [1, 1999, 2200, 9999])
def test_a_year_outside_of_the_bounds_is_refused_with_and_without_a_zone(year: int) -> None:
    for at, zone in ((datetime(year, 12, 31, 23), KOLKATA), (datetime(year, 12, 31, 23, tzinfo=UTC), None)):
        with pytest.raises(Invalid, match="must lie in the years 2000 to 2199"):
            to_utc(at, zone)
