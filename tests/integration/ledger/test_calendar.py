"""The calendar reads the occasions of its days alone, by an index."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from harkara.errors import Conflict, Invalid, NotFound
from harkara.ledger.database import Database
from harkara.ledger.occasions.calendar import change_occasion, find_occasion, list_calendar
from harkara.ledger.users.acts import Actor, list_acts
from harkara.receipt import Change
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.occasions import PLAN, closing, noon, occasion_rows, save, visit
from tests.integration.ledger.test_search_plans import explained

BY = Actor("Asha", "console")
DAY = noon(3).astimezone(ZoneInfo("Asia/Kolkata")).date()


def references(db: Database, first: date, days: int = 1, **options: object) -> list[str]:
    return [each.reference for each in list_calendar(db, ["appointment"], first, days, **options).entries]  # type: ignore[arg-type]


def test_an_occasion_is_on_the_day_of_its_own_zone(db: Database) -> None:
    late = noon(3) + timedelta(hours=11)
    save(db, visit("here", at=late), visit("auckland", at=late, zone="Pacific/Auckland"))
    assert references(db, DAY) == ["here"]
    assert references(db, DAY + timedelta(days=1)) == ["auckland"]
    assert references(db, DAY, 2) == ["here", "auckland"]
    assert references(db, DAY, 7, lanes=["shop"]) == []
    assert references(db, DAY, 7, limit=1) == ["here"]


def test_the_occasions_of_a_day_are_on_pages_whatever_is_on_the_day_before(db: Database) -> None:
    night = noon(3) - timedelta(hours=10)
    others = [visit(f"before-{n}", at=night - timedelta(hours=6)) for n in range(4)]
    mine = [visit(f"on-{n}", at=night) for n in range(3)]
    save(db, *others, *mine, visit("last", at=night + timedelta(hours=2)))
    found: list[str] = []
    after, pages = None, 0
    while pages == 0 or after:
        page = list_calendar(db, ["appointment", "payment"], DAY, 1, after=after, limit=2, most=3)
        found += [each.reference for each in page.entries]
        after, pages = page.after, pages + 1
    assert sorted(found[:3]) == ["on-0", "on-1", "on-2"]
    assert found[3:] == ["last"]
    assert pages > 2
    with pytest.raises(Invalid):
        list_calendar(db, ["appointment"], DAY, 1, after="2026-11-30~occ")


def test_the_days_are_read_by_an_index(db: Database) -> None:
    with explained(db) as plans:
        list_calendar(db, ["appointment", "payment"], DAY, 7)
    assert "ix_occasion_kind_at" in plans[0]
    assert not {"occasion", "message"} & set().union(*plans)


def test_a_change_that_was_not_seen_refuses_the_next_one(db: Database) -> None:
    def change(update: object, seen: object) -> Change:
        return change_occasion(db, update, PLAN, DEADLINES, seen=seen, by=BY)  # type: ignore[arg-type]

    assert change(visit(), None) is Change.CREATED
    with pytest.raises(Conflict, match="with this reference already"):
        change(visit(at=noon(4)), None)
    identity = occasion_rows(db)[0]["id"]
    first = find_occasion(db, identity)
    assert change(visit(), first.changed_at) is Change.UNCHANGED
    assert change(visit(at=noon(4)), first.changed_at) is Change.CHANGED
    with pytest.raises(Conflict, match="changed in the meantime"):
        change(closing(), first.changed_at)
    assert change(closing(), find_occasion(db, identity).changed_at) is Change.CHANGED
    with pytest.raises(NotFound):
        change(closing(reference="none"), first.changed_at)
    with pytest.raises(NotFound):
        find_occasion(db, identity, lanes=["shop"])
    assert [act.act for act in list_acts(db)] == ["occasion.cancelled", "occasion.saved", "occasion.saved"]
