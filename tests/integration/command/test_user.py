"""`harkara user` and `harkara acts`."""

from __future__ import annotations

import json
from datetime import timedelta

from harkara.ledger.database import Database
from harkara.ledger.users.sessions import link_owner, sign_in_by_link
from tests.integration.command.deployment import Harkara


def test_a_user_is_added_with_a_link_and_listed(harkara: Harkara, ledger: Database) -> None:
    result = harkara("user", "add", "Asha", "--role", "operator", "--lane", "shop")
    url, secret = result.stdout.strip().rsplit("/", 1)
    assert url == "http://127.0.0.1:8000/console/link"
    assert "within 24 hours" in result.stderr
    owner = link_owner(ledger, secret)
    assert owner
    assert (owner.name, owner.role, owner.lanes) == ("Asha", "operator", ("shop",))
    (listed,) = json.loads(harkara("user", "list", "--json").stdout)["users"]
    assert (listed["name"], listed["role"], listed["lanes"], listed["state"]) == (
        "Asha",
        "operator",
        ["shop"],
        "link waits",
    )


def test_a_link_names_the_address_of_the_settings(
    harkara: Harkara, ledger: Database, environment: dict[str, str]
) -> None:
    environment |= {"HARKARA_WEB_ADDRESS": "0.0.0.0", "PORT": "8123"}
    added = json.loads(harkara("user", "add", "Asha", "--role", "viewer", "--json").stdout)
    assert added["link"].startswith("http://127.0.0.1:8123/console/link/")
    environment["HARKARA_CONSOLE_URL"] = "https://harkara.example.com/console/"
    environment["HARKARA_CONSOLE"] = "False"
    result = harkara("user", "link", "asha")
    assert result.stdout.startswith("https://harkara.example.com/console/link/")
    assert "The console is off" in result.stderr


def test_a_user_is_changed_disabled_and_enabled(harkara: Harkara, ledger: Database) -> None:
    harkara("user", "add", "Asha", "--role", "viewer")
    assert harkara("user", "change", "ASHA", "--role", "admin").exit_code == 0
    assert harkara("user", "disable", "Asha").stdout == "Asha  disabled\n"
    assert "disabled" in harkara("user", "list").stdout
    assert harkara("user", "link", "Asha").exit_code == 4
    assert harkara("user", "enable", "Asha").exit_code == 0
    link = json.loads(harkara("user", "link", "Asha", "--json").stdout)["link"]
    assert sign_in_by_link(ledger, link.rsplit("/", 1)[1], timedelta(hours=1))
    acts = json.loads(harkara("acts", "--json").stdout)["acts"]
    assert [act["act"] for act in acts] == [
        "session.link",
        "link.created",
        "user.enabled",
        "user.disabled",
        "user.changed",
        "user.added",
    ]
    assert {act["source"] for act in acts[1:]} == {"command"}
    shown = harkara("acts", "--by", "Asha").stdout
    assert "signed in by a one-time link" in shown
    assert "user added" not in shown


def test_wrong_names_roles_and_lanes_are_refused(harkara: Harkara, ledger: Database) -> None:
    harkara("user", "add", "Asha", "--role", "viewer")
    assert harkara("user", "add", "asha", "--role", "viewer").exit_code == 4
    assert harkara("user", "add", "Ravi", "--role", "viewer", "--lane", "unknown").exit_code == 4
    assert harkara("user", "add", "Ravi", "--role", "admin", "--lane", "shop").exit_code == 4
    assert harkara("user", "add", "Ravi", "--role", "owner").exit_code == 2
    assert harkara("user", "disable", "Ravi").exit_code == 3
    assert "There are no such acts." in harkara("acts", "--by", "Ravi").stderr


def test_an_empty_ledger_says_how_to_add_the_first_user(harkara: Harkara, ledger: Database) -> None:
    assert "harkara user add" in harkara("user", "list").stderr
