"""Where the 24-hour window is shut, the template `human-help` replaces the backup sentence, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from harkara.assistant.backup import backup
from harkara.assistant.talk import Proposal
from harkara.delivery import gates
from harkara.ledger.audit import audit
from harkara.ledger.conversations.modes import assign_to_person
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.turns import write_turn
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import claim
from harkara.ledger.tables import contact
from harkara.outcomes import Replaced
from tests.integration.ledger.steps import record_outcome
from tests.integration.ledger.turns import (
    ANSWER,
    ASHA,
    BY,
    LIMITS,
    LIVE,
    answers_of,
    at_the_gate,
    claimed,
    talk_of,
    wrote,
)
from tests.integration.ledger.webhooks import CONTEXT

WITH_HELP = LIMITS._replace(human_help="human_help")


def shut(db: Database) -> None:
    with db.write() as tx:
        tx.execute(update(contact).values(wrote_at=tx.now - timedelta(hours=24)))


def written(db: Database, proposal: Proposal | None = None) -> str:
    """Write the turn of a model that failed, or another one, and let the window shut before it leaves."""
    wrote(db, "Do you sell roses?")
    one = claimed(db)
    talk = talk_of(db, one)
    write_turn(db, one, talk, proposal or backup(talk, LIVE, "timeout: 8 s"), LIVE, WITH_HELP)
    shut(db)
    return str(answers_of(db)[0]["id"])


def replace(db: Database, identity: str) -> None:
    found = claim(db, [identity], 10)
    outcome = gates.check(found[0], gates.load(db, CONTEXT.lanes, found, assistant=LIVE))
    assert isinstance(outcome, Replaced)
    record_outcome(db, found[0], outcome, posted=False)


def test_the_template_is_sent_once_instead_of_the_backup_sentence(db: Database) -> None:
    identity = written(db)
    replace(db, identity)
    (sent,) = answers_of(db)
    assert (sent["state"], sent["template"], sent["category"]) == ("waiting", "human_help", "utility")
    assert "connecting" not in sent["body"]
    assert at_the_gate(db) == "passes"
    assert audit(db).clean


def test_the_template_obeys_the_one_voice(db: Database) -> None:
    identity = written(db)
    replace(db, identity)
    assign_to_person(db, find_participant(db, ASHA), by=BY)
    assert answers_of(db)[0]["state"] == "cancelled"


@pytest.mark.parametrize("proposal", [ANSWER, None])
def test_in_an_open_window_and_for_an_answer_it_is_not_sent(db: Database, proposal: Proposal | None) -> None:
    written(db, proposal)
    if proposal is None:
        with db.write() as tx:
            tx.execute(update(contact).values(wrote_at=tx.now))
    assert at_the_gate(db) == ("passes" if proposal is None else "superseded")
    assert answers_of(db)[0]["template"] is None
