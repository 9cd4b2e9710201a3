"""Options that several commands share, and the format of a time."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from harkara.errors import Invalid

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
    """Parse ISO 8601 with a zone, or a time from now such as +2h, +1d12h, -30m. Raises typer.BadParameter."""
    from harkara.messages.fields import bounded

    try:
        return bounded(_parse(text))
    except Invalid as error:
        raise typer.BadParameter(str(error).removeprefix(": ")) from None


def _parse(text: str) -> datetime:
    try:
        if match := _FROM_NOW.fullmatch(text):
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
            away = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
            return datetime.now(UTC) + (away if match[1] == "+" else -away)
        read = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter("write 2026-11-24T09:00+05:30, or a time from now such as +2h or -30m") from None
    if read.utcoffset() is None:
        raise typer.BadParameter("has no time zone; add one, such as +05:30 or Z")
    return read


def me() -> str:
    """Return the name of the user who runs this command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "the operator"
