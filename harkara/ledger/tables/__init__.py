"""The ledger's tables as SQLAlchemy `Table` objects; `migrations/` creates them in a database."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table
from sqlmodel import SQLModel

from harkara.ledger.tables.alarms import AlarmRow, GoalRow, NoticeRow
from harkara.ledger.tables.callbacks import CallbackRow
from harkara.ledger.tables.campaigns import CampaignRow
from harkara.ledger.tables.charges import BudgetRow, ChargeRow, SpendBackfillRow, SpendDayRow, SpendDeltaRow
from harkara.ledger.tables.contacts import ConsentRow, ContactRow
from harkara.ledger.tables.conversations import ConversationRow, TurnRow
from harkara.ledger.tables.events import EventRow
from harkara.ledger.tables.halts import HaltRow
from harkara.ledger.tables.identity import IdentityRow, ProcessRow
from harkara.ledger.tables.intake import AppliedEntryRow, DeadLetterRow
from harkara.ledger.tables.leases import LeaseRow
from harkara.ledger.tables.messages import AliasRow, AttemptRow, MessageRow, ReplacedPostRow, TraceRow
from harkara.ledger.tables.occasions import OccasionRow
from harkara.ledger.tables.uploads import UploadPartRow, UploadRow
from harkara.ledger.tables.users import ActRow, SessionRow, UserRow
from harkara.ledger.tables.workers import WorkerRow


def _table(model: type[SQLModel]) -> Table:
    return cast(Table, model.__table__)  # type: ignore[attr-defined]  # SQLModel adds it at run time


message = _table(MessageRow)
alias = _table(AliasRow)
attempt = _table(AttemptRow)
replaced_post = _table(ReplacedPostRow)
trace = _table(TraceRow)
occasion = _table(OccasionRow)
campaign = _table(CampaignRow)
upload = _table(UploadRow)
upload_part = _table(UploadPartRow)
event = _table(EventRow)
charge = _table(ChargeRow)
spend_day = _table(SpendDayRow)
spend_delta = _table(SpendDeltaRow)
spend_backfill = _table(SpendBackfillRow)
budget = _table(BudgetRow)
contact = _table(ContactRow)
consent = _table(ConsentRow)
conversation = _table(ConversationRow)
turn = _table(TurnRow)
callback = _table(CallbackRow)
halt = _table(HaltRow)
lease = _table(LeaseRow)
applied_entry = _table(AppliedEntryRow)
dead_letter = _table(DeadLetterRow)
identity = _table(IdentityRow)
process = _table(ProcessRow)
worker = _table(WorkerRow)
user = _table(UserRow)
session = _table(SessionRow)
act = _table(ActRow)
goal = _table(GoalRow)
alarm = _table(AlarmRow)
notice = _table(NoticeRow)
