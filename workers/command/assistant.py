"""`harkara assistant`: try a question without sending, replay recorded talks, and switch the assistant off and on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from workers.command import assistant_switch
from workers.command.options import AsJson
from workers.command.output import ERROR, emit, print_line, table

if TYPE_CHECKING:
    from harkara.assistant.replay import Measures, TurnOutcome
    from harkara.assistant.talk import Proposal, Talk

app = typer.Typer(no_args_is_help=True, help="Try the assistant, show what it does, and switch it off and on.")
assistant_switch.add_to(app)

_SOURCES: Final[Mapping[str, str]] = {
    "rule": "the fixed sentences and words",
    "cache": "the FAQ",
    "faq": "the FAQ",
    "model": "the language model",
    "backup": "the backup sentence",
}

WithModel = Annotated[bool, typer.Option("--model/--no-model", help="Ask the model of config/assistant.toml, too.")]


@app.command("try", epilog="Example: harkara assistant try 'order kab aayega'")
def try_(
    question: Annotated[str, typer.Argument(help="What a customer writes; a line for each message.")],
    lane: Annotated[str, typer.Option(help="Lane whose time zone counts.")] = "default",
    model: WithModel = True,
    as_json: AsJson = False,
) -> None:
    """Show what a customer would get: the entries that are near, the redacted question, the answer and the check.

    Nothing is sent and nothing is stored. Lookups are not called, since there is no contact.
    """
    from config.files import ConfigFiles
    from config.settings import settings
    from config.wiring.answering import build_assistant, build_index
    from config.wiring.assistant import build_model
    from harkara.assistant.privacy import redact_talk

    files = ConfigFiles.load(settings())
    index = build_index(files)
    chosen = build_model(files.assistant, settings()) if model else None
    talk = _talk(question, lane)
    near = [{"entry": each.entry, "score": each.score} for each in index.find(question)]
    proposal = build_assistant(files, index, chosen).propose(talk)
    shown = {"redacted": redact_talk(talk).text, "near": near, **_shown(proposal)}
    emit(shown) if as_json else _print(shown)


@app.command(epilog="Example: harkara assistant replay examples/assistant-talks.jsonl")
def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="FILE.jsonl", help="Recorded talks.")],
    model: WithModel = True,
    as_json: AsJson = False,
) -> None:
    """Run recorded talks against today's FAQ, rules and model, and print the measures and each turn that fails.

    Exits with 1 if a talk fails. Lookups give what the talk has recorded.
    """
    from harkara.assistant.replay import measure

    outcomes = list(_replayed(file, model))
    failed = [_failure(each) for each in outcomes if each.failed]
    _print_replay(measure(outcomes), failed, as_json)
    if failed:
        raise typer.Exit(ERROR)


@app.command(epilog="Example: harkara assistant report --days 7")
def report(
    lane: Annotated[str | None, typer.Option(help="Only of this lane.")] = None,
    days: Annotated[int, typer.Option(min=1, max=30, help="Only of the last days.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Show what became of the assistant's turns: answers by source, hand-overs by cause, drafts, times and cost.

    Of the newest 5,000 turns.
    """
    from harkara.ledger.conversations.report import get_report
    from workers.command.deployment import configured, ledger

    with ledger() as db:
        found = dict(get_report(db, [lane] if lane else [*configured()], days=days))
    if as_json:
        emit(found)
        return
    table(("figure", "value"), ((name.replace("_", " "), _plain(value)) for name, value in found.items()))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{number} {name}" for name, number in value.items()) or "none"
    return "" if value is None else value


def _replayed(file: Path, with_model: bool) -> Iterable[TurnOutcome]:
    from functools import partial

    from config.files import ConfigFiles
    from config.settings import settings
    from config.wiring.answering import build_assistant, build_index
    from config.wiring.assistant import build_model
    from harkara.assistant.replay import RecordedTalk, read_talks, replay_talk
    from harkara.assistant.replay.recorded import recorded_tools

    talks = read_talks(file)
    files = ConfigFiles.load(settings())
    index = build_index(files)
    model = build_model(files.assistant, settings()) if with_model else None

    def answer(talk: Talk, recorded: RecordedTalk) -> Proposal:
        tools = partial(recorded_tools, files.assistant.lookups, recorded.lookups)
        return build_assistant(files, index, model, tools).propose(talk)

    for each in talks:
        yield from replay_talk(each, answer, files.words)


def _talk(question: str, lane: str) -> Talk:
    from datetime import UTC, datetime

    from harkara.assistant.talk import Said, Talk

    now = datetime.now(UTC)
    said = tuple(Said(by="customer", text=line, at=now) for line in question.split("\n"))
    return Talk(lane=lane, person="try", number=None, name=None, revision=1, now=now, said=said)


def _shown(proposal: Proposal) -> dict[str, Any]:
    values = asdict(proposal)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _print(shown: Mapping[str, Any]) -> None:
    print_line(f"Without personal data: {shown['redacted']}")
    near = ((each["entry"], f"{each['score']:.2f}") for each in shown["near"])
    table(("near entry", "score"), near) if shown["near"] else print_line("No entry of the FAQ is near.")
    for number, text in enumerate(shown["texts"], start=1):
        print_line(f"\nMessage {number} to the customer:\n{text}\n")
    if not shown["texts"]:
        print_line("The customer gets no message.")
    for line in _about(shown):
        print_line(line)


def _about(shown: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the answer comes from, and why a person takes over."""
    from harkara.assistant.summary import CAUSES

    if shown["buttons"]:
        yield f"Buttons: {', '.join(shown['buttons'])}"
    if shown["citations"]:
        yield f"It rests on: {', '.join(shown['citations'])}"
    if shown["tokens"]:
        yield f"The model read and wrote {shown['tokens']} tokens."
    if shown["failure"]:
        yield f"Not answered: {shown['failure']}"
    if shown["hand_over"]:
        yield f"A person takes over, since the customer {CAUSES[shown['hand_over']]}."
        yield f"Summary for the person: {shown['summary']}"
    yield f"Made from {_SOURCES[shown['source']]} in {shown['milliseconds']} ms; nothing was sent."


def _failure(outcome: TurnOutcome) -> dict[str, Any]:
    """What is wrong with a turn, without its texts: a leaked secret is named by its number alone."""
    return {
        "talk": outcome.talk.name,
        "turn": outcome.turn,
        "fault": outcome.fault,
        "leaked": len(outcome.leaked),
        "forbidden": len(outcome.forbidden),
    }


def _print_replay(measures: Measures, failed: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        emit({**asdict(measures), "failures": failed})
        return
    table(("measure", "count"), ((name.replace("_", " "), count) for name, count in asdict(measures).items()))
    if failed:
        table(tuple(failed[0]), (tuple(each.values()) for each in failed))
