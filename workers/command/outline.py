"""Commands that are imported and built when they are called: a command line needs one of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
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


class Outlines(Mapping[str, Outline]):
    """Outlines by name; a module of a command is imported when its outline is first needed."""

    def __init__(self, sources: Mapping[str, Callable[[str], Outline]]) -> None:
        self._sources = sources
        self._imported: dict[str, Outline] = {}

    def __getitem__(self, name: str) -> Outline:
        if name not in self._imported:
            self._imported[name] = self._sources[name](name)
        return self._imported[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def command(module: str, function: str, epilog: str | None = None) -> Callable[[str], Outline]:
    """Return the source of a single command, whose examples are `epilog`, or EXAMPLES of its module."""

    def outline(name: str) -> Outline:
        imported = _import(module)
        called = getattr(imported, function)
        app = typer.Typer(add_completion=False)
        app.command(name, epilog=epilog or imported.EXAMPLES)(called)
        return Outline(name, inspect.getdoc(called), lambda: typer.main.get_command(app))

    return outline


def group(module: str) -> Callable[[str], Outline]:
    """Return the source of a group of commands, the `app` of a module."""

    def outline(name: str) -> Outline:
        app = _import(module).app
        return Outline(name, app.info.help, lambda: typer.main.get_group(app))

    return outline


def _import(module: str) -> Any:
    return import_module(f"workers.command.{module}")
