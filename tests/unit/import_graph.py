"""The imports of the packages, read from the source without importing any module."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Import(NamedTuple):
    """One import: the module that has it, what it imports, and whether a function runs it."""

    module: str
    imported: str
    deferred: bool
    typing_only: bool

    @property
    def top(self) -> str:
        return self.imported.partition(".")[0]


def source_files(package: str) -> list[Path]:
    """The modules of a package, relative to the root."""
    return [path.relative_to(ROOT) for path in sorted((ROOT / package).rglob("*.py"))]


def module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@cache
def imports(package: str) -> list[Import]:
    """Every import of a package. `from a import b` imports `a.b` if that is a module of ours, otherwise `a`."""
    return [each for path in source_files(package) for each in _of_file(path)]


def cycles(found: Iterable[Import]) -> list[list[str]]:
    """Groups of modules that import each other when Python loads them, by the algorithm of Tarjan."""
    edges: dict[str, set[str]] = {}
    for each in found:
        if not each.deferred and not each.typing_only:
            edges.setdefault(each.module, set()).update(_loaded(each))
    return [group for group in _components(edges) if len(group) > 1]


def _of_file(path: Path) -> Iterator[Import]:
    def visit(node: ast.AST, deferred: bool, typing_only: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                for name in _imported(child):
                    yield Import(module_name(path), name, deferred, typing_only)
            elif not isinstance(child, ast.expr):  # no expression has an import
                function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
                yield from visit(child, deferred or function, typing_only or _is_for_types(child))

    yield from visit(ast.parse((ROOT / path).read_text()), deferred=False, typing_only=False)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    for alias in node.names:
        name = f"{node.module}.{alias.name}"
        yield name if _is_module(name) else str(node.module)


@cache
def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _loaded(each: Import) -> Iterator[str]:
    """The imported module and the packages around it, without those that are around the importing module, too."""
    name = each.imported
    while name:
        if each.module != name and not each.module.startswith(f"{name}."):
            yield name
        name = name.rpartition(".")[0]


def _components(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Strongly connected components."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for other in edges.get(node, ()):
            if other not in order:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], order[other])
        if lowest[node] == order[node]:
            start = stack.index(node)
            components.append(sorted(stack[start:]))
            del stack[start:]

    for node in edges:
        if node not in order:
            visit(node)
    return components
