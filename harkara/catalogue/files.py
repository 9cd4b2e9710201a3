"""Merges the TOML files of a catalogue: a later file overrides fields, and a kind inherits those of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harkara.catalogue.kind import base_language
from harkara.errors import Invalid
from harkara.toml import load_toml

_DEPTH = 3
"""Files are merged down to the fields of an entry, such as kind, order_confirmation, language."""

Kinds = Mapping[str, Any]
"""The kinds by name, as the files give them: not validated."""


def file_names(paths: Sequence[Path]) -> str:
    """Return how an error names the files."""
    return " + ".join(path.name for path in paths)


def load_files(paths: Sequence[Path]) -> dict[str, Any]:
    """Return the merged content, each kind with what it inherits. Raises Invalid."""
    data: dict[str, Any] = {}
    kinds: Kinds = {}
    for path in paths:
        before = kinds
        data = _merge(data, load_toml(path), _DEPTH)
        kinds = _resolve(paths, data)
        for name in _other_templates(before, kinds):
            data["kind"][name] = data["kind"][name] | {"text": None}
        kinds = _resolve(paths, data)
    return data | {"kind": kinds} if isinstance(data.get("kind"), dict) else data


def _merge(base: Any, override: Any, depth: int) -> Any:
    if depth == 0 or not isinstance(base, dict) or not isinstance(override, dict):
        return override
    return base | {key: _merge(base.get(key), value, depth - 1) for key, value in override.items()}


def _resolve(paths: Sequence[Path], data: Mapping[str, Any]) -> dict[str, Any]:
    kinds = data.get("kind")
    if not isinstance(kinds, dict):
        return {}
    return {name: _inherit(paths, name, own, kinds) for name, own in kinds.items()}


def _inherit(paths: Sequence[Path], name: str, own: Any, kinds: Kinds) -> Any:
    """Return an entry with the fields of the kind that its `like` names, and with a template name.

    The text is inherited only with the same parameters.
    """
    if not isinstance(own, dict):
        return own
    model: Any = {}
    if "like" in own:
        model = kinds.get(str(own["like"]))
        if not isinstance(model, dict) or "like" in model:
            raise Invalid(
                f"{file_names(paths)}, kind {name}: like", f"{own['like']} is not a kind without `like` of its own"
            )
    inherited = {field: value for field, value in model.items() if field != "name"}
    if _shape(inherited | own) != _shape(inherited):
        inherited.pop("text", None)
    return {"name": name} | inherited | own


def _other_templates(before: Kinds, after: Kinds) -> Iterator[str]:
    """Yield the kinds that have another shape than before, and still the text of before."""
    for name, kind in after.items():
        old = before.get(name)
        if isinstance(kind, dict) and isinstance(old, dict) and _shape(kind) != _shape(old):
            text = kind.get("text")
            if text is not None and text is old.get("text"):
                yield name


def _shape(kind: Kinds) -> tuple[Any, ...]:
    """Return the fields that another approved text has otherwise. en and en_US are one language here."""
    return base_language(str(kind.get("language", "en"))), kind.get("header"), kind.get("body"), kind.get("buttons")
