"""`harkara templates`: the kinds of template that can be sent by name, with their parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from workers.command.deployment import catalogue
from workers.command.options import AsJson
from workers.command.output import emit, print_line, table

if TYPE_CHECKING:
    from harkara.catalogue import Catalogue, Kind
    from harkara.catalogue.kind import ParameterFormat


def templates(
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help="Show the details of this kind.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the kinds of template, or show one with its parameters and when to send it."""
    known = catalogue()
    if kind is None:
        emit(json.loads(known.to_json())) if as_json else _list(known)
    elif as_json:
        found = known.find(kind)
        emit({"kind": kind, "parameters": found.parameters, **found.model_dump(mode="json", exclude_none=True)})
    else:
        _show(kind, known.find(kind), known.parameter)


def _list(known: Catalogue) -> None:
    rows = ((name, kind.category, ", ".join(kind.parameters), kind.when) for name, kind in known.kind.items())
    table(("kind", "category", "parameters", "when"), rows)


def _show(name: str, kind: Kind, forms: Mapping[str, ParameterFormat]) -> None:
    print_line(f"{name} ({kind.category}), approved as {kind.name} in {kind.language}")
    print_line(f"When: {kind.when}")
    if kind.says:
        print_line(f"Its text says: {kind.says}")
    if kind.expires:
        print_line(f"Expires {kind.expires} s after its time.")
    print_line("")
    _print_text(kind)
    rows = ((place, filler, forms[filler].rule if filler in forms else "") for place, filler in _places(kind))
    table(("place", "parameter", "rule"), rows)
    words = [f"--set {each}=…" for each in kind.parameters]
    consent = ["--opted-in"] if kind.category == "marketing" else []
    print_line(" ".join(["\nharkara send NUMBER --kind", name, *words, *consent]))


def _print_text(kind: Kind) -> None:
    """Print the approved text, or how to add it."""
    if outline := kind.outline():
        for line in outline.lines():
            print_line(f"  {line}")
    else:
        print_line("Its text is not known here: copy it from the dashboard into config/templates.local.toml,")
        print_line("as config/templates.local.example.toml shows, for previews and a check of its length.")
    print_line("")


def _places(kind: Kind) -> Iterator[tuple[str, str]]:
    if kind.header.type != "none":
        yield f"header, {kind.header.type}", kind.header.parameter or "(fixed)"
    for index, parameter in enumerate(kind.body, start=1):
        yield f"body {{{{{index}}}}}", parameter
    for button in kind.buttons:
        yield f"button {button.index}, {button.type}", button.parameter or f"(always {button.payload})"
