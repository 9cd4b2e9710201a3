"""Options that several commands share, and how a time is read."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, also for an error.")]
LaneOf = Annotated[str | None, typer.Option("--lane", help="The lane, where several know the same reference.")]
Key = Annotated[str, typer.Argument(metavar="ID|REFERENCE", help="Its id, or your own reference.")]
Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its id or its name.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who decides; you, if not given.")]

_FROM_NOW = re.compile(r"([+-])(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def time_option(help_text: str, **more: Any) -> Any:
    """An option that takes a time, see `moment`."""
    return typer.Option(parser=moment, metavar="TIME", help=help_text, **more)


def moment(text: str) -> datetime:
    """Reads ISO 8601 with a zone, or a time from now such as +2h, +1d12h, -30m. Raises typer.BadParameter."""
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
    """Who runs this command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "the operator"
