"""Users of the console: their links, sessions and changes, and the log of what people did."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from harkara.errors import Conflict, HarkaraError, Invalid, NotFound
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.users.account import set_language, set_password
from harkara.ledger.users.acts import Actor, RecordedAct, list_acts, record_act
from harkara.ledger.users.sessions import (
    end_other_sessions,
    end_session,
    link_owner,
    list_sessions,
    sign_in_by_link,
    sign_in_by_password,
    user_of_session,
)
from harkara.ledger.users.user import User
from harkara.ledger.users.users import add_user, change_user, disable_user, enable_user, find_user, list_users, new_link
from harkara.roles import Role

ROOT = Actor("root", "command")
HOUR = timedelta(hours=1)


def signed_in(db: Database, name: str = "Asha") -> tuple[User, str]:
    """Add a user; return them with the secret of a session."""
    session = sign_in_by_link(db, add_user(db, name, Role.OPERATOR, ["shop", "default"], by=ROOT), HOUR)
    assert session
    user = user_of_session(db, session)
    assert user
    return user, session


def kinds(db: Database) -> list[str]:
    return [act.act for act in list_acts(db)]


def test_of_two_requests_with_one_link_one_signs_in(db: Database) -> None:
    link, start = add_user(db, "Asha", Role.VIEWER, by=ROOT), Barrier(4)

    def use(_number: int) -> str | None:
        start.wait()
        return sign_in_by_link(db, link, HOUR)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(use, range(4)))
    assert sum(session is not None for session in found) == 1
    assert kinds(db) == ["session.link", "user.added"]


def test_a_link_that_has_expired_or_was_replaced_is_void(db: Database) -> None:
    expired = add_user(db, "Asha", Role.VIEWER, by=ROOT, lifetime=timedelta())
    replaced = new_link(db, "asha", by=ROOT)
    new_link(db, " ASHA ", by=ROOT)
    for link in (expired, replaced, ""):
        assert link_owner(db, link) is None
        assert sign_in_by_link(db, link, HOUR) is None


def test_a_session_lasts_for_its_time_and_expired_ones_are_deleted(db: Database) -> None:
    add_user(db, "Asha", Role.VIEWER, by=ROOT)
    over = sign_in_by_link(db, new_link(db, "Asha", by=ROOT), timedelta())
    assert over
    assert user_of_session(db, over) is None
    sign_in_by_link(db, new_link(db, "Asha", by=ROOT), HOUR)
    with db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM console_session")).scalar() == 1


def test_a_user_sees_and_ends_the_own_sessions_alone(db: Database) -> None:
    asha, first = signed_in(db)
    second = sign_in_by_link(db, new_link(db, "Asha", by=ROOT), HOUR)
    assert second
    _, other = signed_in(db, "Ravi")
    assert [(each.how, each.current) for each in list_sessions(db, asha.id, second)] == [
        ("link", True),
        ("link", False),
    ]
    assert end_other_sessions(db, asha.id, second, by=ROOT) == 1
    assert [user_of_session(db, each) is None for each in (first, second, other)] == [True, False, False]
    end_session(db, second, by=ROOT)
    end_session(db, second, by=ROOT)
    assert user_of_session(db, second) is None
    assert kinds(db)[:2] == ["session.ended", "sessions.ended"]


def test_a_password_is_set_and_checked_against_the_hash_of_that_moment(db: Database) -> None:
    asha, session = signed_in(db)
    link = new_link(db, "Asha", by=ROOT)
    renewed = set_password(db, asha, "hash", HOUR)
    assert user_of_session(db, session) is None
    assert user_of_session(db, renewed)
    assert link_owner(db, link) is None
    assert sign_in_by_password(db, "ASHA", "hash", HOUR)
    assert sign_in_by_password(db, "Asha", "the former hash", HOUR) is None
    disable_user(db, "Asha", by=ROOT)
    assert sign_in_by_password(db, "Asha", "hash", HOUR) is None
    with pytest.raises(Conflict):
        set_password(db, asha, "other", HOUR)


def test_a_disabled_user_has_neither_sessions_nor_a_link(db: Database) -> None:
    _, session = signed_in(db)
    link = new_link(db, "Asha", by=ROOT)
    disable_user(db, "Asha", by=ROOT)
    assert user_of_session(db, session) is None
    assert sign_in_by_link(db, link, HOUR) is None
    with pytest.raises(Conflict, match="enable"):
        new_link(db, "Asha", by=ROOT)
    enable_user(db, "Asha", by=ROOT)
    assert user_of_session(db, session) is None
    assert sign_in_by_link(db, link, HOUR) is None
    assert list_acts(db)[1].number == 1


def test_a_change_counts_from_the_next_request_on(db: Database) -> None:
    asha, session = signed_in(db)
    assert (asha.role, asha.lanes, asha.may_use("shop"), asha.may_use("other")) == (
        Role.OPERATOR,
        ("default", "shop"),
        True,
        False,
    )
    change_user(db, "asha", Role.ADMIN, (), by=ROOT)
    set_language(db, asha, "hi")
    changed = user_of_session(db, session)
    assert changed
    assert (changed.role, changed.lanes, changed.language, changed.may_use("other")) == (Role.ADMIN, None, "hi", True)
    assert list_acts(db)[0].filter == "admin, all lanes"


def test_a_name_is_one_user_however_it_is_written(db: Database) -> None:
    add_user(db, "Ａsha  Rao", Role.VIEWER, by=ROOT)
    for same in ("Asha Rao", "ASHA RAO ", "asha\trao"):
        with pytest.raises(Conflict):
            add_user(db, same, Role.VIEWER, by=ROOT)
        assert find_user(db, same)
    for wrong in ("", " ", "a\0b", "x" * 61, "\u202eahsA"):
        with pytest.raises(Invalid):
            add_user(db, wrong, Role.VIEWER, by=ROOT)
    for unknown in (change_user, disable_user, enable_user, new_link):
        arguments = (Role.VIEWER, ()) if unknown is change_user else ()
        with pytest.raises(NotFound):
            unknown(db, "unknown\0", *arguments, by=ROOT)
    assert len(list_users(db)) == 1


def test_disabled_users_come_last(db: Database) -> None:
    for name in ("Asha", "Meera", "Ravi"):
        add_user(db, name, Role.VIEWER, by=ROOT)
    disable_user(db, "Asha", by=ROOT)
    assert [user.name for user in list_users(db)] == ["Meera", "Ravi", "Asha"]


def test_the_log_only_grows(db: Database) -> None:
    add_user(db, "Asha", Role.VIEWER, by=ROOT)
    before = list_acts(db)
    for statement in ("UPDATE act SET name = 'Mallory'", "DELETE FROM act"):
        with pytest.raises(HarkaraError), db.write() as tx:
            tx.execute(text(statement))
    assert list_acts(db) == before


def test_an_act_is_rolled_back_with_what_was_done(db: Database) -> None:
    with pytest.raises(Conflict):
        [add_user(db, "Asha", Role.VIEWER, by=ROOT) for _ in range(2)]
    assert kinds(db) == ["user.added"]


def test_acts_have_no_phone_number_and_are_listed_from_the_newest(db: Database) -> None:
    with db.write() as tx:
        record_act(tx, ROOT, "user.changed", "919876543210", filter="to=919876543210 from=2026-11-29", number=3)
        record_act(tx, Actor("Asha", "console"), "user.changed")
        with pytest.raises(KeyError):
            record_act(tx, ROOT, "unknown")
    newest, oldest = list_acts(db)
    assert (oldest.subject, oldest.filter, oldest.number) == (
        "91••••••3210",
        "to=91••••••3210 from=2026-11-29",
        3,
    )
    assert list_acts(db, name="Asha") == [newest]
    assert list_acts(db, before=newest.id) == [oldest]
    assert list_acts(db, limit=1) == [newest]


def test_the_migration_adds_the_tables_and_takes_them_away_again(own_db: Database) -> None:
    signed_in(own_db)
    migrate.downgrade(own_db, "0013")
    with pytest.raises(HarkaraError):
        list_acts(own_db)
    migrate.upgrade(own_db)
    assert list[RecordedAct]() == list_acts(own_db)
    _, session = signed_in(own_db)
    assert user_of_session(own_db, session)
