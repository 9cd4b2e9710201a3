"""The sentences that the code writes into rows and errors, found in its syntax, with holes where values go.

A sentence is found wherever it stands, so that a new one cannot be forgotten. A name is replaced by what the same
function or module assigns to it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

HOLE = "\0"
"""Stands for a value that only a run of the code knows."""

_SENTENCE = re.compile(rf"[A-Z{HOLE}][^\n]*[a-z][^\n]* [^\n]*(?:[.:]|[.:] {HOLE})")
_RULE = re.compile(
    "(?:is|are|was|must|may|can|cannot|begins|ends|has|needs|mixes|contradicts|unpacks|unknown|at most|at least|1 to"
    "|no|only|every|give|choose|fits|line|a quote|a segment|the template|the first row|the approved text|this person"
    f"|its last one|this has|this is|this one|{HOLE} (?:columns|has|digits|were))\\b[^\\n]* [^\\n]*"
)
_ERRORS = {"Conflict", "NotFound"}
_LOGS = {"debug", "info", "warning", "error", "exception"}


class Written(NamedTuple):
    """A sentence, and the file that writes it."""

    text: str
    file: str


def sentences(*rooms: str) -> Iterator[Written]:
    """Yield each whole sentence that these files and folders write, except those of errors and logs."""
    yield from _found(rooms, lambda text: bool(_SENTENCE.fullmatch(text)), _is_said_elsewhere)


def rules(*rooms: str) -> Iterator[Written]:
    """Yield each rule that an `Invalid` of these files and folders may name."""
    yield from _found(rooms, lambda text: bool(_RULE.fullmatch(text)), _is_logged)


def refusals(*rooms: str) -> Iterator[Written]:
    """Yield each sentence of a `Conflict` or a `NotFound` of these files and folders."""
    for file, tree in _trees(rooms):
        scopes = _Scopes(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ERRORS and node.args:
                yield from (Written(text, file) for text in scopes.texts(node.args[0]))


def _found(
    rooms: Sequence[str], wanted: Callable[[str], bool], skipped: Callable[[ast.AST], bool]
) -> Iterator[Written]:
    for file, tree in _trees(rooms):
        scopes = _Scopes(tree)
        for node in _outermost(tree, skipped):
            yield from (Written(text, file) for text in scopes.texts(node) if wanted(text))


def _trees(rooms: Sequence[str]) -> Iterator[tuple[str, ast.Module]]:
    for room in rooms:
        found = [ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py"))
        assert found, room
        for file in found:
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text())


def _outermost(node: ast.AST, skipped: Callable[[ast.AST], bool]) -> Iterator[ast.expr]:
    """Yield the expressions of texts that are in no other text."""
    for child in ast.iter_child_nodes(node):
        if skipped(child) or (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            continue
        if isinstance(child, ast.expr) and _is_text(child):
            yield child
        else:
            yield from _outermost(child, skipped)


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and (_is_text(node.left) or _is_text(node.right))
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_logged(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOGS


def _is_said_elsewhere(node: ast.AST) -> bool:
    """Whether it is an error, whose texts have catalogues of their own, or a log event."""
    return isinstance(node, ast.Raise) or _is_logged(node)


class _Scopes:
    """What the names of a module and of its functions stand for."""

    def __init__(self, tree: ast.Module) -> None:
        self._functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
        self._module = _assigned(tree.body)
        self._within: dict[ast.FunctionDef, dict[str, list[ast.expr]]] = {}

    def texts(self, node: ast.expr) -> list[str]:
        """Return each text that the expression may be; a value that is not known is a HOLE."""
        around = [each for each in self._functions if each.lineno <= node.lineno <= (each.end_lineno or 0)]
        names = dict(self._module)
        for function in around:
            if function not in self._within:
                self._within[function] = _assigned(ast.walk(function))
            names |= self._within[function]
        return _texts(node, names)


def _assigned(nodes: Iterator[ast.AST] | Sequence[ast.AST]) -> dict[str, list[ast.expr]]:
    names: dict[str, list[ast.expr]] = {}
    for node in nodes:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and node.value is not None:  # type: ignore[attr-defined]  # of both kinds
                names.setdefault(target.id, []).append(node.value)  # type: ignore[attr-defined]
    return names


def _texts(node: ast.expr, names: dict[str, list[ast.expr]], depth: int = 4) -> list[str]:
    match node:
        case ast.Constant(value=str(value)):
            return [value]
        case ast.JoinedStr(values=values):
            return ["".join(parts) for parts in product(*(_texts(each, names, depth) for each in values))]
        case ast.FormattedValue(value=value, format_spec=None):
            return _texts(value, names, depth)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return ["".join(parts) for parts in product(_texts(left, names, depth), _texts(right, names, depth))]
        case ast.IfExp(body=body, orelse=other):
            return _texts(body, names, depth) + _texts(other, names, depth)
        case ast.Name(id=name) if depth and name in names:
            return [text for value in names[name] for text in _texts(value, names, depth - 1)]
        case _:
            return [HOLE]
