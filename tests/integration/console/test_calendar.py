"""The calendar: occasions by day with the answers of customers, and what a receptionist does about them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from harkara.console.pages.calendar import ROWS
from harkara.ledger.occasions.calendar import find_occasion
from harkara.ledger.tables import message
from harkara.ledger.users.acts import list_acts
from harkara.roles import Role
from harness.ledger import open_ledger
from tests.integration.console.server import FILES, Browser, Server, console_of, serve, text_of
from tests.integration.ledger.occasions import VISIT, closing, occasion_rows, reminder_rows, save, visit

INDIA = ZoneInfo("Asia/Kolkata")
NUMBER = "919876500001"
FIELDS = {f"p.{name}": value for name, value in VISIT.items()}


def days(number: int, clock: str = "10:30") -> datetime:
    day = datetime.now(INDIA) + timedelta(days=number)
    return datetime.fromisoformat(f"{day:%Y-%m-%d}T{clock}").replace(tzinfo=INDIA)


@pytest.fixture(scope="module")
def operator(running: Server) -> Browser:
    return running.user("Asha", Role.OPERATOR)


@pytest.fixture(scope="module")
def viewer(running: Server) -> Browser:
    return running.user("Ravi")


def saved(running: Server, reference: str, at: Any = None, **other: Any) -> str:
    """Save a visit; return its id."""
    save(running.console.db, visit(reference, at=at or days(3), **other))
    return str(next(row["id"] for row in occasion_rows(running.console.db) if row["reference"] == reference))


def submit(browser: Browser, identity: str, act: str, **fields: str) -> tuple[int, str]:
    """Send a form of the page of an occasion, as the page shows it now."""
    page = browser.see(f"/calendar/{identity}").text
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    answer = browser.submit(f"/calendar/{identity}/{act}", **({"seen": seen[1]} if seen else {}) | fields)
    return answer.status_code, text_of(answer)


def test_a_day_and_a_week_show_occasions_with_answers_in_their_own_zone(running: Server, viewer: Browser) -> None:
    db = running.console.db
    at = days(12, "23:45")
    for reference in ("confirmed", "cancelling", "quiet", "planned", "closed"):
        saved(running, reference, at)
    save(db, visit("elsewhere", at=at, zone="America/New_York"), closing("completed", "closed"))
    answers = {"confirmed": "confirmed", "cancelling": "cancelled", "quiet": None}
    rows = {row["id"]: row["reference"] for row in occasion_rows(db)}
    with db.write() as tx:
        for each in reminder_rows(db, "-2h"):
            if (reference := rows[each["occasion_id"]]) in answers:
                values = {"answer": answers[reference], "state": "delivered"}
                tx.execute(update(message).where(message.c.id == each["id"]).values(**values))
    page = viewer.see(f"/calendar?day={at:%Y-%m-%d}&view=day")
    shown = text_of(page)
    for words in ("11:45 pm confirmed", "wants to cancel", "no answer yet", "reminder on", "completed"):
        assert words in re.sub("PM", "pm", shown), words
    there = f"{at.astimezone(ZoneInfo('America/New_York')):%I:%M pm}".lstrip("0")
    assert f"{there} elsewhere" in re.sub("PM", "pm", shown)
    assert "confirmed" in text_of(viewer.see(f"/calendar?day={at:%Y-%m-%d}"))
    assert 'href="/console/calendar/occ_' in page.text
    assert "closed" not in text_of(viewer.see(f"/calendar?day={at:%Y-%m-%d}&kind=payment")).replace("closed=", "")
    for odd in ("day=0001-01-01", "day=x%00", "view=year", "kind=none"):
        assert viewer.see(f"/calendar?{odd}").status_code == 200


def test_more_occasions_than_a_page_has_are_on_the_next_one(tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}") as db, serve(console_of(db)) as server:
        at = days(12, "09:00")
        save(db, *(visit(f"number-{n}", at=at + timedelta(minutes=n)) for n in range(ROWS + 1)))
        viewer = server.user("Vik")
        first = viewer.see(f"/calendar?day={at:%Y-%m-%d}")
        later = re.search(r'href="/console(/calendar\?[^"]*after=[^"]+)">Later occasions', first.text)
        assert later
        second = viewer.see(unescape(later[1]))
    assert (f"number-{ROWS - 1} " in text_of(first), f"number-{ROWS} " in text_of(first)) == (True, False)
    assert (f"number-{ROWS - 1} " in text_of(second), f"number-{ROWS} " in text_of(second)) == (False, True)
    assert text_of(first).count("nothing") == 0, "an empty day may have occasions on another page"
    assert "Later occasions" not in text_of(second)
    assert "From the first occasion on" in text_of(second)


def test_a_viewer_sees_numbers_masked_and_no_form(running: Server, viewer: Browser, operator: Browser) -> None:
    identity = saved(running, "masked")
    assert NUMBER in operator.see(f"/calendar/{identity}").text
    page = viewer.see(f"/calendar/{identity}").text
    assert NUMBER not in page
    assert "91••••••0001" in page
    assert "Send a reminder now" not in page
    assert viewer.submit(f"/calendar/{identity}/remind").status_code == 403


def test_only_the_lanes_of_a_user_are_shown_and_changed(running: Server) -> None:
    identity = saved(running, "default lane", days(20))
    shop = running.user("Mina", Role.OPERATOR, lanes=("shop",))
    assert "default lane" not in text_of(shop.see(f"/calendar?day={days(20):%Y-%m-%d}"))
    assert shop.see(f"/calendar/{identity}").status_code == 404
    shop.see("/calendar/new/appointment")
    for act in ("save", "close", "remind"):
        fields = {"seen": "2026-01-01", "day": "2027-01-01", "status": "cancelled"}
        assert shop.submit(f"/calendar/{identity}/{act}", **fields).status_code == 404
    assert shop.submit("/calendar/new/appointment", lane="default").status_code == 403


def test_a_new_occasion_gets_its_reminders_and_an_act(running: Server, operator: Browser) -> None:
    at = days(15)
    fields = {"day": f"{at:%Y-%m-%d}", "time": "10:30", "to": "98765 00001", "lane": "default", "reference": "new one"}
    assert 'value="2027-03-01"' in operator.see("/calendar/new/appointment?day=2027-03-01").text
    added = operator.submit("/calendar/new/appointment", **fields, **FIELDS)
    assert (added.status_code, added.headers["location"]) == (
        303,
        f"/console/calendar?day={at:%Y-%m-%d}&view=day&done=occasion.saved",
    )
    (row,) = [row for row in occasion_rows(running.console.db) if row["reference"] == "new one"]
    assert (row["at"], row["recipient"], row["producer"]) == (at, NUMBER, "console")
    assert len([each for each in reminder_rows(running.console.db) if each["occasion_id"] == row["id"]]) == 2
    (act,) = list_acts(running.console.db, name="Asha", limit=1)
    assert (act.act, act.subject) == ("occasion.saved", "appointment new one")
    operator.see("/calendar/new/appointment")
    again = operator.submit("/calendar/new/appointment", **fields, **FIELDS)
    assert "with this reference already" in text_of(again)
    assert operator.see("/calendar/new/none").status_code == 404


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"to": "12"}, "to", "at least 10 digits"),
        ({"day": "0001-01-01"}, "day", "must lie in the years 2000 to 2199"),
        ({"p.doctor": ""}, "p.doctor", "is missing"),
        ({"p.doctor": "*Rao*"}, "p.doctor", "asterisk"),
        ({"reference": " "}, "reference", "1 to 200"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    running: Server, operator: Browser, fields: dict[str, str], field: str, problem: str
) -> None:
    before = len(occasion_rows(running.console.db))
    good = {"day": "2027-03-01", "time": "10:30", "to": NUMBER, "lane": "default", "reference": "<b>wrong</b>"}
    operator.see("/calendar/new/appointment")
    refused = operator.submit("/calendar/new/appointment", **good | FIELDS | fields)
    assert refused.status_code == 400
    found = re.search(r'name="([\w.]+)"[^>]*aria-invalid="true"', refused.text)
    assert found, text_of(refused)
    assert found[1] == field
    assert problem in text_of(refused)
    assert "<b>" not in refused.text
    assert len(occasion_rows(running.console.db)) == before


def test_a_moved_occasion_gets_its_reminders_for_the_new_time(running: Server, operator: Browser) -> None:
    identity = saved(running, "moved", days(3))
    later = days(5, "16:00")
    status, _ = submit(operator, identity, "save", day=f"{later:%Y-%m-%d}", time="16:00")
    assert status == 303
    stored = find_occasion(running.console.db, identity)
    assert (stored.at, stored.to, dict(stored.parameters)) == (later, NUMBER, dict(VISIT))
    mine = [each for each in reminder_rows(running.console.db) if each["occasion_id"] == identity]
    assert sorted(each["state"] for each in mine) == ["cancelled", "cancelled", "waiting", "waiting"]
    assert {each["due_at"] for each in mine if each["state"] == "waiting"} <= {
        later - timedelta(hours=2),
        later - timedelta(hours=24),
    }
    status, page = submit(operator, identity, "save", day="2199-12-31", time="25:00")
    assert (status, "must be a time in ISO 8601" in page) == (400, True)


@pytest.mark.parametrize(
    ("reference", "at", "zone"),
    [
        ("to the second", days(3).replace(second=45), "Asia/Kolkata"),
        ("the second 01:30", datetime(2027, 11, 7, 6, 30, tzinfo=UTC), "America/New_York"),
        ("all day", days(3).date(), "Asia/Kolkata"),
    ],
)
def test_a_save_that_moves_nothing_keeps_time_and_texts(
    running: Server, operator: Browser, reference: str, at: date, zone: str
) -> None:
    identity = saved(running, reference, at, zone=zone, parameters={**VISIT} | {"time": "as agreed"})
    form = operator.see(f"/calendar/{identity}").text
    shown = {name: value for name, value in re.findall(r'name="(day|time)" value="([^"]*)"', form)}
    status, page = submit(operator, identity, "save", **shown, **FIELDS | {"to": "98765 00002", "p.place": "Room 5"})
    assert status == 303, page
    stored = find_occasion(running.console.db, identity)
    assert stored.to == "919876500002"
    in_utc = stored.at.astimezone(UTC) if isinstance(stored.at, datetime) else stored.at
    assert in_utc == at, "in UTC, since Python finds no time equal to one that occurs twice"
    assert dict(stored.parameters) == {**VISIT} | {"time": "as agreed", "place": "Room 5"}
    later = {"day": "2027-12-01", "time": "16:00"}
    assert submit(operator, identity, "save", **later)[0] == 303
    assert "time" not in find_occasion(running.console.db, identity).parameters


def test_the_later_one_of_two_operators_reads_that_it_changed(running: Server, operator: Browser) -> None:
    identity = saved(running, "both")
    other = running.user("Lata", Role.OPERATOR)
    seen = re.search(r'name="seen" value="([^"]+)"', other.see(f"/calendar/{identity}").text)
    assert seen
    assert submit(operator, identity, "save", day=f"{days(6):%Y-%m-%d}", time="09:00")[0] == 303
    for act, fields in (("save", {"day": "2027-01-01", "time": "10:00"}), ("close", {"status": "cancelled"})):
        other.see(f"/calendar/{identity}")
        late = other.submit(f"/calendar/{identity}/{act}", seen=seen[1], **fields)
        assert late.status_code == 409
        assert "It was changed in the meantime." in text_of(late)
    stored = find_occasion(running.console.db, identity)
    assert (stored.at, stored.status) == (days(6, "09:00"), "open")
    assert list_acts(running.console.db, name="Lata", limit=1)[0].act == "session.link"


def test_a_refused_form_keeps_what_was_written_and_when_it_was_shown(running: Server, operator: Browser) -> None:
    identity = saved(running, "refused")
    seen = re.search(r'name="seen" value="([^"]+)"', operator.see(f"/calendar/{identity}").text)
    assert seen
    fields = {"day": "2027-12-01", "time": "16:00", "to": "12", **FIELDS, "p.place": "Room 5", "seen": seen[1]}
    save(running.console.db, visit("refused", at=days(6)))
    refused = operator.submit(f"/calendar/{identity}/save", **fields)
    assert refused.status_code == 400
    form = refused.text[: refused.text.index("/close")]
    assert dict(re.findall('name="([^"]+)" value="([^"]*)"', form)).items() >= fields.items()
    late = operator.submit(f"/calendar/{identity}/save", **fields | {"to": NUMBER})
    assert (late.status_code, "It was changed in the meantime." in text_of(late)) == (409, True)


@pytest.mark.parametrize("status", ["cancelled", "completed", "no-show"])
def test_an_occasion_is_ended_with_its_reason_and_opened_again(running: Server, operator: Browser, status: str) -> None:
    identity = saved(running, f"ended {status}")
    assert submit(operator, identity, "close", status=status, reason="The doctor is ill")[0] == 303
    assert find_occasion(running.console.db, identity).status == status
    page = operator.see(f"/calendar/{identity}").text
    assert "The doctor is ill" in page
    assert "Send a reminder now" not in page
    assert list_acts(running.console.db, name="Asha", limit=1)[0].act == f"occasion.{status}"
    assert submit(operator, identity, "save", day=f"{days(4):%Y-%m-%d}", time="09:00")[0] == 303
    assert find_occasion(running.console.db, identity).status == "open"
    assert submit(operator, identity, "close", status="open")[0] == 400


def test_a_reminder_is_sent_now_and_once(running: Server, operator: Browser) -> None:
    soon = (datetime.now(INDIA) + timedelta(hours=5)).replace(microsecond=0)
    identity = saved(running, "now", soon)
    assert submit(operator, identity, "remind")[0] == 303
    assert list_acts(running.console.db, name="Asha", limit=1)[0].act == "occasion.reminded"
    status, page = submit(operator, identity, "remind")
    assert (status, "its reminder is on its way already" in page) == (409, True)
    early = saved(running, "early", days(30))
    status, page = submit(operator, early, "remind")
    assert (status, "no reminder makes sense now" in page) == (409, True)


def test_a_whole_day_is_moved_as_a_day(running: Server, operator: Browser) -> None:
    values = {name: name for name in FILES.plan.parameters("payment")}
    identity = saved(running, "a day", days(8).date(), kind="payment", parameters=values)
    assert submit(operator, identity, "save", day="2027-05-04", time="")[0] == 303
    assert "whole day" in text_of(operator.see(f"/calendar/{identity}"))
    assert "whole day a day" in text_of(operator.see("/calendar?day=2027-05-04&view=day"))
