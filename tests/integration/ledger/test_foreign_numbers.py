"""A number that the ledger knows is never read anew: 6581123456 of Singapore would be an Indian mobile number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from harkara.campaigns import CampaignMessage
from harkara.chatmitra.webhooks import parse
from harkara.errors import Conflict, Invalid
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.again import create_second_round
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.load import load
from harkara.ledger.campaigns.queries import get_campaign, report
from harkara.ledger.conversations.commands import reply
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.queries import list_conversations
from harkara.ledger.conversations.reengagement import ask_unanswered
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept
from harkara.ledger.messages.named_filter import find_filter, named_filter
from harkara.ledger.messages.search import list_messages
from harkara.ledger.tables import message
from harkara.messages import Envelope, Text
from harkara.receipt import Receipt
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger import steps
from tests.integration.ledger.campaigns import REFUSED, SETTINGS, campaign_plan, send_due
from tests.integration.ledger.test_reengagement import LANES, UNKNOWN, hours_pass, send_all
from tests.integration.ledger.turns import LIVE, answer, wrote

SINGAPORE, INDIA = "6581123456", "916581123456"


def recipients(db: Database) -> list[str]:
    with db.read() as tx:
        return list(tx.execute(select(message.c.recipient).order_by(message.c.id)).scalars())


def enqueue(db: Database) -> Any:
    def accepted(envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        return accept(db, envelopes, deadlines=DEADLINES, queued_seconds=10).answers

    return accepted


def test_a_reply_goes_to_who_wrote(db: Database) -> None:
    wrote(db, "Do you sell roses?", number=SINGAPORE)
    (found,) = list_conversations(db, ["default"], parse)
    person = find_participant(db, found.contact)
    reply(db, enqueue(db), person, Text("We do"), producer="console", hold=timedelta(minutes=5))
    assert recipients(db) == [SINGAPORE]


def test_the_assistant_answers_and_asks_who_wrote(db: Database) -> None:
    wrote(db, "Do you sell roses?", number=SINGAPORE)
    answer(db, UNKNOWN)
    send_all(db)
    hours_pass(db)
    assert ask_unanswered(db, LIVE, LANES, DEADLINES) == 1
    assert recipients(db) == [SINGAPORE] * 2


def test_the_report_of_a_campaign_has_numbers_for_the_file_of_the_next(db: Database) -> None:
    of = campaign_plan()
    numbers = [f"+{SINGAPORE}", f"+{INDIA}"]
    load(db, of, [CampaignMessage(n, steps.marketing(to=to, producer=of.id)) for n, to in enumerate(numbers, 2)])
    assert [line.recipient for line in report(db, of.id, numbers=True)] == [f"+{SINGAPORE}", INDIA]


def test_a_second_round_has_the_same_recipient(db: Database) -> None:
    first = campaign_plan(error_share=1.0)
    rows = [CampaignMessage(2, steps.marketing(to=f"+{SINGAPORE}", producer=first.id))]
    load(db, first, rows)
    commands.start(db, first.id)
    send_due(db, REFUSED)
    advance_campaigns(db)
    _, loaded, rejects = create_second_round(db, get_campaign(db, first.id), "again", SETTINGS)
    assert (loaded.audience, rejects.first) == (1, [])
    assert recipients(db) == [SINGAPORE] * 2


def test_the_messages_to_the_same_person_are_theirs_alone(db: Database) -> None:
    own, _ = steps.accept_messages(db, steps.reply(to=f"+{SINGAPORE}"), steps.reply(to=f"+{INDIA}"))
    assert find_filter(db, f"+{SINGAPORE}", None) == ("like", own)
    assert [each.id for each in list_messages(db, named_filter(db, lanes=None, like=own))] == [own]
