"""Commands whose arguments and options are built when they are called: a command line needs those of one command."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand


class Outline(TyperCommand):
    """Name and help of a command, for the list of commands and for completion; it calls the whole command."""

    def __init__(self, name: str, help_text: str | None, build: Callable[[], Any]) -> None:
        super().__init__(name, help=help_text)
        self.build = build

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return self.build().make_context(info_name, args, parent, **extra)


def command(name: str, function: Callable[..., None], epilog: str) -> Outline:
    """Return the outline of a single command."""
    app = typer.Typer(add_completion=False)
    app.command(name, epilog=epilog)(function)
    return Outline(name, inspect.getdoc(function), lambda: typer.main.get_command(app))


def group(name: str, app: typer.Typer) -> Outline:
    """Return the outline of a group of commands."""
    return Outline(name, app.info.help, lambda: typer.main.get_group(app))
