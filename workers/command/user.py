"""`harkara user`: who may use the console, and what each of them may do."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.roles import Role
from workers.command.deployment import check_lane, ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, actor
from workers.command.output import emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.ledger.users.user import User

app = typer.Typer(no_args_is_help=True, help="Add, list, change and disable users of the console.")

Name = Annotated[str, typer.Argument(help="The user's name; upper and lower case are the same.")]
RoleOption = Annotated[Role, typer.Option(help="viewer sees, operator also decides, admin also manages users.")]
LanesOption = Annotated[list[str] | None, typer.Option("--lane", help="A lane that they see; repeat it. Default: all.")]


@app.command(epilog="Example: harkara user add Asha --role operator")
def add(name: Name, role: RoleOption, lanes: LanesOption = None, as_json: AsJson = False) -> None:
    """Add a user, and print the one-time link with which they sign in first. It is valid for 24 hours."""
    from harkara.ledger.users import users

    _check_lanes(lanes)
    with ledger() as db:
        secret = users.add_user(db, name, role, lanes or (), by=actor())
    _print_link(name, secret, as_json)


@app.command("list", epilog="Example: harkara user list --json")
def listing(as_json: AsJson = False) -> None:
    """List the users, with their roles and lanes."""
    from harkara.ledger.users import users

    with ledger() as db:
        found = users.list_users(db)
    if as_json:
        emit({"users": [_shown(user) for user in found]})
    elif found:
        local = LocalTime()
        columns = ("name", "role", "lanes", "last signed in", "state")
        table(columns, (_cells(user, local) for user in found))
    else:
        note("There are no users: `harkara user add NAME --role admin` adds one.")


@app.command(epilog="Example: harkara user change Asha --role viewer --lane shop")
def change(name: Name, role: RoleOption, lanes: LanesOption = None, as_json: AsJson = False) -> None:
    """Give a user another role and other lanes, from the next request on."""
    from harkara.ledger.users import users

    _check_lanes(lanes)
    with ledger() as db:
        users.change_user(db, name, role, lanes or (), by=actor())
    _report(name, "changed", as_json)


@app.command(epilog="Example: harkara user link Asha")
def link(name: Name, as_json: AsJson = False) -> None:
    """Print a new one-time link, for a user who has no password or forgot it. The old link no longer works."""
    from harkara.ledger.users import users

    with ledger() as db:
        secret = users.new_link(db, name, by=actor())
    _print_link(name, secret, as_json)


@app.command(epilog="Example: harkara user disable Asha")
def disable(name: Name, as_json: AsJson = False) -> None:
    """Disable a user, who loses all sessions and the one-time link at once."""
    from harkara.ledger.users import users

    with ledger() as db:
        users.disable_user(db, name, by=actor())
    _report(name, "disabled", as_json)


@app.command(epilog="Example: harkara user enable Asha")
def enable(name: Name, as_json: AsJson = False) -> None:
    """Let a disabled user sign in again, with the old password or a new link."""
    from harkara.ledger.users import users

    with ledger() as db:
        users.enable_user(db, name, by=actor())
    _report(name, "enabled", as_json)


def _check_lanes(lanes: list[str] | None) -> None:
    for lane in lanes or ():
        check_lane(lane)


def _print_link(name: str, secret: str, as_json: bool) -> None:
    from config.console_links import link_url
    from config.settings import settings

    url = link_url(settings(), secret)
    if as_json:
        emit({"name": name, "link": url})
        return
    print_line(url)
    note(f"The link signs {name} in once, within 24 hours.")
    if not settings().console:
        note("The console is off: set HARKARA_CONSOLE=True for the HTTP API.")
    if settings().console_user_header:
        note("HARKARA_CONSOLE_USER_HEADER is set: the proxy signs people in, and links do not work.")


def _report(name: str, state: str, as_json: bool) -> None:
    if as_json:
        emit({"name": name, "state": state})
    else:
        print_line(f"{name}  {state}")


def _shown(user: User) -> dict[str, Any]:
    row = asdict(user) | {"state": _state(user)}
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}


def _cells(user: User, local: LocalTime) -> tuple[Any, ...]:
    lanes = "all" if user.lanes is None else ", ".join(user.lanes)
    return user.name, user.role.value, lanes, local.show(user.signed_in_at), _state(user)


def _state(user: User) -> str:
    if user.disabled_at is not None:
        return "disabled"
    if user.has_link:
        return "link waits"
    return "has a password" if user.has_password else "no password"
