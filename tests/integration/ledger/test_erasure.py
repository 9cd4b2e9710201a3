"""The erasure of a person: nothing about them is left in any table or file, and what stays is under a digest."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Date, Integer, String, Table, select, text, update
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from harkara.campaigns import Recipient
from harkara.delivery import gates
from harkara.errors import Conflict, NotFound
from harkara.inbound.contact import ConsentChoice
from harkara.ledger.audit import audit
from harkara.ledger.campaigns.consent_filter import filter_by_consent
from harkara.ledger.contacts.consent import link_names, record_consent
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters
from harkara.ledger.messages.erased_number import ERASED
from harkara.ledger.personal.export import export_person
from harkara.ledger.personal.find import find_person, find_rows
from harkara.ledger.personal.inventory import INVENTORY
from harkara.ledger.personal.receipt import digest_of, erase_with_receipt
from harkara.ledger.tables import all_tables, callback, campaign, consent, conversation, event, message
from harkara.ledger.transaction import Row
from harkara.ledger.users.acts import Actor, list_acts
from harkara.messages import Envelope, Template, Text
from harkara.outcomes import Cancelled, Refused
from harkara.people.pseudonym import pseudonym
from tests.integration.ledger.occasions import save, visit
from tests.integration.ledger.outbox import claim_callbacks
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import (
    LOST,
    accept_messages,
    begin_posts,
    claim_messages,
    reply,
    row,
    run_sweep,
    send_message,
    states_of,
    update_message,
)
from tests.integration.ledger.webhooks import (
    CONTEXT,
    deliver_webhooks,
    inbound_webhook,
    process_events,
    status_webhook,
    store_webhooks,
)

CANARY = "919876543217"
NATIONAL = CANARY[2:]
WRITTEN = "+91 98765-43217"
OTHER = "919876543299"
USER_ID = "IN.13491208655302741918"
KEY = "k" * 32
ASHA = Actor("Asha", "command")
LATER = datetime.now(UTC) + timedelta(hours=2)


def test_every_text_column_has_an_entry_in_the_inventory() -> None:
    declared = {
        table.name: {column.name for column in table.columns if isinstance(column.type, String | AutoString)}
        for table in all_tables().tables.values()
    }
    listed = {where.table.name: set(where.columns) for where in INVENTORY}
    assert listed == declared, "a new table or text column needs an entry in harkara/ledger/personal/inventory.py"


def test_a_table_with_rows_about_people_says_what_stays_of_them() -> None:
    assert [where.table.name for where in INVENTORY if (where.own is None) != (where.kept is None)] == []


def test_nothing_about_an_erased_person_is_found_in_any_table_or_file(callback_db: Database) -> None:
    db = callback_db
    fill(db)
    analyze_tables(db)
    assert canaries_in_tables(db)
    receipt = erase_with_receipt(db, CANARY, KEY, ASHA)
    assert canaries_in_tables(db) == []
    assert [(each.act, each.subject) for each in list_acts(db)] == [("person.erased", pseudonym(KEY, CANARY))]
    assert receipt["storage"] == {"database": "clean"}
    assert receipt["rows"].keys() >= {"message", "occasion", "event", "callback", "dead_letter", "contact", "consent"}
    if db.sqlite:
        assert [file.name for file in files_of(db) if is_marked(file.read_bytes())] == []
    assert all(one in export_of(db, OTHER) for one in ("Your table is ready", "call us"))
    assert audit(db).clean


def test_the_receipt_names_no_person_and_has_a_digest_of_the_rest(db: Database) -> None:
    send_message(db, to(CANARY))
    accept_messages(db, to(CANARY, at=LATER))
    receipt = erase_with_receipt(db, WRITTEN, KEY, ASHA)
    assert (receipt["rows"], receipt["cancelled"]) == ({"message": 2}, 1)
    assert receipt["person"] == pseudonym(KEY, CANARY)
    assert not is_marked(json.dumps(receipt).encode())
    assert receipt["digest"] == digest_of(receipt) != digest_of(receipt | {"cancelled": 0})
    again = erase_with_receipt(db, CANARY, KEY, ASHA)
    assert (again["rows"], again["cancelled"]) == ({}, 0)


def test_waiting_messages_are_cancelled_and_never_sent_again(db: Database) -> None:
    waiting, unanswered = accept_messages(db, to(CANARY, at=LATER))[0], send_message(db, to(CANARY), LOST)
    update_message(db, unanswered, resend_at=datetime.now(UTC))
    erase_with_receipt(db, CANARY, KEY, ASHA)
    run_sweep(db)
    assert states_of(db, [waiting, unanswered]) == ["cancelled", "uncertain"]
    assert row(db, waiting)["code"] == ERASED
    assert row(db, unanswered)["body"] is None


def test_nothing_is_erased_while_a_message_is_being_sent(db: Database) -> None:
    later, now = accept_messages(db, to(CANARY, at=LATER), to(CANARY))
    begin_posts(db, *claim_messages(db, now))
    with pytest.raises(Conflict, match="is being sent"):
        erase_with_receipt(db, CANARY, KEY, ASHA)
    assert (row(db, later)["state"], row(db, now)["recipient"]) == ("waiting", CANARY)


def test_nothing_is_erased_before_a_webhook_is_processed(db: Database) -> None:
    store_webhooks(db, wrote("STOP", CANARY))
    with pytest.raises(Conflict, match="webhook"):
        erase_with_receipt(db, CANARY, KEY, ASHA)
    process_events(db)
    assert erase_with_receipt(db, CANARY, KEY, ASHA)["rows"]["consent"] == 1


def test_the_proof_of_consent_stays_under_a_keyed_digest(db: Database) -> None:
    record_consent(db, "default", [choice(CANARY, f"called from {WRITTEN}")])
    receipt = erase_with_receipt(db, CANARY, KEY, ASHA)
    (proof,) = rows_of(db, consent)
    assert proof["recipient"] == pseudonym(KEY, CANARY) != pseudonym("another key", CANARY)
    assert (proof["wish"], proof["how"]) == ("opt-out", "operator")
    assert proof["proof"] == f"called from {pseudonym(KEY, CANARY)}"
    assert "section 6(10)" in receipt["kept"]["consent"]


def test_a_campaign_leaves_out_an_erased_person_who_had_opted_out_until_they_opt_in_again(db: Database) -> None:
    record_consent(db, "default", [choice(CANARY, "Form")])
    erase_with_receipt(db, CANARY, KEY, ASHA)
    assert selected(db, CANARY, OTHER) == [OTHER]
    record_consent(db, "default", [choice(CANARY, "Old list", "opt-in", datetime(2020, 1, 1, tzinfo=UTC))])
    assert selected(db, CANARY) == []
    record_consent(db, "default", [choice(CANARY, "Form", "opt-in")])
    assert selected(db, CANARY) == [CANARY]


def test_an_opt_out_stops_a_new_message_after_the_erasure_until_a_later_opt_in(db: Database) -> None:
    record_consent(db, "default", [choice(CANARY, "Form")])
    erase_with_receipt(db, CANARY, KEY, ASHA)
    assert stopped(db, CANARY, OTHER) == ["opted-out", None]
    with db.write() as tx:
        link_names(tx, "default", (CANARY, USER_ID), wrote_at=tx.now)  # the person writes again, which is no opt-in
    assert stopped(db, CANARY) == ["opted-out"]
    assert stopped(db, CANARY, key=None) == [None], "a worker without the key cannot know"
    record_consent(db, "default", [choice(CANARY, "Form", "opt-in")])
    assert stopped(db, CANARY, OTHER) == [None, None]


def test_gates_look_for_erased_people_only_once_one_has_opted_out(db: Database) -> None:
    record_consent(db, "default", [choice(CANARY, "Form")])
    assert len(statements_of_gates(db)) == 1
    erase_with_receipt(db, CANARY, KEY, ASHA)
    assert len(statements_of_gates(db)) == 3, "the halts, too"


def test_a_message_to_another_person_that_waits_keeps_its_text(db: Database) -> None:
    mention = accept_messages(db, to(OTHER, messages=[Text(f"Dr Rao: {WRITTEN}")], at=LATER))[0]
    receipt = erase_with_receipt(db, CANARY, KEY, ASHA)
    assert WRITTEN in row(db, mention)["body"]
    assert (receipt["waiting_mentions"], receipt["rows"]) == (1, {})


def test_a_sent_message_to_another_person_loses_only_the_mention(db: Database) -> None:
    mention = send_message(db, to(OTHER, messages=[Text(f"Dr Rao: {WRITTEN}")]))
    erase_with_receipt(db, CANARY, KEY, ASHA)
    assert row(db, mention)["recipient"] == OTHER
    assert f"Dr Rao: {pseudonym(KEY, CANARY)}" in row(db, mention)["body"]


def test_a_conversation_with_another_person_whose_name_is_the_number_stays(db: Database) -> None:
    deliver_webhooks(db, wrote("Hello", OTHER))
    with db.write() as tx:
        tx.execute(update(conversation).values(name=f"call {CANARY}"))
    erase_with_receipt(db, CANARY, KEY, ASHA)
    assert [row["name"] for row in rows_of(db, conversation)] == [f"call {pseudonym(KEY, CANARY)}"]


def test_the_export_has_everything_about_the_person_and_nothing_about_others(callback_db: Database) -> None:
    fill(callback_db)
    exported = export_person(callback_db, WRITTEN, by=ASHA)
    assert set(exported["names"]) == {CANARY, USER_ID}
    assert exported["tables"].keys() >= {"message", "attempt", "trace", "occasion", "event", "callback", "consent"}
    assert "Your table is ready" in json.dumps(exported)
    assert OTHER not in json.dumps(exported)
    assert [(each.act, each.subject) for each in list_acts(callback_db)] == [("person.exported", "")]
    with pytest.raises(NotFound):
        export_person(callback_db, "919876543200", by=ASHA)


def test_what_another_person_wrote_about_the_person_is_theirs(callback_db: Database) -> None:
    db = callback_db
    deliver_webhooks(db, wrote("Hello", CANARY, "wamid.1"), wrote(f"Call my friend: {WRITTEN}", OTHER, "wamid.2"))
    assert OTHER not in export_of(db, CANARY)
    erase_with_receipt(db, CANARY, KEY, ASHA)
    masked = f"Call my friend: {pseudonym(KEY, CANARY)}"
    assert [row["sender"] for row in rows_of(db, event) if masked in (row["body"] or "")] == [OTHER]
    assert canaries_in_tables(db) == []
    states = {row["state"]: row["data"] for row in rows_of(db, callback)}
    assert (set(states), states["dead"]) == ({"waiting", "dead"}, None)
    assert (masked in states["waiting"], OTHER in states["waiting"]) == (True, True)


def test_a_number_in_json_without_quotes_leaves_no_broken_json(db: Database) -> None:
    deliver_webhooks(db, wrote("Hello", OTHER))
    with db.write() as tx:
        tx.execute(update(event).values(body=f'{{"phone": {CANARY}}}'))
    erase_with_receipt(db, CANARY, KEY, ASHA)
    assert [row["body"] for row in rows_of(db, event)] == [None]


def test_the_export_knows_how_to_write_the_columns_of_each_table() -> None:
    columns = [column for where in INVENTORY if where.own is not None for column in where.table.c]
    known = (AutoString, String, Integer, Boolean, UTCDateTime, Date)
    assert [str(column) for column in columns if not isinstance(column.type, known)] == []


def test_slices_find_the_same_rows(callback_db: Database) -> None:
    fill(callback_db)
    person = find_person(callback_db, CANARY)
    for where in INVENTORY:
        with callback_db.read() as tx:
            assert find_rows(tx, where, person, rows=2) == find_rows(tx, where, person)


def test_an_erasure_shows_what_it_has_done_so_far(db: Database) -> None:
    send_message(db, to(CANARY))
    shown: list[str] = []
    erase_with_receipt(db, CANARY, KEY, ASHA, progress=shown.append)
    assert "message: 0 rows searched" in shown
    assert shown[-1] == "erased; cleaning the files of the database"
    assert not any(is_marked(each.encode()) for each in shown)


def test_the_search_for_mentions_shows_the_rows_of_each_slice(db: Database) -> None:
    accept_messages(db, *(to(OTHER) for _ in range(5)))
    (where,) = (each for each in INVENTORY if each.table is message)
    shown: list[str] = []
    with db.read() as tx:
        find_rows(tx, where, find_person(db, CANARY), shown.append, rows=2)
    assert shown == [f"message: {rows} rows searched" for rows in (0, 2, 4)]


def fill(db: Database) -> None:
    """Put the canary wherever the ledger can have a number, and another person beside it."""
    save(db, visit("visit 7", to=f"+{CANARY}"), visit(f"visit of {CANARY}", to=f"+{OTHER}"))
    with db.write() as tx:
        link_names(tx, "default", (CANARY, USER_ID))
    for number in (CANARY, OTHER):
        send_message(db, to(number))
        send_message(db, to(number, reference=f"call us {number}"), Refused("131026", f"Unreachable: {number}", "Ask."))
        send_message(db, to(number, fallback=Template("hello_world")))
        accept_messages(db, to(number, at=LATER))
        hello = wrote("Hello", number, f"wamid.HBgM{b64encode(number.encode()).decode()}FQIA")
        stop = wrote("STOP", number, f"wamid.{number}")
        deliver_webhooks(db, hello, stop, status_webhook(db, "failed", "wamid.2", to=number))
        add_dead_letters(db, [DeadLetter.of("task", number, "send", ValueError(), f'{{"to": "+{number}"}}')])
    deliver_webhooks(db, wrote("Hello", USER_ID))
    claim_callbacks(db, 1)
    with db.write() as tx:
        tx.execute(update(campaign).values(reason=CANARY))


def analyze_tables(db: Database) -> None:
    """Take them now, as PostgreSQL does within a minute."""
    if not db.sqlite:
        with db.write() as tx:
            tx.execute(text("ANALYZE"))


def wrote(text: str, name: str, wamid: str = "wamid.3") -> bytes:
    sender: dict[str, Any] = {"from": name}
    return inbound_webhook(text, wamid, **sender)


def to(number: str, **options: Any) -> Envelope:
    return reply(**{"to": f"+{number}"} | options)


def offer(number: str) -> Envelope:
    return to(number, messages=[Template("festival_offer")], category="marketing")


def choice(number: str, proof: str, action: Any = "opt-out", at: datetime | None = None) -> ConsentChoice:
    at = at or datetime.now(UTC)
    return ConsentChoice(recipient=number, action=action, category="everything", how="operator", proof=proof, at=at)


def selected(db: Database, *numbers: str) -> list[str]:
    rows = [Recipient(row, number, {}) for row, number in enumerate(numbers, start=1)]
    found = filter_by_consent(db, "default", "marketing", rows, erasure_key=KEY)
    return [each.to for each in found if isinstance(each, Recipient)]


def stopped(db: Database, *numbers: str, key: str | None = KEY) -> list[str | None]:
    """Return the codes with which the gates stop a new message to each number, None if they let it pass."""
    claimed = {one.recipient: one for one in claim_messages(db, *accept_messages(db, *map(offer, numbers)))}
    context = gates.load(db, CONTEXT.lanes, list(claimed.values()), key)
    outcomes = [gates.check(claimed[number], context) for number in numbers]
    return [outcome.code if isinstance(outcome, Cancelled) else None for outcome in outcomes]


def statements_of_gates(db: Database) -> list[str]:
    """Claim two templates, which need no window, and return the statements of the claim and of their gates."""
    ids = accept_messages(db, *(to(OTHER, messages=[Template("hello_world")]) for _ in range(2)))
    with executed_statements() as statements:
        gates.load(db, CONTEXT.lanes, claim_messages(db, *ids), KEY)
    return statements


def rows_of(db: Database, table: Table) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(table))


def export_of(db: Database, number: str) -> str:
    return json.dumps(export_person(db, number, by=ASHA))


def canaries_in_tables(db: Database) -> list[str]:
    """Return each column of each table, and of PostgreSQL's statistics, that has the canary in one of its values."""
    found = [
        f"{table.name}.{name}"
        for table in all_tables().sorted_tables
        for each in rows_of(db, table)
        for name, value in each.items()
        if is_marked(str(value).encode())
    ]
    if not db.sqlite:
        with db.read() as tx:
            statistics = tx.execute(text("SELECT tablename, attname, pg_stats::text FROM pg_stats")).all()
        found += [f"statistics of {table}.{name}" for table, name, value in statistics if is_marked(value.encode())]
    return found


def is_marked(content: bytes) -> bool:
    return any(mark in content for mark in (NATIONAL.encode(), b64encode(CANARY.encode()), USER_ID.encode()))


def files_of(db: Database) -> list[Path]:
    file = Path(str(db.url.database))
    return [each for each in file.parent.iterdir() if each.name.startswith(file.name)]
