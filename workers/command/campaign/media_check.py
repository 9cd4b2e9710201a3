"""The check of a campaign's media, before any recipient waits for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from harkara.callbacks.connector import Connector
from harkara.json_record import iso_seconds
from harkara.media_probe import probe
from harkara.messages.link_expiry import end_of_link

MOST = 50
"""Different media that are checked; a campaign with a document for each recipient has thousands."""


def check_media(media: list[tuple[str, str]], last: datetime, connector: Connector) -> list[dict[str, Any]]:
    """Return each of the first media with its problem, or None. `last` is when the last message is sent."""

    def problem(medium: tuple[str, str]) -> str | None:
        end = end_of_link(medium[1])
        if end is not None and end <= last:
            return f"its link ends at {iso_seconds(end)}, before the last message is sent"
        return probe(*medium, connector)

    chosen = media[:MOST]
    with ThreadPoolExecutor(8) as pool:
        return [
            {"type": kind, "link": link, "problem": found}
            for (kind, link), found in zip(chosen, pool.map(problem, chosen), strict=True)
        ]
