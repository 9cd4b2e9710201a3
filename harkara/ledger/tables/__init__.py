"""The ledger's tables; `migrations/` brings a database to this shape."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table

from harkara.ledger.tables.campaigns import CampaignRow
from harkara.ledger.tables.contacts import Callback, Consent, Contact, Event
from harkara.ledger.tables.messages import Alias, Attempt, Message, Trace
from harkara.ledger.tables.occasions import OccasionRow
from harkara.ledger.tables.work import Duty, Halt

message = cast(Table, Message.__table__)  # type: ignore[attr-defined]  # SQLModel adds it at run time
alias = cast(Table, Alias.__table__)  # type: ignore[attr-defined]  # the same
attempt = cast(Table, Attempt.__table__)  # type: ignore[attr-defined]  # the same
trace = cast(Table, Trace.__table__)  # type: ignore[attr-defined]  # the same
occasion = cast(Table, OccasionRow.__table__)  # type: ignore[attr-defined]  # the same
campaign = cast(Table, CampaignRow.__table__)  # type: ignore[attr-defined]  # the same
event = cast(Table, Event.__table__)  # type: ignore[attr-defined]  # the same
contact = cast(Table, Contact.__table__)  # type: ignore[attr-defined]  # the same
consent = cast(Table, Consent.__table__)  # type: ignore[attr-defined]  # the same
callback = cast(Table, Callback.__table__)  # type: ignore[attr-defined]  # the same
halt = cast(Table, Halt.__table__)  # type: ignore[attr-defined]  # the same
duty = cast(Table, Duty.__table__)  # type: ignore[attr-defined]  # the same
