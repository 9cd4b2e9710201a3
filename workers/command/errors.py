"""Errors of the command: one sentence or one JSON document, and an exit code for each kind."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from harkara.errors import Conflict, HarkaraError, Invalid, NotFound, OtherDeployment, Unavailable
from workers.command.output import ERROR, MISSING, REFUSED, UNAVAILABLE, note

_CODES: dict[type[HarkaraError], int] = {
    NotFound: MISSING,
    Invalid: REFUSED,
    Conflict: REFUSED,
    Unavailable: UNAVAILABLE,
    OtherDeployment: UNAVAILABLE,
}


class Commands(TyperGroup):
    """The commands, with their errors as sentences."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        args = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in args
        try:
            # In standalone mode Typer itself prints wrong usage, for people.
            code = super().main(args, *rest, **options | {"standalone_mode": not as_json})
        except typer.TyperException as error:
            _fail("Usage", error.format_message(), error.exit_code, as_json)
        except HarkaraError as error:
            _fail(type(error).__name__, str(error), _CODES.get(type(error), ERROR), as_json)
        except SystemExit as error:
            if not isinstance(error.code, str):
                raise
            _fail("Settings", error.code, ERROR, as_json)
        sys.exit(code)


def _fail(kind: str, message: str, code: int, as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(json.dumps({"error": {"type": kind, "message": message}}, ensure_ascii=False))
    else:
        note(f"Error: {message}")
    sys.exit(code)
