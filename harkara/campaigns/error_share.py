"""The rule that pauses a campaign: too large a share of its latest messages failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

LATEST = 100
"""The number of latest outcomes that the rule looks at."""

LEAST = 20
"""The rule needs this many outcomes."""


def pause_reason(
    outcomes: Sequence[str | None], share: float = 0.10, last: int = LATEST, least: int = LEAST
) -> str | None:
    """Return why the campaign must pause, None if it need not.

    `outcomes` has one entry for each message with an outcome, oldest first: the code of a failed one, None for one that
    was accepted or got further. The rule looks at the `last` of them and needs at least `least`. The campaign pauses if
    more than `share` of them failed.

    A message failed if it was refused for good, by the response or by a later event, also because of its number: many
    dead numbers cost the account its quality rating. Uncertain and waiting messages are not in `outcomes`: their
    outcome is unknown, and outages are the breaker's task. Cancelled messages are not in it either: they say nothing
    about the template or the audience.
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
