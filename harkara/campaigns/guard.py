"""The rule by which a campaign pauses itself: too large a share of its latest messages failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def should_pause(outcomes: Sequence[str | None], share: float = 0.10, last: int = 100, least: int = 20) -> str | None:
    """Says why the campaign must pause; None lets it go on.

    `outcomes` are its messages that are decided, oldest first: the code of one that failed, None for one that was
    accepted or got further. Only the `last` of them count, and nothing is judged by fewer than `least`. More than
    `share` of them must have failed.

    Failed is what was refused for good, at once or by a later event, also because of the number: a list with many dead
    numbers costs the account its quality rating. Uncertain messages are no outcome and are left out, as are those that
    wait: nobody knows yet, and an outage is the business of the lane's breaker. Cancelled ones are left out, too: it
    was ours to cancel them, and it says nothing about the template or the list.
    """
    latest = outcomes[-last:]
    codes = Counter(code for code in latest if code is not None)
    failed = codes.total()
    if len(latest) < least or failed / len(latest) <= share:
        return None
    common = ", ".join(f"{code} ({count})" for code, count in codes.most_common(3))
    return (
        f"{failed} of the last {len(latest)} messages failed, more than {share * 100:g} %; most common: {common}. "
        "Correct the template or the list, then resume."
    )
