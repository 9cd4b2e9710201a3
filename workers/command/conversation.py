"""`harkara conversation`: who wrote, the chat with one person, and replies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from workers.command.deployment import backend, catalogue, configured, ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, By, me
from workers.command.output import emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.conversation import ChatEntry, ProposedAnswer
    from harkara.ledger.conversations.people import Participant
    from harkara.ledger.database import Database
    from harkara.ledger.users.acts import Actor

app = typer.Typer(no_args_is_help=True, help="Show conversations, and reply to people who wrote.")

Person = Annotated[str, typer.Argument(metavar="NUMBER", help="Number or user id, or the id of the person.")]
LaneOfPerson = Annotated[str | None, typer.Option("--lane", help="Lane, if several know the person.")]


@app.command("list", epilog="Example: harkara conversation list --unread")
def listing(
    unread: Annotated[bool, typer.Option("--unread", help="Only with an unread message.")] = False,
    search: Annotated[str, typer.Option(help="A whole number, or a part of a name.")] = "",
    lane: Annotated[str | None, typer.Option(help="Only of this lane.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Largest number of rows.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the conversations, the newest first, with the last message of each."""
    from harkara.chatmitra.webhooks import parse
    from harkara.ledger.conversations.queries import list_conversations
    from harkara.people.names import write_name

    lanes = [lane] if lane else [*configured()]
    with ledger() as db:
        found = list_conversations(db, lanes, parse, unread=unread, search=search, limit=limit)
    if as_json:
        emit({"conversations": [dict(each) for each in found]})
        return
    if not found:
        print_line("No conversations.")
        return
    local = LocalTime()
    table(
        ("number", "name", "lane", "last", "unread", "window until", "words"),
        (
            (
                each.number and write_name(each.number),
                each.name,
                each.lane,
                local.show(each.last_at, each.lane),
                each.unread or "",
                local.show(each.window_ends_at, each.lane) or "closed",
                _words(each.last) if each.last else "",
            )
            for each in found
        ),
    )


@app.command(epilog="Example: harkara conversation show 9876543210")
def show(
    number: Person,
    lane: LaneOfPerson = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Largest number of messages, the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was said in both directions, oldest first. One-time codes are never shown."""
    from harkara.chatmitra.webhooks import parse
    from harkara.ledger.conversations.chat import get_chat

    with ledger() as db:
        chat = get_chat(db, _find(db, number, lane), parse, limit=limit)
    if as_json:
        emit(dict(chat))
        return
    local = LocalTime()
    found = chat.conversation
    until = local.show(found.window_ends_at, found.lane)
    print_line(f"{found.title}  {found.contact}  {'window open until ' + until if until else 'window closed'}")
    if chat.cut:
        note("A chat has the newest 500 messages to a person; `harkara list --to NUMBER` has the older ones.")
    for entry in chat.entries:
        print_line(f"{local.show(entry.at, found.lane)}  {_who(entry)}  {_words(entry)}")
    for entry in chat.waiting:
        print_line(f"{local.show(entry.at, found.lane)}  not sent yet  {_words(entry)}")


@app.command(epilog='Example: harkara conversation reply 9876543210 "Yes, until nine"')
def reply(
    number: Person,
    text: Annotated[str | None, typer.Argument(help="Text, while the 24-hour window is open.")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of template instead of a text.")] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=TEXT", help="Parameter of the template; repeat it."),
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Your own id: a repeat sends nothing twice.")] = None,
    lane: LaneOfPerson = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Reply to a person with a text or a template. Exits with 4 if the 24-hour window is closed for a text."""
    from harkara.errors import Invalid
    from harkara.ledger.conversations import commands
    from harkara.ledger.users.acts import Actor
    from harkara.messages import Text

    if (text is None) == (kind is None):
        raise Invalid("text", "give either a text or --kind")
    with ledger() as db, backend() as opened:
        person = _find(db, number, lane)
        message = Text(text) if text is not None else None
        message_or_template = message or catalogue().message(
            kind or "", _parameters(values or ()), opted_in=person.state.agreed_at is not None
        )
        receipt = commands.reply(
            db,
            opened.enqueue,
            person,
            message_or_template,
            producer="command",
            hold=_hold(),
            reference=reference,
            by=Actor(by or me(), "command"),
        )
    if as_json:
        emit({"id": receipt.id, "new": receipt.new})
    else:
        print_line(receipt.id if receipt.new else f"{receipt.id} was accepted before; nothing was sent again")


@app.command(epilog="Example: harkara conversation read 9876543210")
def read(number: Person, lane: LaneOfPerson = None, by: By = None, as_json: AsJson = False) -> None:
    """Mark the messages of a conversation as read."""
    from harkara.ledger.conversations import commands
    from harkara.ledger.users.acts import Actor

    with ledger() as db:
        done = commands.mark_read(db, _find(db, number, lane), by=Actor(by or me(), "command"))
    if as_json:
        emit({"read": done})
    else:
        print_line("Marked as read." if done else "Nothing was unread.")


@app.command(epilog="Example: harkara conversation assign 9876543210")
def assign(number: Person, lane: LaneOfPerson = None, by: By = None, as_json: AsJson = False) -> None:
    """Assign a conversation to a person: the assistant is silent for `give-back` of config/assistant.toml."""
    from harkara.ledger.conversations.modes import assign_to_person

    hold = _hold()
    _change(
        number, lane, by, as_json, "person", lambda db, person, actor: assign_to_person(db, person, by=actor, hold=hold)
    )


@app.command("give-back", epilog="Example: harkara conversation give-back 9876543210")
def give_back(number: Person, lane: LaneOfPerson = None, by: By = None, as_json: AsJson = False) -> None:
    """Give a conversation back to the assistant, which answers what the customer writes next."""
    from harkara.ledger.conversations import modes

    _change(number, lane, by, as_json, "assistant", lambda db, person, actor: modes.give_back(db, person, by=actor))


@app.command(epilog="Example: harkara conversation off 9876543210")
def off(number: Person, lane: LaneOfPerson = None, by: By = None, as_json: AsJson = False) -> None:
    """Switch the assistant off for this person, until the conversation is given back."""
    from harkara.ledger.conversations import modes

    _change(number, lane, by, as_json, "off", lambda db, person, actor: modes.switch_off(db, person, by=actor))


@app.command(epilog="Example: harkara conversation draft 9876543210")
def draft(number: Person, lane: LaneOfPerson = None, as_json: AsJson = False) -> None:
    """Show the assistant's draft that waits for a person. Exits with 3 without one."""
    with ledger() as db:
        found = _draft(db, _find(db, number, lane))
    if as_json:
        emit(dict(found))
        return
    for text in found.texts:
        print_line(text)
    if found.hand_over:
        print_line(f"(gives the conversation to a person: {found.hand_over})")


@app.command("send-draft", epilog="Example: harkara conversation send-draft 9876543210")
def send_draft(
    number: Person,
    texts: Annotated[
        list[str] | None, typer.Option("--text", metavar="TEXT", help="Your words instead of the draft's; repeat it.")
    ] = None,
    lane: LaneOfPerson = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Send the draft that waits, as it is or with your own words, unless the customer has written since."""
    from config.settings import settings
    from harkara.assistant.rules import AssistantRules
    from harkara.ledger.users.acts import Actor

    rules = AssistantRules.load(settings().assistant_file)
    with ledger() as db, backend() as opened:
        person = _find(db, number, lane)
        opened.send_draft(_draft(db, person).id, person, rules, by=Actor(by or me(), "command"), texts=texts)
    emit({"decided": True}) if as_json else print_line("The draft is sent.")


@app.command("discard-draft", epilog="Example: harkara conversation discard-draft 9876543210")
def discard(number: Person, lane: LaneOfPerson = None, by: By = None, as_json: AsJson = False) -> None:
    """Discard the draft that waits: it is never sent."""
    from harkara.ledger.conversations.drafts import discard_draft
    from harkara.ledger.users.acts import Actor

    with ledger() as db:
        person = _find(db, number, lane)
        discard_draft(db, _draft(db, person).id, by=Actor(by or me(), "command"), of=person)
    emit({"decided": True}) if as_json else print_line("The draft is discarded.")


def _draft(db: Database, person: Participant) -> ProposedAnswer:
    from harkara.errors import NotFound
    from harkara.ledger.conversations.proposals import find_draft

    if found := find_draft(db, person):
        return found
    raise NotFound("no draft of the assistant waits in this conversation")


def _change(
    number: str,
    lane: str | None,
    by: str | None,
    as_json: bool,
    mode: str,
    change: Callable[[Database, Participant, Actor], None],
) -> None:
    from harkara.ledger.users.acts import Actor

    with ledger() as db:
        change(db, _find(db, number, lane), Actor(by or me(), "command"))
    if as_json:
        emit({"mode": mode})
    else:
        print_line(_MODES[mode])


_MODES = {
    "person": "A person answers this conversation.",
    "assistant": "The assistant answers what the customer writes next.",
    "off": "The assistant never answers this conversation.",
}


def _hold() -> timedelta:
    """Return how long a person has a conversation, as config/assistant.toml says."""
    from config.settings import settings
    from harkara.assistant.rules import AssistantRules

    return AssistantRules.load(settings().assistant_file).give_back


def _find(db: Database, number: str, lane: str | None) -> Participant:
    from harkara.ledger.conversations.people import find_participant

    return find_participant(db, number, [lane] if lane else None)


def _parameters(values: Iterable[str]) -> dict[str, str]:
    from harkara.errors import Invalid

    pairs = [each.partition("=") for each in values]
    if any(not equals for _, equals, _ in pairs):
        raise Invalid("set", "must be NAME=TEXT")
    return {name: text for name, _, text in pairs}


def _who(entry: ChatEntry) -> str:
    if entry.direction == "received":
        return "customer"
    if entry.direction == "consent":
        return f"{entry.kind} ({entry.category}, {entry.source})"
    return f"us, {entry.state}" + (f", answered: {entry.answer}" if entry.answer else "")


def _words(entry: ChatEntry) -> str:
    if entry.category == "authentication":
        return "(one-time code)"
    return entry.text or f"({entry.template or entry.kind})"
