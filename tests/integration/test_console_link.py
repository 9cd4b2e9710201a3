"""The link to the console that `make up` prints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import settings
from harkara.ledger.database import Database
from harkara.ledger.users.account import set_password
from harkara.ledger.users.acts import Actor
from harkara.ledger.users.sessions import link_owner
from harkara.ledger.users.users import add_user, disable_user, find_user, list_users
from harkara.roles import Role
from harness.ledger import open_ledger
from workers.local.console_link import console_place

WEB = "http://127.0.0.1:8000"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'harkara.db'}"
    monkeypatch.setenv("HARKARA_DATABASE_URL", url)
    settings.cache_clear()
    with open_ledger(url) as db:
        yield db
    settings.cache_clear()


def secret_of(place: str | None) -> str:
    assert place
    url, secret = place.rsplit("/", 1)
    assert url == f"{WEB}/console/link"
    return secret


def test_each_start_prints_a_link_until_a_user_has_a_password(ledger: Database) -> None:
    first = secret_of(console_place(WEB))
    second = secret_of(console_place(WEB))
    assert link_owner(ledger, first) is None
    admin = link_owner(ledger, second)
    assert admin
    assert (admin.name, admin.role) == ("admin", Role.ADMIN)
    set_password(ledger, admin, "hash", timedelta(hours=1))
    assert console_place(WEB) == f"{WEB}/console"


def test_a_deployment_with_users_of_its_own_gets_no_further_admin(ledger: Database) -> None:
    add_user(ledger, "Asha", Role.ADMIN, by=Actor("root", "command"))
    assert console_place(WEB) == f"{WEB}/console"
    assert [user.name for user in list_users(ledger)] == ["Asha"]


def test_a_disabled_admin_gets_no_link(ledger: Database) -> None:
    console_place(WEB)
    disable_user(ledger, "admin", by=Actor("root", "command"))
    assert console_place(WEB) == f"{WEB}/console"


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("HARKARA_CONSOLE", "False", None),
        ("HARKARA_CONSOLE_URL", "https://h.example.com/console", "https://h.example.com/console/link/"),
    ],
)
def test_the_place_follows_the_settings(
    ledger: Database, monkeypatch: pytest.MonkeyPatch, name: str, value: str, place: str | None
) -> None:
    monkeypatch.setenv(name, value)
    settings.cache_clear()
    found = console_place(WEB)
    assert found is None if place is None else found and found.startswith(place)
    assert (find_user(ledger, "admin") is None) is (place is None)


def test_behind_a_proxy_with_single_sign_on_there_is_no_link(ledger: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARKARA_CONSOLE_USER_HEADER", "X-Forwarded-User")
    monkeypatch.setenv("HARKARA_CONSOLE_PROXIES", "10.0.0.1")
    settings.cache_clear()
    assert console_place(WEB) == f"{WEB}/console"
    assert list_users(ledger) == []
