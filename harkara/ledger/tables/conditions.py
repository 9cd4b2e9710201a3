"""Conditions of partial indexes that queries repeat, so that both databases find the index."""

from __future__ import annotations

UNSETTLED = "wished_at IS NOT NULL AND (settled_at IS NULL OR wished_at <> settled_at)"
"""A contact whose last choice was written without the other names of the person, as releases before people did."""

ERASED = "stopped IS NOT NULL AND substr(recipient, 1, 7) = 'erased:'"
"""The opt-out of a person whose data was erased, under a pseudonym."""

ANSWERED = "outcome NOT IN ('superseded', 'failed')"
"""A turn that has answered a revision: there is one at most."""

OPEN_ANSWER = "talk_person IS NOT NULL AND state IN ('waiting', 'queued', 'claimed')"
"""An answer of the assistant that has not left."""

UNLISTED = "state = 'folded' AND about = 'received' AND sender IS NULL AND body IS NOT NULL"
"""A message of a customer that a release without conversations has applied."""
