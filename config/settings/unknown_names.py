"""Names that look like settings and are none, which would be ignored in silence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

_PREFIXES = ("HARKARA_", "CHATMITRA_")

_OF_A_SERVICE = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$")
"""Kubernetes describes a service `harkara-web` to the whole namespace in variables such as HARKARA_WEB_SERVICE_HOST."""


def unknown_names(given: Iterable[str], known: Collection[str]) -> list[str]:
    """Return a sentence for each given name that is no setting, with the nearest one that is."""
    names = sorted({name.upper() for name in given if name.upper().startswith(_PREFIXES)} - set(known))
    return [f"{name}: is no setting{_hint(name, known)}" for name in names if not _OF_A_SERVICE.search(name)]


def _hint(name: str, known: Collection[str]) -> str:
    bare = name.removeprefix("HARKARA_")
    near = [bare] if bare in known else difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"; did you mean {near[0]}?" if near else "; docs/reference/settings.md lists all"
