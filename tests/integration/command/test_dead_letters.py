"""`harkara dead-letters`: list, retry and delete; and what the doctor and the audit report of them."""

from __future__ import annotations

import json

from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, Source, add_dead_letters, list_dead_letters
from tests.integration.command.deployment import Harkara, listed
from tests.integration.ledger.steps import reply

SECRET = "9876500007"


def test_the_list_shows_the_reason_without_the_content(harkara: Harkara, ledger: Database) -> None:
    letter_id = add(ledger, content=reply(7).to_json())
    shown = harkara("dead-letters", "list")
    assert "1 dead letters" in shown.stdout
    assert "It could not be applied because of a ValueError." in shown.stdout
    assert SECRET not in shown.stdout
    found = json.loads(harkara("dead-letters", "list", "--json").stdout)
    assert (found["numbers"], found["dead_letters"][0]["id"]) == ({"intake": 1}, letter_id)


def test_a_letter_that_can_be_applied_now_is_applied_and_deleted(harkara: Harkara, ledger: Database) -> None:
    letter_id = add(ledger, content=(envelope := reply(7)).to_json())
    assert harkara("dead-letters", "retry", str(letter_id)).stdout == "Retried: 1\n"
    assert listed(ledger) == [envelope.id]
    assert list_dead_letters(ledger, 10) == []


def test_a_letter_that_fails_again_stays_with_its_reason(harkara: Harkara, ledger: Database) -> None:
    letter_id = add(ledger, content="no JSON")
    add(ledger, entry="2-1", content=reply().to_json())
    result = harkara("dead-letters", "retry", "--all")
    reason = "envelope: must be JSON, as written by to_json"
    assert (result.exit_code, result.stdout) == (1, f"Retried: 1\n{letter_id} failed again: {reason}\n")
    assert [(each.id, each.tries, each.reason) for each in list_dead_letters(ledger, 10)] == [(letter_id, 1, reason)]


def test_a_call_by_task_name_is_retried_through_redis(harkara: Harkara, ledger: Database) -> None:
    add(ledger, "task", "of-a-test", content=json.dumps({"task": "harkara.enqueue", "args": [{}], "kwargs": {}}))
    result = harkara("dead-letters", "retry", "--all")
    assert result.exit_code == 5, "the deployment's Redis does not answer"
    assert len(list_dead_letters(ledger, 10)) == 1


def test_deleted_letters_are_gone_and_unknown_ones_are_not_found(harkara: Harkara, ledger: Database) -> None:
    letter_id = add(ledger)
    assert harkara("dead-letters", "delete", "999").exit_code == 3
    assert harkara("dead-letters", "retry", "999").exit_code == 3
    assert harkara("dead-letters", "delete").exit_code == 2
    assert harkara("dead-letters", "delete", str(letter_id)).stdout == "Deleted: 1\n"
    assert list_dead_letters(ledger, 10) == []


def test_the_doctor_and_the_audit_report_them(harkara: Harkara, ledger: Database) -> None:
    assert "dead letters" not in harkara("doctor").stdout + harkara("audit").stdout
    add(ledger)
    add(ledger, "queue", "a-task")
    assert "1 of intake, 1 of queue: `harkara dead-letters list` shows the reasons" in harkara("doctor").stdout
    report = harkara("audit")
    assert "2 dead letters" in report.stdout
    assert report.exit_code == 0
    assert json.loads(harkara("audit", "--json").stdout)["dead_letters"] == {"intake": 1, "queue": 1}


def add(db: Database, source: Source = "intake", entry: str = "1-1", content: str | None = None) -> int:
    """Store a dead letter; return its id."""
    add_dead_letters(db, [DeadLetter.of(source, entry, "send", ValueError(SECRET), content)])
    return list_dead_letters(db, 10)[-1].id
