"""Lookups of a replay: they return what the talk has recorded, and reach no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harkara.assistant.lookups import LookupData, LookupFailure, Lookups, LookupTool, Redact
from harkara.assistant.model_rules import LookupRules
from harkara.assistant.talk import Talk


def recorded_tools(rules: Iterable[LookupRules], results: Mapping[str, Any], talk: Talk, redact: Redact) -> Lookups:
    """Return the lookups of config/assistant.toml; one without a recorded result fails."""
    return Lookups({each.name: LookupTool(each, _answering(results, each.name)) for each in rules}, talk, redact)


def _answering(results: Mapping[str, Any], name: str) -> Callable[[str, bytes], LookupData | LookupFailure]:
    if name not in results:
        return lambda call, body: LookupFailure("the talk has no result")
    recorded = LookupData(json.dumps(results[name]).encode())
    return lambda call, body: recorded
