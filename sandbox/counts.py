"""Figures of the request history: accepted, refused, duplicates, and the fullest window."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.history import RequestEntry


def request_counts(entries: Sequence[RequestEntry], window: float) -> dict[str, Any]:
    """Count the entries; `window` is in seconds.

    total: accepted plus refused requests.
    untold: accepted requests whose client got no correct response.
    """
    accepted = [entry for entry in entries if entry.accepted]
    duplicates = _duplicates(accepted)
    return {
        "total": len(entries),
        "accepted": len(accepted),
        "refused": len(entries) - len(accepted),
        "delivered": sum(entry.delivered for entry in accepted),
        "untold": sum(not entry.informed for entry in accepted),
        "duplicates": sum(duplicate["count"] - 1 for duplicate in duplicates),
        "duplicate_contents": duplicates,
        "window": window,
        "most_in_window": most_in_window((entry.received_at for entry in accepted), window),
        "most_received_in_window": most_in_window((entry.received_at for entry in entries), window),
        "per_second": _per_second(entries),
        "by_outcome": dict(Counter(_label(entry) for entry in entries)),
    }


def most_in_window(times: Iterable[float], window: float) -> int:
    """Return the most of these times that any half-open interval of `window` seconds (above 0) contains."""
    ordered = sorted(times)
    first = most = 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def _duplicates(accepted: Sequence[RequestEntry]) -> list[dict[str, Any]]:
    jobs: defaultdict[str, list[str | None]] = defaultdict(list)
    for entry in accepted:
        jobs[entry.content].append(entry.job_id)
    return [{"content": content, "count": len(ids), "jobIds": ids} for content, ids in jobs.items() if len(ids) > 1]


def _per_second(entries: Sequence[RequestEntry]) -> dict[str, int]:
    """Count by the second of arrival in UTC, without the seconds that have no request."""
    seconds = Counter(int(entry.received_at) for entry in entries)
    return {datetime.fromtimestamp(second, UTC).isoformat(): count for second, count in sorted(seconds.items())}


def _label(entry: RequestEntry) -> str:
    return f"refused_{entry.status}" if entry.outcome == "refused" else entry.outcome
