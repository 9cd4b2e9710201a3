"""The figures a test asks for: how many were accepted, which twice, and how many in the fullest window."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.history import Entry


def counts(entries: Sequence[Entry], window: float) -> dict[str, Any]:
    """`total` = `accepted` + `refused`; `untold` were accepted but the client does not know; `window` in seconds."""
    accepted = [entry for entry in entries if entry.accepted]
    repeats = _repeats(accepted)
    return {
        "total": len(entries),
        "accepted": len(accepted),
        "refused": len(entries) - len(accepted),
        "delivered": sum(entry.delivered for entry in accepted),
        "untold": sum(not entry.told for entry in accepted),
        "duplicates": sum(repeat["count"] - 1 for repeat in repeats),
        "duplicate_contents": repeats,
        "window": window,
        "most_in_window": most_in_window((entry.received_at for entry in accepted), window),
        "most_received_in_window": most_in_window((entry.received_at for entry in entries), window),
        "per_second": _per_second(entries),
        "by_outcome": dict(Counter(_label(entry) for entry in entries)),
    }


def most_in_window(times: Iterable[float], window: float) -> int:
    """The most of these ascending times that any half-open stretch of `window` seconds (above 0) holds."""
    ordered = list(times)
    first = most = 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def _repeats(accepted: Sequence[Entry]) -> list[dict[str, Any]]:
    jobs: defaultdict[str, list[str | None]] = defaultdict(list)
    for entry in accepted:
        jobs[entry.content].append(entry.job_id)
    return [{"content": content, "count": len(ids), "jobIds": ids} for content, ids in jobs.items() if len(ids) > 1]


def _per_second(entries: Sequence[Entry]) -> dict[str, int]:
    """By the second of arrival, UTC; seconds without a request are left out."""
    seconds = Counter(int(entry.received_at) for entry in entries)
    return {datetime.fromtimestamp(second, UTC).isoformat(): count for second, count in sorted(seconds.items())}


def _label(entry: Entry) -> str:
    return f"refused_{entry.status}" if entry.outcome == "refused" else entry.outcome
