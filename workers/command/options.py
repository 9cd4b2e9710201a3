"""Options that several commands share, and the format of a time."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.errors import Invalid

if TYPE_CHECKING:
    from harkara.ledger.users.acts import Actor

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, also for an error.")]
LaneOf = Annotated[str | None, typer.Option("--lane", help="Lane of the message, if several have the same reference.")]
Key = Annotated[str, typer.Argument(metavar="ID|REFERENCE", help="Id of the message, or your reference.")]
Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Id or name of the campaign.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who decides; your user name by default.")]

_FROM_NOW = re.compile(r"([+-])(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def time_option(help_text: str, **more: Any) -> Any:
    """Return an option whose value is a time; see `moment`."""
    return typer.Option(parser=moment, metavar="TIME", help=help_text, **more)


def moment(text: str) -> datetime:
    """Parse ISO 8601 with an offset, or a time from now such as +2h, +1d12h, -30m. Raises typer.BadParameter."""
    from harkara.times import bounded, to_utc

    try:
        return bounded(away) if (away := _from_now(text)) else to_utc(text)
    except Invalid as error:
        raise typer.BadParameter(f"{str(error).removeprefix(': ')}; from now it is +2h or -30m") from None


def _from_now(text: str) -> datetime | None:
    match = _FROM_NOW.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    try:
        away = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return datetime.now(UTC) + (away if match[1] == "+" else -away)
    except OverflowError:
        raise typer.BadParameter("is too far from now") from None


def example(*pieces: str) -> str:
    """Return an example for the epilog of a command: each piece is a line of the same shell command."""
    return "Example: " + " \\\n".join(pieces)


def actor(by: str | None = None) -> Actor:
    """Return who runs this command, as the log of acts names them."""
    from harkara.ledger.users.acts import Actor

    return Actor(by or me(), "command")


def me() -> str:
    """Return the name of the user who runs this command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "the operator"
