"""The inventory of personal data: each text column of each table, what it holds, and what an erasure does with it.

A test compares it with the schema: a new table or a new text column needs an entry here. Numbers, times and flags hold
nothing of a person once the texts of their row are erased.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import ColumnElement, CompoundSelect, Table, and_, func, or_, select, tuple_, union_all

from harkara.ledger.conditions import LEASED, SETTLED, in_state
from harkara.ledger.personal.contains import contains
from harkara.ledger.tables import (
    act,
    alarm,
    alias,
    applied_entry,
    attempt,
    audit_run,
    budget,
    callback,
    campaign,
    charge,
    consent,
    contact,
    conversation,
    dead_letter,
    event,
    goal,
    halt,
    identity,
    lease,
    message,
    notice,
    occasion,
    process,
    replaced_post,
    session,
    spend_backfill,
    spend_day,
    spend_delta,
    trace,
    turn,
    upload,
    upload_part,
    user,
    worker,
)
from harkara.people.mentions import Mentions
from harkara.states import State

Treatment = Literal["remove", "clear", "rename", "mask", "none"]
"""What an erasure does with a column.

`remove`: it is emptied in the person's own rows, and masked in other rows. `clear`: it is emptied in the person's own
rows, and other rows cannot mention the person in it: a digest, or the name by which own rows are found.
`rename`: the name becomes a pseudonym. `mask`: each mention of the person becomes a pseudonym. `none`: it holds no
personal data, because Harkara generates it (an id, a digest, a state) or because the configuration names it (a lane, a
kind, a template).
"""

Find = Callable[[Mentions], ColumnElement[bool]]
"""Returns the condition on the rows of a table that are about a person."""


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """One table: `own` finds the rows that are about a person, None if none are; `columns` has each text column.

    `kept` says why something stays of the person's rows, None if nothing does. With `own_by_search`, no index finds
    the person's rows: the whole table is read.
    """

    table: Table
    own: Find | None
    columns: Mapping[str, Treatment] = field(default_factory=dict)
    kept: str | None = None
    own_by_search: bool = False

    @property
    def is_personal(self) -> bool:
        """Whether a row can be about a person, or mention one."""
        return self.own is not None or bool(self.searched)

    @property
    def searched(self) -> tuple[str, ...]:
        """The columns in which a person may be mentioned, in rows about anyone."""
        return tuple(name for name, treatment in self.columns.items() if treatment in ("remove", "mask"))


def _columns(
    *, remove: str = "", clear: str = "", rename: str = "", mask: str = "", none: str = ""
) -> dict[str, Treatment]:
    by_treatment: dict[Treatment, str] = {
        "remove": remove,
        "clear": clear,
        "rename": rename,
        "mask": mask,
        "none": none,
    }
    return {name: treatment for treatment, names in by_treatment.items() for name in names.split()}


def _named(column: ColumnElement[str]) -> Find:
    return lambda person: column.in_(person.names)


def messages_to(person: Mentions) -> CompoundSelect[tuple[str]]:
    """Return a query for the ids of all messages to the person. Each part has an index, and together they have none."""
    states = (in_state(State.WAITING), LEASED, SETTLED)
    return union_all(*(select(message.c.id).where(message.c.recipient.in_(person.names), each) for each in states))


def _of_messages(column: ColumnElement[str]) -> Find:
    return lambda person: column.in_(messages_to(person))


def _of_contact(person: Mentions) -> ColumnElement[bool]:
    """Match the contacts with the names, by the primary key: its first column is the lane."""
    lanes = select(func.min(contact.c.lane).label("lane")).cte("lanes", recursive=True)
    following = select(func.min(contact.c.lane)).where(contact.c.lane > lanes.c.lane).scalar_subquery()
    every = lanes.union_all(select(following).where(lanes.c.lane.is_not(None)))
    return and_(contact.c.lane.in_(select(every.c.lane)), contact.c.recipient.in_(person.names))


def _of_turns(person: Mentions) -> ColumnElement[bool]:
    return turn.c.person.in_(select(contact.c.person).where(_of_contact(person)))


def _of_messages_and_turns(column: ColumnElement[str]) -> Find:
    # One list of ids: with two conditions PostgreSQL reads the whole table.
    return lambda person: column.in_(
        union_all(*messages_to(person).selects, select(turn.c.id).where(_of_turns(person)))
    )


def _of_people(person: Mentions) -> ColumnElement[bool]:
    people = select(contact.c.lane, contact.c.person).where(_of_contact(person))
    return tuple_(conversation.c.lane, conversation.c.person).in_(people)


def _of_sender(person: Mentions) -> ColumnElement[bool]:
    # What names no sender is a status, about its recipient, or not applied.
    unnamed = or_(event.c.sender.is_(None), event.c.sender == "")
    return or_(event.c.sender.in_(person.names), and_(unnamed, contains(event.c.body, person.needles)))


def _of_customer(person: Mentions) -> ColumnElement[bool]:
    """Match the callbacks whose data name the person as the customer: the words of another may mention the person."""
    named = (f'"{key}": "{name}"' for key in ("from", "to", "number", "user_id") for name in person.names)
    handed_over = callback.c.subject.in_(select(contact.c.person).where(_of_contact(person)))
    return or_(handed_over, *(callback.c.data.contains(each, autoescape=True) for each in named))


def _mentions(*columns: ColumnElement[str | None]) -> Find:
    return lambda person: or_(*(contains(column, person.needles) for column in columns))


PROOF_STAYS: Final = (
    "The proof that consent was given or withdrawn stays under a keyed digest of the number: it is owed in a dispute"
    " (DPDP Act, 2023, section 6(10))."
)

INVENTORY: Final = (
    PersonalTable(
        message,
        _of_messages(message.c.id),
        _columns(
            remove="body fallback",
            clear="recipient digest",
            mask="reference reason",
            none="id lane producer kind template category state waited_for code job_id whatsapp_id occasion_id rule"
            " answer campaign_id talk_person traceparent country",
        ),
        "State, times, template and country stay, without number and text: they are counted, and priced by country.",
    ),
    PersonalTable(
        attempt,
        _of_messages(attempt.c.message_id),
        _columns(clear="echo", mask="text", none="message_id lane worker gates outcome code job_id"),
        "Times and outcomes of the POSTs stay, without number and text.",
    ),
    PersonalTable(
        trace,
        _of_messages(trace.c.message_id),
        _columns(mask="detail", none="message_id event code"),
        "The changes of state stay, without number and text.",
    ),
    PersonalTable(alias, _of_messages(alias.c.message_id), _columns(none="id message_id"), "Ids alone."),
    PersonalTable(
        replaced_post,
        _of_messages(replaced_post.c.message_id),
        _columns(none="lane kind value message_id"),
        "Digests and ids alone.",
    ),
    PersonalTable(
        occasion,
        _named(occasion.c.recipient),
        _columns(
            remove="parameters reason",
            clear="recipient",
            mask="reference",
            none="id kind lane producer language zone stream_position rules status",
        ),
        "Time and status stay, without number and parameters: they are counted.",
        own_by_search=True,  # closed ones have no index
    ),
    PersonalTable(
        event,
        _of_sender,
        _columns(remove="body", clear="sender", none="lane identity about state message_id webhook_digest"),
        "The digest stays, by which a repeat is recognized.",
        own_by_search=True,
    ),
    PersonalTable(
        callback,
        _of_customer,
        _columns(remove="data", mask="reason", none="id lane kind subject state"),
        "Time and kind stay until the callback is deleted, a week after its end.",
        own_by_search=True,
    ),
    PersonalTable(
        dead_letter,
        _mentions(dead_letter.c.content),
        _columns(remove="content", mask="entry reason", none="source kind error"),
        "The error stays, without the content.",
        own_by_search=True,
    ),
    PersonalTable(
        charge,
        _of_messages_and_turns(charge.c.message_id),
        _columns(remove="person", none="message_id lane category template campaign_id currency"),
        "The cost stays, without the recipient: it is part of the accounts.",
    ),
    PersonalTable(
        conversation, _of_people, _columns(remove="name", none="lane person mode mode_cause"), "Nothing: it is deleted."
    ),
    PersonalTable(
        turn,
        _of_turns,
        _columns(
            remove="content summary",
            mask="failure",
            none="id lane person outcome source citations hand_over message_id decided_by decision",
        ),
        "Times, sources and cost of the answers stay, without their texts: they are counted.",
    ),
    PersonalTable(
        contact,
        _of_contact,
        _columns(rename="recipient", none="lane stopped person"),
        "An opt-out stays under a keyed digest of the number, so that no later campaign selects it.",
    ),
    PersonalTable(
        consent,
        _named(consent.c.recipient),
        _columns(rename="recipient", mask="proof", none=" ".join(("lane", "wish", "category", "how"))),
        PROOF_STAYS,
    ),
    PersonalTable(
        campaign,
        None,
        _columns(
            mask="name source reason steps deleted_results counts",
            none="id lane kind template category state code currency effect parent_id deleted_recipients first_id"
            " last_id",
        ),
    ),
    # An erasure deletes all uploads: their files hold numbers in any spelling.
    PersonalTable(upload, None, _columns(mask="name", none="id lane")),
    PersonalTable(upload_part, None, _columns(none="upload_id")),
    PersonalTable(goal, None, _columns(none="goal lane subject")),
    PersonalTable(alarm, None, _columns(mask="acknowledged_by", none="id goal lane subject sentence")),
    PersonalTable(notice, None, _columns(none="alarm_id event receiver")),
    PersonalTable(halt, None, _columns(mask="reason", none="lane scope subject code")),
    PersonalTable(spend_day, None, _columns(none="lane category template campaign_id currency")),
    PersonalTable(spend_delta, None, _columns(none="lane category template campaign_id currency")),
    PersonalTable(spend_backfill, None, _columns(none="counted_to")),
    PersonalTable(budget, None, _columns(none="lane period campaign_id currency")),
    PersonalTable(applied_entry, None, _columns(none="id")),
    PersonalTable(audit_run, None, _columns(none="requested_by source holder part done_for report")),
    PersonalTable(identity, None, _columns(none="ledger oldest_revision timeline")),
    PersonalTable(lease, None, _columns(none="name holder")),
    PersonalTable(process, None, _columns(none="name redis release revision")),
    PersonalTable(worker, None, _columns(none="name")),
    # Users are the deployment's own people. An act names no customer: numbers are masked before it is written.
    PersonalTable(user, None, _columns(none="id name role lanes language password link")),
    PersonalTable(session, None, _columns(none="digest user_id how")),
    PersonalTable(act, None, _columns(none="name source act subject filter")),
)
