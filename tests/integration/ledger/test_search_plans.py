"""Each filter of a search for messages has an index, so a page costs the same with a million messages."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import text
from sqlalchemy.event import listen, remove

from harkara.ledger.conditions import LEASED_STATES, SETTLED_STATES
from harkara.ledger.database import Database
from harkara.ledger.messages.content import get_content, list_recipients
from harkara.ledger.messages.listing import count_messages, list_page
from harkara.ledger.messages.named_filter import find_filter, named_filter
from harkara.ledger.messages.queries import find_id, get_status
from harkara.ledger.messages.reasons import explain
from harkara.ledger.messages.search import EVERY_MESSAGE, MessageFilter
from harkara.ledger.messages.selections import KINDS, perform, preview
from harkara.ledger.personal.find import lock_own
from harkara.ledger.personal.inventory import INVENTORY
from harkara.ledger.users.acts import Actor
from harkara.messages import Template
from harkara.people.mentions import Mentions
from harkara.shared_defaults import DEADLINES
from harkara.states import State
from tests.integration.ledger.bulk import fill
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import accept_messages, reply

ROWS = 10_000

PRIMARY = {"pk_message", "sqlite_autoindex_message_1"}
CAMPAIGN = {"pk_campaign", "sqlite_autoindex_campaign_1"}
FILTERS = {
    "id": (MessageFilter(id="copy77"), {*PRIMARY, "ix_message_job"}),
    "reference": (MessageFilter(reference="r77"), {"uq_message_reference_lane"}),
    "recipient": (MessageFilter(recipients=["910000077"]), {"ix_message_recipient", "ix_message_recipient_lane"}),
    "template": (MessageFilter(template="t77"), {"ix_message_template"}),
    "failed": (MessageFilter(states=[State.FAILED]), {"ix_message_state"}),
    "uncertain": (MessageFilter(states=[State.UNCERTAIN]), {"ix_message_state", "ix_message_uncertain"}),
    "waiting": (MessageFilter(states=[State.WAITING]), {"ix_message_backlog", "ix_message_due"}),
    "being sent": (MessageFilter(states=[State.SENDING]), {"ix_message_lease"}),
    "code": (MessageFilter(code="131026"), {"ix_message_code"}),
    "campaign": (MessageFilter(campaign="c7"), PRIMARY),
    "occasion": (MessageFilter(occasion=("appointment", "visit-7")), {"ix_message_occasion"}),
    "flagged": (MessageFilter(flagged=True), {"ix_message_flagged"}),
}
"""Filters that select few of the rows, with the indexes that may serve them."""

_VARIED = """
UPDATE message SET template = 't' || (n % 400), recipient = CAST(910000000 + n % 5000 AS text), reference = 'r' || n,
    campaign_id = CASE WHEN n % 3 = 0 THEN 'c' || (n % 100) END, maybe_duplicate = (n % 4000 = 0),
    occasion_id = CASE WHEN n % 5 = 0 THEN 'o' || n END, job_id = 'j' || n, created_at = {created},
    state = CASE WHEN n % 200 = 0 THEN 'failed' WHEN n % 200 = 1 THEN 'uncertain' WHEN n % 200 = 2 THEN 'waiting'
        WHEN n % 2000 = 3 THEN 'sending' ELSE 'delivered' END,
    code = CASE WHEN n % 200 = 0 THEN '131026' WHEN n % 200 = 1 THEN 'read-timeout' END
FROM (SELECT id AS copy, CAST(substr(id, 5) AS integer) AS n FROM message WHERE id LIKE 'copy%') AS numbered
WHERE id = copy
"""


def test_a_count_by_time_reads_the_newest_messages_first(db: Database) -> None:
    now = datetime.now(UTC)
    for wanted, ordered in ((MessageFilter(since=now, until=now), True), (MessageFilter(states=[State.FAILED]), False)):
        with executed_statements() as statements:
            count_messages(db, wanted)
        assert ("ORDER BY message.id DESC" in statements[-1]) == ordered


def test_each_filter_and_the_reasons_use_indexes(db: Database) -> None:
    fill_varied(db)
    for name, (wanted, indexes) in FILTERS.items():
        with explained(db) as plans:
            list_page(db, wanted)
            count_messages(db, wanted)
        of_messages = [plan for plan in plans if not plan <= CAMPAIGN]
        assert len(of_messages) == 2 + (name == "campaign"), name  # whose last page asks where its search ends
        for plan in of_messages:
            assert plan & indexes, (name, plan)
            assert "message" not in plan, f"{name} reads the whole table"
    now = datetime.now(UTC)
    for options in ({"before": "copy5"}, {"wanted": MessageFilter(since=now)}, {"wanted": MessageFilter(until=now)}):
        with explained(db) as plans:
            list_page(db, **options)
        assert [plan for plan in plans if "message" in plan or not plan & PRIMARY] == []
    with explained(db) as plans:
        groups = explain(db)
    assert not [plan for plan in plans if "message" in plan]
    numbers = Counter[State]()
    for group in groups:
        numbers[group.state] += group.number
    few = ROWS // 200
    assert numbers == {State.FAILED: few, State.UNCERTAIN: few, State.WAITING: few + 1, State.SENDING: few // 10}


def test_the_pages_of_messages_read_no_whole_table(db: Database) -> None:
    fill_varied(db)
    pages: dict[str, Callable[[], object]] = {
        "search by id": lambda: find_filter(db, "copy77", None),
        "search by reference": lambda: find_filter(db, "r77", None),
        "search by number": lambda: find_filter(db, "98765 43210", ["default"]),
        "same number": lambda: list_page(db, named_filter(db, lanes=["default"], like="copy77")),
        "numbers of the rows": lambda: list_recipients(db, [f"copy{n}" for n in range(50)]),
        "reasons": lambda: explain(db, MessageFilter(lane="default"), most=10_000),
        "one message": lambda: get_status(db, find_id(db, "r77", lanes=["default"])),
        "its content": lambda: get_content(db, "copy77", ["default"]),
    }
    pages |= {act: partial(preview, db, MessageFilter(lane="default"), act) for act in KINDS}
    for name, read in pages.items():
        with explained(db) as plans:
            read()
        assert plans, name
        assert [plan for plan in plans if plan & {"message", "trace", "attempt"}] == [], name


def test_a_bulk_act_finds_each_message_by_its_index(db: Database) -> None:
    """For a thousand ids in an IN, PostgreSQL would read all of a table with twenty thousand messages."""
    (identity,) = accept_messages(db, reply())
    fill(db, identity, 20_000)
    with db.write() as tx:
        tx.execute(text("ANALYZE message"))
    wanted = MessageFilter(producer="p3")
    token = preview(db, wanted, "cancel").token
    with explained(db, "UPDATE message", as_chosen=True) as plans:
        *_, last = perform(db, wanted, "cancel", token, Actor("Asha", "command"), deadlines=DEADLINES)
    assert last.done > 2_000
    assert len(plans) == 3
    assert [plan for plan in plans if "message" in plan or not plan & PRIMARY] == []


def test_the_transaction_of_an_erasure_reads_no_whole_table(db: Database) -> None:
    """On SQLite all other writers wait for it; the search before it is a transaction of its own."""
    fill_varied(db)
    person = Mentions.of({"910000077"})
    assert LEASED_STATES | SETTLED_STATES | {State.WAITING} == set(State), "messages_to leaves out none"
    with explained(db, "") as plans, db.write() as tx:
        found = {where.table.name: lock_own(tx, where, person) for where in INVENTORY}
    assert len(found["message"]) == ROWS // 5_000
    assert [plan & set(found) for plan in plans if plan & set(found)] == []


def test_a_count_reads_no_more_than_its_bound(db: Database) -> None:
    accept_messages(db, *(reply(n) for n in range(4)))
    assert str(count_messages(db, EVERY_MESSAGE, most=3)) == "3+"
    assert str(count_messages(db, EVERY_MESSAGE, most=4)) == "4"


def fill_varied(db: Database) -> None:
    (identity,) = accept_messages(db, reply(messages=[Template("visit")]))
    fill(db, identity, ROWS)
    created = (
        "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || n || ' minutes') || '000'"
        if db.sqlite
        else "clock_timestamp() - n * interval '1 minute'"
    )
    with db.write() as tx:
        tx.execute(text(_VARIED.format(created=created)))
        tx.execute(text("ANALYZE message"))


@contextmanager
def explained(db: Database, verb: str = "SELECT", *, as_chosen: bool = False) -> Iterator[list[set[str]]]:
    """Collect, for each statement, the indexes that its plan uses and the tables that it reads as a whole.

    The plans of PostgreSQL scan no whole table where another way exists, since it would be cheap here; `as_chosen` they
    are its own.
    """
    plans: list[set[str]] = []

    def plan(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.startswith(verb) or "FROM" not in statement:
            return
        driver = connection.connection.driver_connection
        if db.sqlite:
            plans.append(sqlite_plan(driver, statement, parameters))
        else:
            plans.append(postgres_plan(driver, statement, parameters, scans="on" if as_chosen else "off"))

    engines = {db.engine, db._autocommit}
    for engine in engines:
        listen(engine, "before_cursor_execute", plan)
    try:
        yield plans
    finally:
        for engine in engines:
            remove(engine, "before_cursor_execute", plan)


def sqlite_plan(driver: Any, statement: str, parameters: Any) -> set[str]:
    steps = [step[3] for step in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    indexes = {found for step in steps for found in re.findall(r"INDEX (\w+)", step)}
    return indexes | {found for step in steps for found in re.findall(r"^SCAN (\w+)$", step)}


def postgres_plan(driver: Any, statement: str, parameters: Any, *, scans: str = "off") -> set[str]:
    driver.execute(f"SET enable_seqscan = {scans}")
    (found,) = driver.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchone()
    driver.execute("RESET enable_seqscan")
    return set(_names(found if isinstance(found, list) else json.loads(found)))


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _names(each)
    elif isinstance(node, dict):
        if "Index Name" in node:
            yield node["Index Name"]
        elif node.get("Node Type") == "Seq Scan":
            yield node["Relation Name"]
        for value in node.values():
            yield from _names(value)
